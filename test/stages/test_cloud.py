"""Organised and object clouds, and PLY files that other readers open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.cloud import CLOUD_DTYPE, object_points, organised_cloud, write_ply

CAMERA = CameraModel(40, 140, 50.0, 55.0, 19.2, 33.7)  # more rows than are interleaved at a time


@pytest.fixture
def inputs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (CAMERA.height, CAMERA.width)
    depth = rng.uniform(0.3, 2, shape).astype(np.float32)
    depth[rng.random(shape) < 0.2] = np.nan
    return {
        "depth": depth,
        "image": rng.integers(0, 256, (*shape, 3), dtype=np.uint8),
        "labels": rng.integers(0, 3, shape).astype(np.uint16),
        "confidence": rng.random(shape, dtype=np.float32),
    }


def test_points_pixel_by_pixel(inputs: dict[str, np.ndarray]) -> None:
    cloud = organised_cloud(CAMERA, **inputs)
    assert cloud.dtype == CLOUD_DTYPE
    assert cloud.dtype.itemsize == 24
    assert cloud.shape == (140, 40)
    colours = cloud["rgb"].copy().view(np.uint32)
    for row, column in [(0, 0), (63, 5), (64, 6), (139, 39)]:
        z = inputs["depth"][row, column]
        red, green, blue = (int(value) for value in inputs["image"][row, column])
        point = cloud[row, column]
        expected = ((column - 19.2) / 50 * z, (row - 33.7) / 55 * z, z)
        np.testing.assert_allclose([point["x"], point["y"], point["z"]], expected, rtol=1e-5, atol=1e-7)
        assert colours[row, column] == red * 65536 + green * 256 + blue
        assert point["label"] == inputs["labels"][row, column]
        assert point["confidence"] == inputs["confidence"][row, column]


def test_invalid_depth_is_nan_in_all_coordinates_and_keeps_its_colour(inputs: dict[str, np.ndarray]) -> None:
    cloud = organised_cloud(CAMERA, **inputs)
    invalid = np.isnan(inputs["depth"])
    for name in ("x", "y", "z"):
        np.testing.assert_array_equal(np.isnan(cloud[name]), invalid)
    packed = (inputs["image"].astype(np.uint32) * np.array([65536, 256, 1], np.uint32)).sum(-1)
    np.testing.assert_array_equal(cloud["rgb"].copy().view(np.uint32), packed)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 721), (37, 211)])
def test_each_field_is_what_numpy_computes_bit_for_bit(width: int, height: int) -> None:
    camera, rng = CameraModel(width, height, 600.0, 605.0, width / 2 - 0.5, height / 2 + 0.3), np.random.default_rng(1)
    depth = rng.uniform(0.3, 2, (height, width)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.2] = np.nan
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    labels = rng.integers(0, 70, depth.shape).astype(np.uint16)
    confidence = rng.random(depth.shape, dtype=np.float32)
    cloud = organised_cloud(camera, depth, image, labels, confidence)
    x, y = camera.slopes
    red, green, blue = (image[..., place].astype(np.uint32) for place in range(3))
    rgb = red << 16 | green << 8 | blue
    expected = {"x": depth * x, "y": depth * y[:, None], "z": depth, "rgb": rgb, "label": labels}
    for name, values in (expected | {"confidence": confidence}).items():
        dtype = np.uint32 if name in ("rgb", "label") else np.float32
        assert cloud[name].tobytes() == values.astype(dtype).tobytes(), name


def test_parts_of_larger_arrays_are_taken(inputs: dict[str, np.ndarray]) -> None:
    whole = organised_cloud(CAMERA, **inputs)
    strided = {name: np.repeat(value, 2, axis=1)[:, ::2] for name, value in inputs.items()}
    assert organised_cloud(CAMERA, **strided).tobytes() == whole.tobytes()


def test_object_points_are_the_finite_points_of_targets(inputs: dict[str, np.ndarray]) -> None:
    cloud = organised_cloud(CAMERA, **inputs)
    points = object_points(cloud, inputs["labels"])
    assert points.ndim == 1
    expected = [point for point in cloud.ravel() if point["label"] > 0 and np.isfinite(point["z"])]
    assert points.tobytes() == np.array(expected, CLOUD_DTYPE).tobytes()
    inputs["labels"][:] = 0
    assert object_points(organised_cloud(CAMERA, **inputs), inputs["labels"]).shape == (0,)


def test_ply_is_read_by_open3d(inputs: dict[str, np.ndarray], tmp_path: Path) -> None:
    open3d = pytest.importorskip("open3d")
    cloud = organised_cloud(CAMERA, **inputs)
    write_ply(tmp_path / "cloud.ply", cloud)
    read = open3d.t.io.read_point_cloud(str(tmp_path / "cloud.ply"))
    finite = np.isfinite(cloud["z"])
    points = cloud[finite]
    np.testing.assert_array_equal(read.point.positions.numpy(), np.stack([points[n] for n in "xyz"], 1))
    np.testing.assert_array_equal(read.point.colors.numpy(), inputs["image"][finite])
    np.testing.assert_array_equal(read.point["label"].numpy()[:, 0], points["label"])
    np.testing.assert_array_equal(read.point["confidence"].numpy()[:, 0], points["confidence"])


def test_ply_of_object_points_without_any(inputs: dict[str, np.ndarray], tmp_path: Path) -> None:
    inputs["labels"][:] = 0
    write_ply(tmp_path / "cloud.ply", object_points(organised_cloud(CAMERA, **inputs), inputs["labels"]))
    assert b"element vertex 0\n" in (tmp_path / "cloud.ply").read_bytes()
