"""Depth of one camera as another sees it, against what that one would measure itself."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.cloud import RigidTransform
from depth_prompt_ros.stages.registration import register_depth

COLOUR = CameraModel(320, 240, 300.0, 302.0, 158.0, 121.0)
DEPTH = CameraModel(200, 160, 150.0, 149.0, 101.0, 78.0)
TURN = cv2.Rodrigues(np.array([0.02, -0.05, 0.01]))[0]
MOTION = RigidTransform(TURN, np.array([0.05, -0.01, 0.004]), "colour")
WALL, BOX = (np.array([0.1, -0.05, 1.0]), 1.4), (np.array([-0.05, 0.1, 1.0]), 0.7)
"""Planes ``normal @ point = distance`` in the colour camera's frame."""


def rendered(camera: CameraModel, rotation=None, origin=None) -> tuple[np.ndarray, np.ndarray]:
    """Depth, and which pixels see the box, of a camera with points at ``rotation @ p + origin`` for the colour one."""
    rotation, origin = np.eye(3) if rotation is None else rotation, np.zeros(3) if origin is None else origin
    rays = camera.rays.astype(np.float64) @ rotation.T
    depths = [(distance - normal @ origin) / (rays @ normal) for normal, distance in (WALL, BOX)]
    points = depths[1][..., None] * rays + origin
    on_box = (np.abs(points[..., 0]) < 0.12) & (np.abs(points[..., 1] - 0.02) < 0.1)
    return np.where(on_box, depths[1], depths[0]).astype(np.float32), on_box


def test_it_is_what_the_other_camera_would_measure_to_half_a_pixel() -> None:
    true, on_box = rendered(COLOUR)
    seen, _ = rendered(DEPTH, TURN, MOTION.translation)
    found = register_depth(seen, DEPTH.rays, COLOUR, MOTION)
    assert found.dtype == np.float32
    assert found.shape == (240, 320)
    known = np.isfinite(found)
    assert known[20:-20, 20:-20].mean() > 0.97  # the rest is hidden from the depth camera
    box_found = known & (found < 1.0)
    # Edges of the box: half a pixel of the depth camera is one of the picture; the outline moves no farther.
    grown, shrunk = (cv2.morphologyEx(on_box.astype(np.uint8), op, np.ones((3, 3))) > 0 for op in (1, 0))
    assert not (box_found & ~grown).any()
    assert (box_found | ~shrunk | ~known).all()
    inside = known & (shrunk | ~cv2.dilate(on_box.astype(np.uint8), np.ones((3, 3))).astype(bool))
    error = np.abs(found - true)[inside]
    # A depth pixel is two of the picture: on these planes depth is that of at most half of it aside, each way.
    half_a_pixel = 0.5 / 150 * 1.4 * (0.1 + 0.05)
    assert np.percentile(error, 99) < half_a_pixel
    assert np.median(error) < half_a_pixel / 2


def test_a_camera_onto_itself_changes_nothing() -> None:
    depth, _ = rendered(COLOUR)
    depth[10:20, 30:50] = np.nan
    depth[0, 0] = 0
    still = RigidTransform(np.eye(3), np.zeros(3), "colour")
    found = register_depth(depth, COLOUR.rays, COLOUR, still)
    expected = np.where(depth > 0, depth, np.float32(np.nan))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("scale", [0.25, 0.5, 2.0])
def test_another_size_of_the_same_camera_fills_the_picture(scale: float) -> None:
    small = COLOUR.scaled(int(320 * scale), int(240 * scale))
    still = RigidTransform(np.eye(3), np.zeros(3), "colour")
    found = register_depth(np.full((small.height, small.width), 1.25, np.float32), small.rays, COLOUR, still)
    np.testing.assert_allclose(found, 1.25)


