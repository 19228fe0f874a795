"""The exact warp beside the renderer and beside itself: cuts in any order, gradients, what hides what."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open3d")

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.bodies import shapes
from depth_prompt_ros.data.rendering.looks import textures
from depth_prompt_ros.data.rendering.scenes import look_at
from depth_prompt_ros.data.rendering.tracer import Body, Light, Scene
from depth_prompt_ros.learning.video.photometric import photometric_loss
from depth_prompt_ros.learning.video.view import View, position_grid
from depth_prompt_ros.learning.video.warp import Seen, backward_warp, divided, forward_warp, plane_places, projected
from depth_prompt_ros.networks.video.levels import Levels
from depth_prompt_ros.networks.video.pose_net import rigid

LEVELS = Levels(0.5, 5.0, 17)
CAMERA = CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5)
K = torch.tensor([[150.0, 150.0, 79.5, 59.5]])


def board(z: float, size: tuple[float, float], middle: tuple[float, float], seed: int) -> Body:
    """A board that faces a camera at the origin, which looks along +x: at x = z."""
    mesh = shapes.cuboid(np.array([0.01, *size])).moved(np.eye(3), 1.0, np.array([z + 0.005, *middle]))
    return Body(mesh, textures.clouds(np.random.default_rng(seed), 0.8))


@pytest.fixture(scope="module")
def rendered():
    """Three boards at levels, seen from two places: 3 cm and 5 degrees apart, half a metre before the nearest."""
    depths = [1 / float(d) for d in LEVELS.values()[[0, 6, 10]]]
    bodies = [board(depths[0], (8, 8), (0, -4), 1), board(depths[1], (0.5, 0.4), (0.2, -0.1), 2)]
    bodies.append(board(depths[2], (0.2, 0.2), (-0.1, -0.2), 3))
    light = Light(np.array([-1.0, 0.3, 0.5], np.float32), np.full(3, 0.8, np.float32), reach=30.0)
    ambient = np.full(3, 0.5, np.float32)
    scene = Scene(bodies, [light], ambient, ambient)
    first = look_at(np.zeros(3), np.array([1.0, 0, 0]))
    turned = np.array([np.cos(np.radians(5)), np.sin(np.radians(5)), 0.02])
    second = look_at(np.array([0.005, 0.025, 0.015]), np.array([0.005, 0.025, 0.015]) + turned)
    motion = torch.from_numpy(np.linalg.inv(second) @ first).float()[None]
    return scene.view(CAMERA, first, 1), scene.view(CAMERA, second, 1), motion


def test_the_warp_is_what_the_renderer_sees_from_there(rendered) -> None:
    before, after, motion = rendered
    picture = torch.from_numpy(before.image).permute(2, 0, 1)[None] / 255.0
    disparity = 1 / torch.from_numpy(before.depth)[None, None]
    layers = LEVELS.layers(disparity, torch.ones_like(disparity))
    seen = forward_warp(picture, layers, LEVELS.values(), motion, K, K)
    depth_edges = cv2.morphologyEx(after.depth, cv2.MORPH_GRADIENT, np.ones((7, 7), np.uint8)) > 0.02
    away = (seen.arrived[0, 0].numpy() > 0.99) & ~depth_edges
    error = np.abs(seen.picture[0].permute(1, 2, 0).numpy() - after.image / 255.0)[away]
    assert away.mean() > 0.6
    assert error.mean() < 0.01
    assert np.abs(before.image / 255.0 - after.image / 255.0)[away].mean() > 3 * error.mean()
    # What comes into view behind the boards has nothing to be seen.
    assert (seen.arrived[0, 0].numpy() < 0.5).mean() > 0.02


def test_turn_and_shift_do_not_add_up_but_the_exact_places_are_where_points_project(rendered) -> None:
    _, _, motion = rendered
    places, there = plane_places(LEVELS.values(), motion, K, K, 120, 160)
    assert there.all()
    for number in (0, 10, 16):
        # From the other picture's pixel to the plane and back by the forward projection.
        inside = (places[0, number] >= 0).all(-1) & (places[0, number, :, :, 0] <= 159)
        inside &= places[0, number, :, :, 1] <= 119
        rows, columns = torch.nonzero(inside, as_tuple=True)
        column, row = places[0, number, rows, columns].unbind(-1)
        d = LEVELS.values()[number]
        ray = torch.stack([(column - 79.5) / 150, (row - 59.5) / 150, torch.ones_like(row)])
        point = motion[0, :3, :3] @ ray / d + motion[0, :3, 3:]
        back = 150 * point[:2] / point[2] + torch.tensor([[79.5], [59.5]])
        torch.testing.assert_close(back, torch.stack([columns, rows]).float(), atol=2e-3, rtol=0)
    pure_turn, pure_shift = motion.clone(), torch.eye(4)[None].clone()
    pure_turn[:, :3, 3] = 0
    pure_shift[:, :3, 3] = motion[:, :3, 3]
    near = torch.full((1, 1, 120, 160), float(LEVELS.values()[12]))
    whole = projected(near, motion, K, K)[0]
    column, row = torch.arange(160.0)[None, None], torch.arange(120.0)[None, :, None]
    still = torch.stack([column.expand(1, 120, -1), row.expand(1, -1, 160)], -1)
    added = projected(near, pure_turn, K, K)[0] + projected(near, pure_shift, K, K)[0] - still
    assert (whole - added).norm(dim=-1).max() > 0.5  # pixels, at a width of 160


def test_near_planes_hide_far_ones_and_nothing_shows_where_nothing_comes_from() -> None:
    picture = torch.zeros(1, 3, 8, 40)
    picture[:, 0] = 0.25  # far, red
    picture[:, :, :, 16:24] = 0.75  # near, grey
    planes = torch.tensor([0.01, 1.0])
    layers = torch.zeros(1, 2, 8, 40)
    layers[:, 0], layers[:, 1, :, 16:24], layers[:, 0, :, 16:24] = 1, 1, 0
    camera = torch.tensor([[40.0, 40.0, 19.5, 3.5]])
    motion = torch.eye(4)[None].clone()
    motion[:, 0, 3] = 0.2  # things move right by 8 pixels near, 0.08 far
    seen = forward_warp(picture, layers, planes, motion, camera, camera)
    assert torch.allclose(seen.picture[0, :, :, 25:31], torch.tensor(0.75))
    assert (seen.arrived[0, 0, :, 17:23] < 0.1).all()
    assert torch.allclose(seen.picture[0, 0, :, 4:12], torch.tensor(0.25), atol=1e-3)
    assert (seen.arrived <= 1).all()


def test_layers_keep_the_mean_disparity_and_the_weight() -> None:
    disparity = torch.rand(2, 3, 4, 5) * 4.5 + 0.5
    weight = torch.rand(2, 3, 4, 5)
    layers = LEVELS.layers(disparity, weight)
    values = LEVELS.values().view(1, -1, 1, 1)
    torch.testing.assert_close(layers.sum(1), weight.sum(1))
    torch.testing.assert_close((layers * values).sum(1), (weight * disparity).sum(1))
    assert ((layers > 0).sum(1) <= 6).all()


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_gradients_are_those_of_finite_differences(way) -> None:
    generator = torch.Generator().manual_seed(1)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 4, 5, generator=generator), (12, 16), mode="bicubic")
    picture, other = smooth.double(), smooth.flip(1).double()
    camera = torch.tensor([[15.0, 15.0, 7.7, 5.6]]).double()
    planes = LEVELS.values().double()
    disparity = (torch.rand(1, 1, 12, 16, generator=generator) * 1.5 + 1).double().requires_grad_()
    motion = torch.tensor([[0.011, -0.017, 0.023, 0.02, -0.03, 0.05]]).double().requires_grad_()

    def loss(d, m):
        if way == "forward":
            seen = forward_warp(picture, LEVELS.layers(d, torch.ones_like(d)), planes, rigid(m), camera, camera)
            return ((seen.picture - other) ** 2 * seen.arrived).mean()
        seen = backward_warp(other, d, rigid(m), camera, camera)
        return ((seen.picture - picture) ** 2 * seen.arrived).mean()

    slopes = torch.autograd.grad(loss(disparity, motion), (disparity, motion))
    assert slopes[0].abs().sum() > 0 and slopes[1].abs().sum() > 0
    for number, (given, slope) in enumerate(zip((disparity, motion), slopes, strict=True)):
        for place in range(0, given.numel(), 31 if number == 0 else 1):
            step = torch.zeros_like(given).flatten()
            step[place] = 1e-6
            step = step.view_as(given)
            ends = [
                loss(disparity + sign * step, motion) if number == 0 else loss(disparity, motion + sign * step)
                for sign in (1, -1)
            ]
            numeric = (ends[0] - ends[1]) / 2e-6
            numeric = float(numeric.detach())
            assert abs(numeric - float(slope.flatten()[place])) < 1e-6 + 1e-3 * abs(numeric)


def _crop(view: View, mirrored: bool, half: bool) -> View:
    """Columns 16 to 80 and rows 8 to 40 of the whole picture of 96 x 64, wherever they are by now."""
    left, top, width, height = (16, 8, 64, 32)
    left = 96 - left - width if mirrored else left
    return view.cropped(*(side // 2 if half else side for side in (top, left, height, width)))


CUTS = {
    "crop": _crop,
    "mirror": lambda view, mirrored, half: view.mirrored(),
    "half": lambda view, mirrored, half: view.resized(view.pictures.shape[-2] // 2, view.pictures.shape[-1] // 2),
}


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_crop_mirror_and_resize_give_one_loss_in_any_order(way) -> None:
    generator = torch.Generator().manual_seed(2)
    pictures = torch.rand(1, 2, 3, 64, 96, generator=generator).double()
    disparity = torch.nn.functional.interpolate(torch.rand(1, 1, 4, 6, generator=generator), (64, 96), mode="bilinear")
    masks = (disparity * 1.5 + 0.5)[:, None].expand(1, 2, 1, 64, 96).double()
    cameras = torch.tensor([[[90.0, 92.0, 44.0, 33.0], [90.0, 92.0, 47.0, 33.0]]]).double()
    whole = View(pictures, masks, position_grid(64, 96).double(), cameras, torch.ones(1).double())
    motion = rigid(torch.tensor([[0.03, -0.02, 0.04, 0.02, -0.03, 0.06]]).double())
    losses, grids = [], []
    for order in itertools.permutations(CUTS):
        view, mirrored, half = whole, False, False
        for name in order:
            view = CUTS[name](view, mirrored, half)
            mirrored, half = mirrored or name == "mirror", half or name == "half"
        moved = divided(motion, view.zoom)
        d = view.masks[:, 0] * view.zoom[:, None, None, None]  # what looks half as large is taken for twice as far
        cameras = view.intrinsics.unbind(1)
        picture, other = view.pictures.unbind(1)
        if way == "forward":
            planes = Levels(0.1, 5.0, 17)
            seen = forward_warp(picture, planes.layers(d, torch.ones_like(d)), planes.values(), moved, *cameras)
            losses.append(float(photometric_loss(seen, other, torch.ones_like(d))))
        else:
            seen = backward_warp(other, d, moved, *cameras)
            losses.append(float(photometric_loss(seen, picture, torch.ones_like(d))))
        grids.append(view.grid)
        assert view.intrinsics[0, 0, 0] < 0  # mirrored
    assert max(losses) - min(losses) < 1e-6
    assert min(losses) > 0.01
    for grid in grids[1:]:
        torch.testing.assert_close(grid, grids[0])
    assert grids[0][0, 0, 0, 0] > grids[0][0, 0, 0, -1]  # the grid is mirrored with the picture


def test_a_mirrored_view_sees_the_same_points_and_a_zoomed_one_the_scaled_scene() -> None:
    d = torch.rand(1, 1, 30, 40, generator=torch.Generator().manual_seed(3)) * 2 + 0.5
    camera = torch.tensor([[[40.0, 40.0, 18.0, 14.0]]])
    view = View(torch.zeros(1, 1, 3, 30, 40), d[:, None], position_grid(30, 40), camera, torch.ones(1))
    motion = rigid(torch.tensor([[0.03, -0.02, 0.04, 0.02, -0.03, 0.06]]))
    here = projected(d, motion, camera[:, 0], camera[:, 0])[0]
    other = view.mirrored()
    there = projected(other.masks[:, 0], motion, other.intrinsics[:, 0], other.intrinsics[:, 0])[0]
    torch.testing.assert_close(39 - there.flip(2)[..., 0], here[..., 0], atol=1e-4, rtol=0)
    torch.testing.assert_close(there.flip(2)[..., 1], here[..., 1], atol=1e-4, rtol=0)
    flat = torch.full_like(d, 1.3)
    here = projected(flat, motion, camera[:, 0], camera[:, 0])[0]
    large = view.resized(60, 80)
    twice = 2 * torch.full((1, 1, 60, 80), 1.3)
    zoomed = projected(twice, divided(motion, large.zoom), *(large.intrinsics[:, 0],) * 2)[0]
    middles = (zoomed[:, ::2, ::2] + zoomed[:, 1::2, 1::2]) / 2  # of the four pixels that a pixel became
    torch.testing.assert_close((middles - 0.5) / 2, here, atol=2e-3, rtol=0)


def test_the_loss_counts_only_what_is_seen_and_kept() -> None:
    picture, other = torch.full((1, 3, 8, 8), 0.5), torch.zeros(1, 3, 8, 8)
    arrived, keep = torch.ones(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    assert float(photometric_loss(Seen(picture, arrived), other, keep)) == pytest.approx(0.5)
    picture[..., :4] = 7
    arrived[..., :4] = 0
    assert float(photometric_loss(Seen(picture, arrived), other, keep)) == pytest.approx(0.5)
    keep[..., 4:] = 0
    assert float(photometric_loss(Seen(picture, arrived), other, keep)) == 0
