"""RAFT-Stereo and CREStereo as published, and what the small networks are made of.

Digests and answers are of the published code itself, with the weights of :func:`filled` in it; with random weights its
answers and ours differed by 1e-5 px.
"""

from __future__ import annotations

import hashlib
from zlib import crc32

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.networks import store
from depth_prompt_ros.networks.catalogue import STEREO, find_any, find_stereo
from depth_prompt_ros.networks.entry import StereoEntry
from depth_prompt_ros.networks.stereo import raft_stereo
from depth_prompt_ros.networks.stereo.crestereo import CreStereo
from depth_prompt_ros.networks.stereo.interface import PreparedStereo
from depth_prompt_ros.networks.stereo.parts import convex_upsample, gather_linear
from depth_prompt_ros.networks.stereo.raft_stereo import RaftStereo
from depth_prompt_ros.networks.stereo.raft_stereo_small import RaftStereoSmall

PUBLISHED = {
    "raft-stereo-middlebury": (337, 11_116_176, "3ed0f84af5ef4df6"),
    "raft-stereo-realtime": (309, 9_865_568, "d37cc4cfb123e765"),
    "crestereo-eth3d": (94, 5_432_948, "a057b294aea17329"),
}

ANSWERS = {
    "raft-stereo-middlebury": (3, 11.745183944702148, 3.59759783744812, [9.091100692749023, 12.624529838562012]),
    "raft-stereo-realtime": (3, 14.828234672546387, 12.31839370727539, [-11.115650177001953, 13.6957426071167]),
    "crestereo-eth3d": (2, 29.098979949951172, 9.433340072631836, [30.71061897277832, 36.716270446777344]),
}
"""Iterations; mean, deviation and two pixels of the disparity of :func:`pair`."""


def published_names(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes; RAFT-Stereo's file has the norms of shortcuts twice."""
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    if isinstance(network, RaftStereo):
        again = {name.replace("downsample.1", "norm3"): shape for name, shape in shapes.items()}
        shapes.update({name: shape for name, shape in again.items() if "norm3" in name})
    return shapes


def filled(network: torch.nn.Module) -> torch.nn.Module:
    """Weights that depend on their names alone."""
    tensors = {}
    for name, value in network.state_dict().items():
        generator = torch.Generator().manual_seed(crc32(name.encode()))
        drawn = torch.randn(value.shape, generator=generator)
        matrix = drawn / max(1, value[0].numel()) ** 0.5 if value.ndim > 1 else 1 + 0.1 * drawn.abs()
        tensors[name] = matrix if value.is_floating_point() else value
    network.load_state_dict(tensors)
    return network.eval()


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 16, 46, generator=generator)
    texture = functional.interpolate(coarse, (64, 184), mode="bilinear", align_corners=False)
    return 2 * texture[..., :160] - 1, 2 * texture[..., 6:166] - 1


@pytest.mark.parametrize("name", PUBLISHED)
def test_tensors_are_named_and_shaped_as_published(name) -> None:
    with torch.device("meta"):
        network = STEREO[name].build()
    shapes = published_names(network)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    lines = "\n".join(sorted(f"{key} {shape}" for key, shape in shapes.items()))
    assert (len(shapes), parameters, hashlib.sha256(lines.encode()).hexdigest()[:16]) == PUBLISHED[name]


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_those_of_the_published_code(name) -> None:
    iterations, mean, deviation, pixels = ANSWERS[name]
    network = filled(STEREO[name].build())
    network.iterations = iterations
    with torch.inference_mode():
        answer = network(*pair())
    assert answer.shape == (1, 1, 64, 160)
    assert float(answer.mean()) == pytest.approx(mean, abs=1e-3)
    assert float(answer.std()) == pytest.approx(deviation, abs=1e-3)
    assert answer[0, 0, 20, [10, 90]].tolist() == pytest.approx(pixels, abs=1e-3)


def small_networks() -> list[torch.nn.Module]:
    torch.manual_seed(0)
    widths = (8, 8, 16, 16, 16)
    return [
        RaftStereoSmall(widths, hidden=16, candidates=8, iterations=2),
        CreStereo((8, 8, 16), hidden=16, iterations=2, two_stages=False),
        RaftStereo(iterations=2),
        RaftStereo(halvings=3, scales=1, norm="group", iterations=2),
    ]


