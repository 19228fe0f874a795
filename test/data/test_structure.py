"""Where a moving camera was, from its pictures alone, and which frames are learned from together."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.workspaces import RenderedWorkspace
from depth_prompt_ros.data.sets.video import VideoFrame
from depth_prompt_ros.data.structure.bundle import Seen, adjusted
from depth_prompt_ros.data.structure.exposure import evened, gains
from depth_prompt_ros.data.structure.features import find_features, matches
from depth_prompt_ros.data.structure.geometry import seen_from
from depth_prompt_ros.data.structure.motion import Motion, find_motion, sharpest
from depth_prompt_ros.data.structure.neighbours import Near, neighbours, placed
from depth_prompt_ros.errors import BadInput

CAMERA = CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5)
INTRINSICS = np.array(CAMERA.intrinsics, np.float64)


def worlds_along(count: int, step: float, turn: float = 0.02) -> np.ndarray:
    """Cameras that go aside and turn."""
    worlds = np.tile(np.eye(4), (count, 1, 1))
    for number, world in enumerate(worlds):
        world[:3, :3] = cv2.Rodrigues(np.array([0, turn * number, 0.01 * number]))[0]
        world[:3, 3] = -world[:3, :3] @ np.array([step * number, 0.3 * step * number, 0])
    return worlds


def scene(count: int = 120, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([rng.uniform(-0.4, 0.6, count), rng.uniform(-0.3, 0.3, count), rng.uniform(1, 2, count)], 1)


def aligned_error(found: np.ndarray, true: np.ndarray) -> float:
    """Largest distance of camera centres after the best similarity, over the true extent (Umeyama 1991)."""
    one, other = (np.stack([-w[:3, :3].T @ w[:3, 3] for w in each]) for each in (found, true))
    one, other = one - one.mean(0), other - other.mean(0)
    u, values, vt = np.linalg.svd(other.T @ one)
    signs = np.array([1, 1, np.linalg.det(u @ vt)])
    scale = (values * signs).sum() / (one**2).sum()
    return float(np.linalg.norm(scale * one @ (u @ np.diag(signs) @ vt).T - other, axis=1).max() / np.ptp(other))


def test_adjusting_finds_the_cameras_that_saw_the_points() -> None:
    true, points, rng = worlds_along(6, 0.1), scene(), np.random.default_rng(1)
    cameras = np.repeat(np.arange(6), len(points))
    numbers = np.tile(np.arange(len(points)), 6)
    places = np.concatenate([seen_from(world, points, INTRINSICS)[0] for world in true])
    wrong = rng.random(len(places)) < 0.03
    places[wrong] += rng.normal(scale=30, size=(int(wrong.sum()), 2))
    start = true.copy()
    start[1:, :3, 3] += rng.normal(scale=0.02, size=(5, 3))
    begun = points + rng.normal(scale=0.05, size=points.shape)
    found, moved = adjusted(start, begun, Seen(cameras, numbers, places), INTRINSICS, 50)
    assert aligned_error(start, true) > 0.03
    assert aligned_error(found, true) < 0.01
    off = np.concatenate([seen_from(world, moved, INTRINSICS)[0] for world in found]) - places
    assert np.median(np.linalg.norm(off, axis=1)[~wrong]) < 0.05
    np.testing.assert_array_equal(found[0], true[0])


def test_the_motion_through_a_rendered_workspace_is_found_up_to_scale() -> None:
    frames = list(RenderedWorkspace(3, "none", CameraModel(240, 144, 210.0, 210.0, 119.5, 71.5), frames=12))
    motion = find_motion(frames, every=1)
    assert len(motion.frames) >= 10
    true = np.stack([np.linalg.inv(frames[number].pose) for number in motion.frames])
    assert aligned_error(motion.worlds, true) < 0.05
    seen = [seen_from(w, motion.scene[p], INTRINSICS)[1] for w, p in zip(motion.worlds, motion.points, strict=True)]
    assert np.median(np.concatenate(seen)) == pytest.approx(1.0)
    assert motion.depths[0] < 1 < motion.depths[1]
    first = placed(frames, motion)[0]
    np.testing.assert_allclose(np.linalg.inv(first.pose), motion.worlds[0], atol=1e-9)


def test_a_camera_that_only_turns_is_refused() -> None:
    rng = np.random.default_rng(0)
    wide = cv2.resize(rng.integers(0, 255, (40, 80, 3), np.uint8), (480, 240), interpolation=cv2.INTER_CUBIC)
    frames = []
    for number in range(6):
        turn = cv2.Rodrigues(np.array([0, 0.03 * number, 0]))[0]
        warp = CAMERA.K @ turn @ np.linalg.inv(CAMERA.K) @ np.array([[1.0, 0, -160], [0, 1, -60], [0, 0, 1]])
        frames.append(VideoFrame(f"{number}", number, cv2.warpPerspective(wide, warp, (160, 120)), CAMERA))
    with pytest.raises(BadInput, match="move along"):
        find_motion(frames, every=1)


def motion_of(worlds: np.ndarray, points: np.ndarray) -> Motion:
    seen = tuple(np.arange(len(points)) for _ in worlds)
    return Motion(np.arange(len(worlds)), worlds, seen, points, (1.0, 2.0))


def test_neighbours_see_the_same_from_another_place() -> None:
    rows = neighbours(motion_of(worlds_along(12, 0.02, 0.0), scene()), INTRINSICS, (120, 160), Near(apart=1))
    assert len(rows) == 12
    for row in rows:
        assert row[2] not in row[[0, 1, 3, 4]]
        others = np.unique(row[[0, 1, 3, 4]])
        assert len(others) >= 2 and (np.diff(others) > 1).all()
    assert np.abs(rows[0] - rows[0, 2]).max() >= 4, "the first frame's neighbours are wider than the next frames"


def test_frames_without_parallax_have_no_neighbours() -> None:
    with pytest.raises(BadInput, match="move along"):
        neighbours(motion_of(worlds_along(6, 0.0005), scene()), INTRINSICS, (120, 160))


def test_the_sharpest_of_each_row_is_kept() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 2)
    assert sharpest([blurred, noise, blurred, noise, blurred, blurred, blurred], 3) == [1, 3, 6]


def test_a_feature_that_is_there_twice_is_matched_to_none() -> None:
    rng = np.random.default_rng(0)
    first = rng.random((6, 8), np.float32)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.concatenate([first[::-1], first[:1]])
    assert sorted(map(tuple, matches(first, second).tolist())) == [(1, 4), (2, 3), (3, 2), (4, 1), (5, 0)]


def test_nothing_is_found_where_nothing_is_seen() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 80), np.uint8)
    half = np.zeros((60, 80), np.bool_)
    half[:, :40] = True
    assert find_features(noise, half).places[:, 0].max() < 40
    assert not len(find_features(np.full((60, 80), 7, np.uint8)).places)


def test_exposure_is_told_from_what_several_pictures_show() -> None:
    rng = np.random.default_rng(0)
    base = cv2.GaussianBlur(rng.integers(60, 140, (60, 80, 3), np.uint8), (0, 0), 2)
    true = np.array([0.8, 1.0, 1.25])
    pictures = [np.clip(base * gain, 0, 255).astype(np.uint8) for gain in true]
    places = [rng.uniform([5, 5], [75, 55], (40, 2)) for _ in range(1)] * 3
    points = [np.arange(40), np.arange(40), np.arange(40)]
    pictures[2][:20] = 255  # too bright to tell
    found = gains(pictures, places, points)
    np.testing.assert_allclose(found / found[1], true / true[1], rtol=0.02)
    even = [evened(each, float(gain))[30:].astype(int) for each, gain in zip(pictures, found, strict=True)]
    assert np.abs(even[0] - even[2]).mean() < 2.0 < np.abs(pictures[0][30:].astype(int) - pictures[2][30:]).mean()
