"""Environment maps as light: what is looked up where, and what glass and empty space show of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.bodies import shapes
from depth_prompt_ros.data.rendering.looks import textures
from depth_prompt_ros.data.rendering.looks.environments import Environment, read_environments
from depth_prompt_ros.data.rendering.props import Props
from depth_prompt_ros.data.rendering.scenes import look_at
from depth_prompt_ros.data.rendering.tables import table_view
from depth_prompt_ros.data.rendering.tracer import Body, Scene, Surface

CAMERA = CameraModel(48, 48, 48.0, 48.0, 23.5, 23.5)


def halves() -> np.ndarray:
    """Radiance 2 above the horizon, 0.25 below; red in the first quarter turn."""
    radiance = np.full((32, 64, 3), 0.25, np.float32)
    radiance[:16] = 2
    radiance[:, :16, 1:] = 0
    return radiance


def test_a_direction_is_looked_up_by_azimuth_and_elevation() -> None:
    sky = Environment(halves(), turn=0.0)
    ahead = np.array([[1, 1, 1], [-1, 1, 1], [1, 1, -1], [-1, -1, -1]], np.float32) / np.float32(np.sqrt(3))
    np.testing.assert_allclose(sky(ahead), [[2, 0, 0], [2, 2, 2], [0.25, 0, 0], [0.25, 0.25, 0.25]], atol=1e-5)
    turned = Environment(halves(), turn=np.pi / 2)
    np.testing.assert_allclose(turned(ahead[:2]), [[2, 2, 2], [2, 0, 0]], atol=1e-5)
    assert sky(ahead[:0]).shape == (0, 3)
    many = np.tile(ahead, (20000, 1))
    np.testing.assert_allclose(sky(many)[-4:], sky(ahead))


def test_the_lamp_stands_where_the_sky_is_brightest() -> None:
    radiance = np.full((64, 128, 3), 0.2, np.float32)
    radiance[14:18, 30:34] = 30
    sky = Environment(radiance, turn=0.4)
    towards = sky.light().position / np.linalg.norm(sky.light().position)
    assert sky(towards[None].astype(np.float32)).max() > 5
    assert towards[2] > 0.5


def test_space_shows_the_map_and_glass_bends_it() -> None:
    sky = Environment(halves(), turn=0.0)
    ball = shapes.superquadric(np.random.default_rng(1)).standing().moved(np.eye(3), 0.3, np.array([0, 0, -0.15]))
    glass = Body(ball, textures.plain(np.ones(3, np.float32)), Surface.GLASS, 1)
    pose = look_at(np.array([0.0, -1.0, 0.0]), np.zeros(3))
    view = Scene([glass], [], sky.ambient, sky).view(CAMERA, pose)
    assert view.tom.any() and not view.tom[0, 0]
    above, below = view.image[2, 6].astype(int), view.image[-3, 6].astype(int)
    assert above.min() > 240 and below.max() < 160
    plain = Scene([glass], [], sky.ambient, np.full(3, 0.5, np.float32)).view(CAMERA, pose)
    assert np.ptp(plain.image[view.tom].astype(int)) < np.ptp(view.image[view.tom].astype(int))


def test_maps_are_read_scaled_and_cut(tmp_path: Path) -> None:
    radiance = np.full((16, 32, 3), 0.5, np.float32)
    radiance[2, 3] = 1e4
    cv2.imwrite(str(tmp_path / "place.hdr"), radiance)
    (found,) = read_environments(tmp_path)
    assert found.shape == (256, 512, 3)
    assert found.max() <= 40.0
    with pytest.raises(Exception, match="holds no environment map"):
        read_environments(tmp_path / "nowhere")


def test_a_table_is_lit_by_the_map_half_of_the_time() -> None:
    red = np.zeros((16, 32, 3), np.float32)
    red[..., 0] = 1
    props = Props(environments=[red])
    shares = []
    for seed in range(12):
        image = table_view(np.random.default_rng(seed), (24, 32), props).left.astype(float)
        shares.append(image[..., 0].sum() / image.sum())
    assert 3 <= sum(share > 0.55 for share in shares) <= 9
