"""What a simulated depth camera may and may not say of a scene."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.simulated_sensor import SeenTable, occluded, simulated_depth

CAMERA = CameraModel(80, 60, 90.0, 90.0, 39.5, 29.5, baseline=0.05)
GLASS = np.zeros((60, 80), np.bool_)
GLASS[20:40, 10:30] = True
THING = np.zeros((60, 80), np.bool_)
THING[20:40, 50:70] = True


def table() -> SeenTable:
    depth = np.full((60, 80), 1.0, np.float32)
    depth[GLASS | THING] = 0.8
    behind = np.where(GLASS, np.float32(1.0), depth)
    classes = np.where(GLASS, 3, np.where(THING, 2, 1)).astype(np.uint8)
    labels = np.where(GLASS, 1, np.where(THING, 2, 0)).astype(np.uint8)
    image = np.full((60, 80, 3), 128, np.uint8)
    return SeenTable(image, depth, behind, depth.copy(), classes, labels, CAMERA)


def draws(count: int = 60) -> list[np.ndarray]:
    return [simulated_depth(np.random.default_rng(seed), table()) for seed in range(count)]


def test_the_same_draw_gives_the_same_depth() -> None:
    np.testing.assert_array_equal(
        simulated_depth(np.random.default_rng(4), table()), simulated_depth(np.random.default_rng(4), table())
    )


def test_opaque_things_are_measured_near_their_surface_or_not_at_all() -> None:
    for depth in draws():
        known = np.isfinite(depth) & ~GLASS
        error = np.abs(depth - table().depth)[known]
        assert (error < 0.25).all()  # an edge may belong to the other side
        assert known.mean() > 0.2 or np.isnan(depth).mean() > 0.5
        if known.any():
            assert np.median(error) < 0.1  # this camera's disparity of 4.5 pixels may come in steps of a half


def test_glass_is_a_hole_or_what_is_behind_it_more_often_than_its_surface() -> None:
    answers = np.concatenate([depth[GLASS] for depth in draws()])
    holes, through = np.isnan(answers).mean(), (np.abs(answers - 1.0) < 0.06).mean()
    assert holes > 0.2
    assert through > 0.1


def test_the_rim_of_glass_is_missed_more_often_than_its_middle() -> None:
    middle = np.zeros(GLASS.shape, np.bool_)
    middle[26:34, 16:24] = True
    holes = np.mean([np.isnan(depth) for depth in draws(200)], axis=0)
    inner_rim = GLASS & ~middle
    inner_rim[[20, 21, 38, 39]] = inner_rim[:, [10, 11, 28, 29]] = False  # where any thing's edges are missed
    assert holes[inner_rim].mean() > holes[middle].mean() + 0.01


def test_the_second_eye_misses_a_strip_beside_what_is_near() -> None:
    depth = np.full((60, 80), 2.0, np.float32)
    depth[20:40, 40:60] = 0.5
    hidden = occluded(depth, 90 * 0.05)
    strip = round(90 * 0.05 * (1 / 0.5 - 1 / 2.0))
    assert hidden[30, 40 - strip : 40].mean() > 0.8
    assert not hidden[30, 40:].any()
    assert not hidden[10].any()
    mirrored = occluded(np.ascontiguousarray(depth[:, ::-1]), 90 * 0.05, right=False)
    np.testing.assert_array_equal(mirrored, hidden[:, ::-1])


@pytest.mark.parametrize("seed", range(4))
def test_a_scene_without_anything_measured_gives_nothing(seed) -> None:
    empty = table()
    nothing = np.full((60, 80), np.nan, np.float32)
    seen = SeenTable(empty.image, nothing, nothing, nothing, empty.classes, empty.labels, CAMERA)
    with np.errstate(invalid="ignore", divide="ignore"):
        assert np.isnan(simulated_depth(np.random.default_rng(seed), seen)).all()
