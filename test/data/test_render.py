"""The ray tracer against geometry and optics by formula."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("open3d")

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.bodies import shapes
from depth_prompt_ros.data.rendering.looks import textures
from depth_prompt_ros.data.rendering.scenes import look_at, random_object_view, render_tabletop_sequence
from depth_prompt_ros.data.rendering.tracer import IOR, Body, Light, Scene, Surface
from depth_prompt_ros.data.sets.rendered import open_or_render
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.work.run import Where

CAMERA = CameraModel(80, 60, 70.0, 70.0, 39.5, 29.5)
GREY = np.full(3, 0.5, np.float32)


def wall(distance: float, texture: textures.Texture) -> Body:
    plate = shapes.cuboid(np.array([20.0, 0.1, 20.0])).moved(np.eye(3), 1.0, np.array([0, distance + 0.05, -10.0]))
    return Body(plate, texture)


def black_and_white(points: np.ndarray) -> np.ndarray:
    return np.repeat((points[:, :1] > 0.13).astype(np.float32), 3, axis=1)


def ahead() -> np.ndarray:
    return look_at(np.zeros(3), np.array([0.0, 1.0, 0.0]))


def scene(*bodies: Body) -> Scene:
    return Scene(list(bodies), [Light(np.zeros(3, np.float32), GREY)], GREY, GREY)


def test_depth_of_a_wall_is_its_distance_along_z() -> None:
    view = scene(wall(2.0, textures.plain(GREY))).view(CAMERA, ahead())
    np.testing.assert_allclose(view.depth, 2.0, atol=1e-4)
    assert not view.tom.any()


def test_depth_and_label_of_a_ball() -> None:
    latitude = np.linspace(-np.pi / 2, np.pi / 2, 200)
    ball = shapes.revolve(np.stack([0.3 * np.cos(latitude), 0.3 * np.sin(latitude)], 1), 200)
    body = Body(ball.moved(np.eye(3), 1.0, np.array([0, 1.0, 0])), textures.plain(GREY), label=3)
    view = scene(body).view(CAMERA, ahead())
    rays = CAMERA.rays.astype(float)
    a, b, c = (rays**2).sum(-1), -2 * rays[..., 2], 1 - 0.3**2
    under = b * b - 4 * a * c
    expected = np.where(under > 0, (-b - np.sqrt(np.maximum(under, 0))) / (2 * a), np.nan)
    sure = np.abs(under) > 0.05
    np.testing.assert_array_equal(np.isfinite(view.depth)[sure], (under > 0)[sure])
    np.testing.assert_allclose(view.depth[sure & (under > 0)], expected[sure & (under > 0)], atol=1e-3)
    assert set(np.unique(view.labels[sure & (under > 0)])) == {3}


def test_a_mirror_shows_what_is_behind_the_camera() -> None:
    bright = Body(shapes.cuboid(np.array([20, 0.1, 20.0])).moved(np.eye(3), 1.0, np.array([0, -1.0, -10])),
                  textures.plain(np.ones(3, np.float32)))  # fmt: skip
    dark = Body(bright.mesh, textures.plain(np.full(3, 0.02, np.float32)))
    mirror = Body(wall(1.0, textures.plain(GREY)).mesh, textures.plain(np.ones(3, np.float32)), Surface.MIRROR, label=1)
    pose = ahead()
    seen = [scene(behind, mirror).view(CAMERA, pose) for behind in (bright, dark)]
    assert seen[0].tom.all()
    np.testing.assert_allclose(seen[0].depth, 1.0, atol=1e-4)
    assert seen[0].image[30, 40].mean() > 3 * seen[1].image[30, 40].mean()


def test_a_glass_plate_shifts_what_is_behind_it_as_snell_says() -> None:
    """A plate of thickness t seen at an angle moves the ray by t sin(a - b) / cos(b), sin a = n sin b."""
    thickness, angle = 0.2, np.radians(40)
    plate = shapes.cuboid(np.array([8.0, thickness, 8.0])).moved(np.eye(3), 1.0, np.array([0, 0, -4.0]))
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    plate = plate.moved(turn, 1.0, np.array([0, 1.0, 0]))
    glass = Body(plate, textures.plain(np.ones(3, np.float32)), Surface.GLASS, label=1)
    camera = CameraModel(400, 3, 4000.0, 4000.0, 199.5, 1.0)
    back = 2.0
    edges = []
    for bodies in ((wall(back, black_and_white),), (wall(back, black_and_white), glass)):
        row = scene(*bodies).view(camera, look_at(np.zeros(3), np.array([0.1, back, 0]))).image[1, :, 0].astype(float)
        edges.append(np.argmax(np.abs(np.diff(row))))
    meets = angle + np.arctan(0.1 / back) + np.arctan((edges[1] + 0.5 - camera.cx) / camera.fx)
    inner = np.arcsin(np.sin(meets) / IOR)
    expected = thickness * np.sin(meets - inner) / np.cos(inner) / back * camera.fx
    assert expected > 50
    assert abs(edges[1] - edges[0] - expected) < 0.03 * expected


def test_normals_of_closed_shapes_point_outwards() -> None:
    for family in (shapes.box, shapes.superquadric, shapes.blob, shapes.prism, shapes.vessel):
        mesh = family(np.random.default_rng(3)).standing()
        corner = mesh.vertices[mesh.triangles].astype(np.float64)
        volume = np.einsum("ij,ij->i", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])).sum() / 6
        assert volume > 0, family.__name__


def test_stereo_of_the_tabletop_is_consistent_with_its_depth() -> None:
    view = next(render_tabletop_sequence(frames=1, seed=2))
    camera = view.camera
    disparity = camera.disparity_from_depth(view.depth)
    y, x = np.mgrid[: camera.height, : camera.width]
    source = np.round(x - disparity).astype(int)
    seen = (source >= 0) & ~view.tom & (y > 300)  # the table in front
    right = view.right[y, np.clip(source, 0, camera.width - 1)].astype(int)
    difference = np.abs(right - view.left.astype(int)).mean(-1)
    assert np.median(difference[seen]) < 6
    assert np.median(np.abs(view.right.astype(int) - view.left.astype(int)).mean(-1)[seen]) > np.median(
        difference[seen]
    )
    assert {1, 2, 3, 4, 5, 6} <= set(np.unique(view.labels))
    assert view.tom[np.isin(view.labels, (2, 4, 6))].all()
    assert not view.tom[np.isin(view.labels, (1, 3, 5))].any()


def test_object_views_are_centred_and_seeded() -> None:
    first, again = (random_object_view(np.random.default_rng(5), 64) for _ in range(2))
    np.testing.assert_array_equal(first.view.image, again.view.image)
    y, x = np.nonzero(first.mask)
    assert abs((x.min() + x.max()) / 2 - 31.5) < 6
    assert abs((y.min() + y.max()) / 2 - 31.5) < 6
    assert 0.5 < max(np.ptp(x), np.ptp(y)) / 64 < 0.95


def test_a_rendered_set_is_the_same_for_any_number_of_processes_and_refused_when_it_differs(tmp_path) -> None:
    one = open_or_render(tmp_path / "one", "objects", 3, 32, seed=1, where=Where(1))
    two = open_or_render(tmp_path / "two", "objects", 3, 32, seed=1, where=Where(2))
    np.testing.assert_array_equal(one.images, two.images)
    np.testing.assert_array_equal(one.depths, two.depths)
    np.testing.assert_array_equal(one.intrinsics, [[48, 48, 15.5, 15.5]] * 3)
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(BadInput, match="other settings|made with"):
        open_or_render(tmp_path / "one", "objects", 4, 32, seed=1)