def test_what_is_nearer_hides_what_is_behind_and_what_is_hidden_stays_unknown() -> None:
    depth = np.full((160, 200), 2.0, np.float32)
    depth[60:100, 80:120] = 0.5
    aside = RigidTransform(np.eye(3), np.array([0.1, 0.0, 0.0]), "colour")
    found = register_depth(depth, DEPTH.rays, COLOUR, aside)
    row = found[121]
    near = np.nonzero(row == np.float32(0.5))[0]
    first = 300 * ((79.5 - 101) / 150 * 0.5 + 0.1) / 0.5 + 158
    last = 300 * ((119.5 - 101) / 150 * 0.5 + 0.1) / 0.5 + 158
    assert abs(near[0] - first) <= 1
    assert abs(near[-1] - last) <= 1
    assert len(near) == near[-1] - near[0] + 1
    shadow = row[: near[0]][np.isnan(row[: near[0]])]
    assert len(shadow) == pytest.approx(300 * 0.1 * (1 / 0.5 - 1 / 2.0), abs=3)  # the strip that the near thing hides


def test_behind_the_picture_s_camera_or_nothing_at_all_is_no_depth() -> None:
    behind = RigidTransform(np.eye(3), np.array([0.0, 0.0, -3.0]), "colour")
    assert np.isnan(register_depth(np.full((160, 200), 2.0, np.float32), DEPTH.rays, COLOUR, behind)).all()
    empty = np.full((160, 200), np.nan, np.float32)
    assert np.isnan(register_depth(empty, DEPTH.rays, COLOUR, MOTION)).all()
    one = CameraModel(1, 1, 10.0, 10.0, 0.0, 0.0)
    assert register_depth(np.ones((1, 1), np.float32), one.rays, COLOUR, MOTION).shape == (240, 320)


@pytest.mark.parametrize(
    ("camera", "picture_pixels"),
    [
        (CameraModel(320, 240, 300.0, 300.0, 158.0, 121.0), 1),
        (DEPTH, 2),
        (CameraModel(640, 480, 610.0, 605.0, 318.0, 241.0), 1),
    ],
)
def test_every_pixel_of_a_rendered_scene_shows_what_lies_within_half_a_pixel(camera, picture_pixels) -> None:
    """Curved, thin and overlapping things, ray cast from both cameras; the picture's eight times as fine."""
    open3d = pytest.importorskip("open3d")
    scene, shape = open3d.t.geometry.RaycastingScene(), open3d.geometry.TriangleMesh
    for mesh, turn, at in (
        (shape.create_box(4, 4, 0.01), (-0.5, 0.1, 0.0), (-2, -2, 1.6)),
        (shape.create_sphere(0.12, 60), (0.0, 0.0, 0.0), (-0.2, 0.05, 0.9)),
        (shape.create_box(0.2, 0.25, 0.2), (0.2, 0.5, 0.1), (0.1, -0.1, 0.8)),
        (shape.create_cylinder(0.05, 0.4, 100), (1.2, 0.3, 0.0), (0, 0.2, 1.0)),
        (shape.create_torus(0.1, 0.03, 60, 40), (0.0, 0.0, 0.0), (0.3, 0.25, 0.9)),
    ):
        mesh.rotate(cv2.Rodrigues(np.array(turn))[0], center=(0, 0, 0)).translate(at)
        scene.add_triangles(open3d.t.geometry.TriangleMesh.from_legacy(mesh))

    def measured(of: CameraModel, rotation=None, origin=(0, 0, 0)) -> np.ndarray:
        rays = of.rays.astype(np.float64) @ (np.eye(3) if rotation is None else rotation).T
        both = np.concatenate([np.broadcast_to(origin, rays.shape), rays], -1).astype(np.float32)
        hit = scene.cast_rays(open3d.core.Tensor(both))["t_hit"].numpy()
        return np.where(np.isfinite(hit), hit, np.nan).astype(np.float32)

    found = register_depth(measured(camera, TURN, MOTION.translation), camera.rays, COLOUR, MOTION)
    up = 8
    fine = CameraModel(320 * up, 240 * up, 300.0 * up, 302.0 * up, 158.5 * up - 0.5, 121.5 * up - 0.5)
    true = np.nan_to_num(measured(fine), nan=99)
    reach = picture_pixels * up // 2 + up // 2  # half a pixel of the depth camera from anywhere in one of the picture
    around = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    near, far = (change(true, around)[up // 2 :: up, up // 2 :: up] for change in (cv2.erode, cv2.dilate))
    known = np.isfinite(found)
    assert known.mean() > 0.8  # the depth camera does not see all of the picture
    assert ((found >= near - 1e-3 * found) & (found <= far + 1e-3 * found))[known].all()