@pytest.mark.parametrize("number", range(4))
def test_the_last_step_is_the_answer_and_every_weight_learns(number) -> None:
    network = small_networks()[number]
    left, right = (picture.clone().requires_grad_() for picture in pair())
    steps = network.steps(left, right)
    assert all(step.shape == (1, 1, 64, 160) for step in steps)
    assert torch.allclose(steps[-1], network(left, right), atol=1e-4)
    torch.stack([step.mean() for step in steps]).sum().backward()
    assert float(right.grad.abs().sum()) > 0
    unused = {"gru16", "gru32", "layer4", "layer5", "outputs16", "outputs32"} if number == 3 else set()
    still = [
        name for name, each in network.named_parameters() if each.grad is None and not unused & set(name.split("."))
    ]
    assert still == []


def test_gathering_is_a_grid_sample_with_nothing_outside() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(5, 7, generator=generator)
    places = torch.tensor([-9.0, -0.3, 2.25, 5.9, 11.0])
    found = gather_linear(values, places, 2)
    at = places[:, None] + torch.arange(-2.0, 3.0)
    grid = torch.stack([2 * at / 6 - 1, torch.zeros_like(at)], 2)[:, None]
    expected = functional.grid_sample(values[:, None, None], grid, align_corners=True)[:, 0, 0]
    assert torch.allclose(found, expected, atol=1e-5)


def test_convex_upsampling_weighs_the_neighbours() -> None:
    field = torch.arange(12.0).view(1, 1, 3, 4)
    logits = torch.full((1, 9, 4, 3, 4), -50.0)
    logits[:, 4, :, :, :] = 0  # the pixel itself
    logits[:, 5, 1] = 0  # and its right neighbour, for the upper right place
    fine = convex_upsample(field, logits.flatten(1, 2), 2)
    assert fine.shape == (1, 1, 6, 8)
    assert fine[0, 0, 2:4, 2:4].tolist() == [[10.0, 11.0], [10.0, 10.0]]
    flat = torch.ones(1, 1, 3, 4)
    assert torch.allclose(convex_upsample(flat, torch.zeros(1, 36, 3, 4), 2, "repeat"), torch.full((1, 1, 6, 8), 2.0))
    assert float(convex_upsample(flat, torch.zeros(1, 36, 3, 4), 2).amin()) == pytest.approx(8 / 9)


def test_blue_comes_first_where_a_network_wants_it() -> None:
    class Red(torch.nn.Module):
        def forward(self, left, right):
            return left[:, :1] + 10 * right[:, :1]

    entry = find_stereo("crestereo-eth3d")
    left, right = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    left[:, 2], right[:, 0] = 1.0, 1.0  # blue left, red right
    assert float(PreparedStereo(Red(), entry)(left, right)[0, 0, 0, 0]) == 1 - 10
    plain = StereoEntry(name="", build=Red, multiple=1, licence="")
    assert float(PreparedStereo(Red(), plain)(left, right)[0, 0, 0, 0]) == -1 + 10


def test_published_checkpoints_are_added_checked_and_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DEPTH_PROMPT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(raft_stereo, "_HIDDEN", 16)
    name = "raft-stereo-realtime"
    published = {f"module.{key}": value for key, value in filled(STEREO[name].build()).state_dict().items()}
    again = {key.replace("downsample.1", "norm3"): value for key, value in published.items() if "downsample.1" in key}
    torch.save(published | again, tmp_path / "raftstereo-realtime.pth")
    assert store.add(name, tmp_path / "raftstereo-realtime.pth").verified == "names and shapes"
    store.check(name)
    with pytest.raises(BadModel, match="does not hold the weights of crestereo-eth3d"):
        store.add("crestereo-eth3d", tmp_path / "raftstereo-realtime.pth")
    with pytest.raises(BadModel, match=r"no stereo network named 'raft'; there are: crestereo-eth3d, "):
        find_stereo("raft")
    assert find_any("scene-net").name == "scene-net"
