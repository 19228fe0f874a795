"""Confidence of a depth camera's depth."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.stages.roughness import roughness
from depth_prompt_ros.stages.sensor_depth import measure_sensor_depth

CAMERA = CameraModel(80, 60, 70.0, 70.0, 39.5, 29.5)


def frame(depth: np.ndarray | None) -> Frame:
    return Frame(1, "camera", np.zeros((60, 80, 3), np.uint8), CAMERA, depth=depth)


def slanted() -> np.ndarray:
    """A table seen at 35 degrees."""
    return (0.5 / (CAMERA.rays @ np.array([0.0, 0.57, 0.82], np.float32))).astype(np.float32)


def test_a_slanted_plane_is_believed() -> None:
    measurement = measure_sensor_depth(frame(slanted()))
    np.testing.assert_array_equal(measurement.depth, slanted())
    assert measurement.disparity is None
    assert measurement.confidence[4:-4, 4:-4].min() > 0.97
    assert measurement.confidence.max() <= 1


def test_flying_pixels_and_depth_edges_are_not() -> None:
    depth = slanted()
    depth[20:40, 30:50] *= 0.8
    depth[20:40, 29] *= 0.9
    confidence = measure_sensor_depth(frame(depth)).confidence
    assert confidence[22:38, 28:32].max() < 0.15
    assert confidence[26:34, 38:42].min() > 0.97
    assert confidence[5:15, 10:70].min() > 0.97


def test_confidence_falls_towards_a_hole_and_is_zero_in_it() -> None:
    depth = slanted()
    depth[20:40, 30:50] = np.nan
    measurement = measure_sensor_depth(frame(depth))
    row = measurement.confidence[30, 22:30]
    assert (np.diff(row[3:]) < 0).all()
    assert 0.4 < row[-1] < 0.8 < row[0]
    np.testing.assert_array_equal(measurement.confidence > 0, np.isfinite(depth))


def test_a_lone_pixel_is_hardly_believed() -> None:
    depth = np.full((60, 80), np.nan, np.float32)
    depth[30, 40] = 1
    assert 0 < measure_sensor_depth(frame(depth)).confidence[30, 40] < 0.1


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, -np.inf, np.nan])
def test_impossible_depth_is_invalid(value: float) -> None:
    depth = slanted()
    depth[10, 10] = value
    measurement = measure_sensor_depth(frame(depth))
    assert np.isnan(measurement.depth[10, 10])
    assert measurement.confidence[10, 10] == 0
    assert np.isfinite(measurement.confidence).all()
    assert np.isfinite(measurement.depth).sum() == depth.size - 1


def test_depth_of_another_size_or_none_is_refused() -> None:
    with pytest.raises(BadFrame, match="depth image is 40x30 but the picture is 80x60"):
        measure_sensor_depth(frame(np.ones((30, 40), np.float32)))
    with pytest.raises(BadFrame, match="no depth image"):
        measure_sensor_depth(frame(None))


def test_roughness_of_noise_is_its_deviation_and_of_a_plane_nothing() -> None:
    x, y = np.meshgrid(np.arange(200, dtype=np.float32), np.arange(150, dtype=np.float32))
    known = np.ones(x.shape, bool)
    assert roughness(3 + 0.01 * x - 0.02 * y, known)[10:-10, 10:-10].max() < 1e-4
    noise = np.random.default_rng(0).normal(scale=0.3, size=x.shape).astype(np.float32)
    assert np.median(roughness(noise, known)) == pytest.approx(0.3, rel=0.05)


def test_roughness_does_not_see_unknown_values() -> None:
    values = np.full((40, 40), 2, np.float32)
    known = np.random.default_rng(0).random((40, 40)) < 0.5
    values[~known] = 100
    assert roughness(values, known).max() < 1e-3
    values[~known] = np.nan
    assert roughness(values, known).max() < 1e-3
    assert roughness(values, np.zeros_like(known)).max() == 0
