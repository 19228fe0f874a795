"""The networks for video: sizes, heads, what they see, the motion they begin with."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.learning.video.view import position_grid
from depth_prompt_ros.networks.video.depth_net import HEADS, VideoDepthNet, VideoSettings
from depth_prompt_ros.networks.video.levels import Levels
from depth_prompt_ros.networks.video.pose_net import PoseNet, rigid

SMALL = {"width": 0.0625, "levels": 7}


def count(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def look(network, picture):
    height, width = picture.shape[2:]
    return network(
        picture, position_grid(height, width).expand(len(picture), -1, -1, -1), torch.full((len(picture), 2), 150.0)
    )


def test_full_width_has_the_published_number_of_parameters_and_a_quarter_a_sixteenth() -> None:
    assert count(VideoDepthNet(VideoSettings("disparity"))) == 14_509_368
    assert count(VideoDepthNet(VideoSettings("adaptive", width=0.25))) == pytest.approx(0.94e6, rel=0.01)
    assert count(PoseNet()) == pytest.approx(5.3e6, rel=0.01)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("size", [(96, 160), (52, 84)])
def test_disparities_lie_in_the_range_and_agree_with_the_layers(head, size) -> None:
    torch.manual_seed(0)
    network = VideoDepthNet(VideoSettings(head, farthest=0.5, nearest=5.0, **SMALL))
    torch.nn.init.normal_(network.head.weight, std=0.5)
    picture = torch.rand(2, 3, *size)
    disparity = look(network, picture)
    assert disparity.shape == (2, 1, *size)
    assert disparity.min() >= 0.5 and disparity.max() <= 5.0 and disparity.std() > 0.01
    planes = Levels(0.5, 5.0, 33)
    focal, grid = torch.full((2, 2), 150.0), position_grid(*size).expand(2, -1, -1, -1)
    found = network.layered(picture, grid, focal, planes)
    torch.testing.assert_close(found.disparity, disparity)
    torch.testing.assert_close(found.layers.sum(1), torch.ones(2, *size))
    mean = (found.layers * planes.values().view(1, -1, 1, 1)).sum(1, keepdim=True)
    torch.testing.assert_close(mean, disparity, rtol=1e-4, atol=1e-4)
    found.disparity.sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


@pytest.mark.parametrize("head", HEADS)
def test_a_proportional_disparity_doubles_with_the_focal_length_in_layers_too(head) -> None:
    torch.manual_seed(0)
    settings = VideoSettings(head, farthest=0.5, nearest=5.0, focal_unit=100.0, proportional=True, **SMALL)
    network = VideoDepthNet(settings)  # as it begins it hardly sees anything
    picture, grid = torch.rand(1, 3, 32, 48), position_grid(32, 48)
    planes = Levels(0.25, 20.0, 40)
    small, large = (network.layered(picture, grid, torch.full((1, 2), focal), planes) for focal in (100.0, 200.0))
    torch.testing.assert_close(large.disparity, 2 * small.disparity, rtol=0.03, atol=0)
    for found in (small, large):
        mean = (found.layers * planes.values().view(1, -1, 1, 1)).sum(1, keepdim=True)
        torch.testing.assert_close(mean, found.disparity, rtol=1e-4, atol=1e-4)


def test_levels_are_geometric_and_the_adaptive_curve_begins_as_the_fixed_one() -> None:
    values = Levels(0.005, 0.3, 33).values()
    assert float(values[0]) == pytest.approx(0.005) and float(values[-1]) == pytest.approx(0.3)
    torch.testing.assert_close(values[1:] / values[:-1], torch.full((32,), math.exp(math.log(60) / 32)))
    fixed, adaptive = (VideoDepthNet(VideoSettings(head, **SMALL)) for head in ("levels", "adaptive"))
    for network in (fixed, adaptive):
        torch.nn.init.zeros_(network.head.weight)
    picture = torch.rand(1, 3, 32, 48)
    torch.testing.assert_close(look(fixed, picture), look(adaptive, picture))
    torch.testing.assert_close(look(fixed, picture), fixed.levels.values().mean().expand(1, 1, 32, 48))


def test_the_adaptive_curve_puts_levels_where_the_pixel_wants_them() -> None:
    network = VideoDepthNet(VideoSettings("adaptive", **SMALL))
    outputs = torch.zeros(1, 8, 1, 3)
    outputs[0, 7, 0] = torch.tensor([-9.0, 0.0, 9.0])
    _, values, _ = network._of_unit(outputs)
    place = 1 + torch.log(values[0, 3, 0] / 0.3) / math.log(60)
    torch.testing.assert_close(place, 0.5 ** torch.tensor([1 / 3, 1.0, 3.0]))


def test_the_grid_and_the_focal_length_are_seen_but_not_the_grid_of_a_network_without() -> None:
    torch.manual_seed(0)
    picture, grid, focal = torch.rand(1, 3, 64, 64), position_grid(64, 64), torch.full((1, 2), 150.0)
    for seen in (True, False):
        network = VideoDepthNet(VideoSettings("disparity", grid=seen, **SMALL))
        torch.nn.init.normal_(network.head.weight)
        moved = (network(picture, grid, focal) - network(picture, grid + 0.5, focal)).abs().max()
        assert (moved > 1e-4) == seen
        assert (network(picture, grid, focal) - network(picture, grid, 2 * focal)).abs().max() > 1e-5
        torch.testing.assert_close(network(picture, grid, focal), network(picture, grid, -focal))  # a mirrored view


def test_motion_begins_at_none_is_rigid_and_stays_in_its_range() -> None:
    network = PoseNet(width=0.1)
    pictures = torch.rand(3, 2, 3, 64, 96)
    torch.testing.assert_close(network(*pictures), torch.eye(4).expand(2, 4, 4))
    torch.nn.init.normal_(network.head.weight, std=50.0)
    motion = network(*pictures)
    turn = motion[:, :3, :3]
    torch.testing.assert_close(turn @ turn.transpose(1, 2), torch.eye(3).expand(2, 3, 3), atol=1e-5, rtol=0)
    assert (motion[:, :3, 3].abs() <= torch.tensor([2.0, 1.0, 10.0])).all() and motion[:, :3, 3].abs().max() > 0.1
    assert (
        network(pictures[0], pictures[1], pictures[2]) - network(pictures[0], pictures[2], pictures[1])
    ).abs().max() > 0


def test_rotations_are_about_the_axes_that_they_say() -> None:
    quarter = math.pi / 2
    z = rigid(torch.tensor([[0, 0, 0, 0, 0, quarter]]))[0, :3, :3]
    torch.testing.assert_close(z @ torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 0]), atol=1e-6, rtol=0)
    xy = rigid(torch.tensor([[0, 0, 0, quarter, quarter, 0]]))[0, :3, :3]
    torch.testing.assert_close(xy @ torch.tensor([0.0, 1, 0]), torch.tensor([1.0, 0, 0]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("wrong", [{"head": "depth"}, {"levels": 1}, {"nearest": 0.001}, {"width": 0}])
def test_settings_that_make_no_network_are_refused(wrong) -> None:
    with pytest.raises(BadModel, match=r"no head|no network"):
        VideoDepthNet(VideoSettings(**wrong))
