"""Point clouds as structured arrays whose bytes are those of a sensor_msgs/PointCloud2."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.side_by_side import both
from depth_prompt_ros.written_aside import write_bytes

CLOUD_DTYPE = np.dtype(
    [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("rgb", "<f4"), ("label", "<u4"), ("confidence", "<f4")]
)
"""A point: metres in the left optical frame; ``rgb`` holds the bits 0x00RRGGBB, as PCL and RViz read them; 24 bytes."""

MOVING_DTYPE = np.dtype([*CLOUD_DTYPE.descr, ("moving", "<u4")])
"""A point that also says whether it moves: 0 static, 255 moving, 128 not known; 28 bytes."""

_BLOCK = 160_000
"""Points that are interleaved at a time: of fewer, two threads wait for each other; more leave the cache."""

_SMALL = 2**16
"""Points that one thread has written as soon as two."""

_PLY_POSITION = {"x": "float", "y": "float", "z": "float"}
_PLY_NORMAL = {"nx": "float", "ny": "float", "nz": "float"}
_PLY_FIELDS = {
    **_PLY_POSITION,
    "red": "uchar",
    "green": "uchar",
    "blue": "uchar",
    "label": "int",
    "confidence": "float",
}
_PLY_TYPES = {"float": "<f4", "uchar": "u1", "int": "<i4"}

_WINDOW = 7
"""Pixels: the side of the window that a normal's plane goes through."""
_PLANE = 3
"""Points that a plane needs."""


@dataclass(frozen=True, eq=False)
class RigidTransform:
    """From the camera's optical frame to another.

    Attributes:
        rotation: (3, 3).
        translation: (3,) metres.
        frame_id: the other frame.
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    frame_id: str

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(4, 4)."""
        whole = np.eye(4)
        whole[:3, :3], whole[:3, 3] = self.rotation, self.translation
        return whole

    def move(self, cloud: NDArray[Any]) -> None:
        """Move the points of a cloud of :data:`CLOUD_DTYPE` or :data:`MOVING_DTYPE` in place."""
        columns = cloud.view("<f4").reshape(*cloud.shape, cloud.dtype.itemsize // 4)
        columns[..., :3] = columns[..., :3] @ self.rotation.T.astype(np.float32) + self.translation.astype(np.float32)


def organised_cloud(
    camera: CameraModel,
    depth: NDArray[np.float32],
    image: NDArray[np.uint8],
    labels: NDArray[np.uint16],
    confidence: NDArray[np.float32],
    out: NDArray[Any] | None = None,
    moving: NDArray[np.uint8] | None = None,
    drop_moving: bool = False,
    part: tuple[slice, slice] = np.s_[:, :],
) -> NDArray[Any]:
    """One point a pixel (REP 118, sensor_msgs/PointCloud2 with ``is_dense`` false).

    OpenCV interleaves three planes of eight bytes twice as fast as six of four: fields are paired first.

    Args:
        depth: (H, W) float32 metres, invalid = NaN, which makes x, y and z NaN.
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint16, 0 = background.
        confidence: (H, W) float32 in [0, 1].
        out: of the cloud's shape and type, to write to, for example a message's memory; None: new.
        moving: (H, W) uint8, 0 static, 255 moving, 128 not known.
        drop_moving: points that move are NaN.
        part: rows and columns of the picture; the cloud is that of these alone.

    Returns:
        (H, W), or as large as the part, structured array of :data:`CLOUD_DTYPE`, or of :data:`MOVING_DTYPE` where
        ``moving`` is given.
    """
    directions = _directions(camera)[part]
    depth, image, labels, confidence = depth[part], image[part], labels[part], confidence[part]
    moving = None if moving is None else moving[part]
    cloud = np.empty(depth.shape, CLOUD_DTYPE if moving is None else MOVING_DTYPE) if out is None else out
    if moving is not None and drop_moving:
        depth = np.where(moving == 255, np.float32(np.nan), depth)
    columns = cloud.view("<f4").reshape(*depth.shape, cloud.dtype.itemsize // 4)
    block = max(1, _BLOCK // max(1, depth.shape[1]))

    def write(begin: int, end: int) -> None:
        pairs = np.empty((3, min(block, end - begin), *depth.shape[1:], 2), np.float32)
        for first in range(begin, end, block):
            rows = slice(first, min(first + block, end))
            xy, z_rgb, label_confidence = pairs[:, : rows.stop - first]
            z = depth[rows]
            np.multiply(z, directions[rows], out=xy.view(np.complex64)[..., 0])
            rgb = cv2.cvtColor(image[rows], cv2.COLOR_RGB2BGRA).view("<u4")[..., 0]
            rgb &= np.uint32(0xFFFFFF)
            cv2.merge([z, rgb.view("<f4")], z_rgb)
            cv2.merge([labels[rows].astype("<u4").view("<f4"), confidence[rows]], label_confidence)
            halves = [pair.view(np.float64)[..., 0] for pair in (xy, z_rgb, label_confidence)]
            if moving is None:
                cv2.merge(halves, columns[rows].view(np.float64))
            else:
                columns[rows, :, :6] = cv2.merge(halves).view(np.float32)
                columns[rows, :, 6] = moving[rows].astype("<u4").view("<f4")

    if depth.size > _SMALL:
        half = depth.shape[0] // 2
        both(lambda: write(0, half), lambda: write(half, depth.shape[0]))
    else:
        write(0, depth.shape[0])
    return cloud


@lru_cache(2)
def _directions(camera: CameraModel) -> NDArray[np.complex64]:
    """(H, W) x + iy of each pixel's viewing ray where z = 1: times a depth they are a point's x and y, side by side."""
    x, y = camera.slopes
    return np.asarray(x + 1j * y[:, None], np.complex64)


def object_points(cloud: NDArray[Any], labels: NDArray[np.uint16]) -> NDArray[Any]:
    """(N,) points of targets (label > 0) with a finite position, in row order, of an organised cloud.

    Args:
        cloud: (H, W) of :data:`CLOUD_DTYPE`.
        labels: (H, W) uint16, those of the cloud.
    """
    left, top, width, height = cv2.boundingRect((labels > 0).view(np.uint8))
    box = np.s_[top : top + height, left : left + width]
    rows, columns = np.nonzero((labels[box] > 0) & np.isfinite(cloud["z"][box]))
    return np.take(cloud, (top + rows) * cloud.shape[1] + left + columns)


def surface_normals(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, 3) float32 unit normals that face the camera, NaN where the point is.

    Each is that of the plane with the least squared distance to the points of a window around it (PCL's
    NormalEstimation, with a window of pixels in place of a radius). Where these are fewer than three it is the
    direction to the camera.

    Args:
        points: (H, W, 3) metres, NaN = no point. Of a target only its own: others beside it would bend the planes.
    """
    known = np.isfinite(points[..., 2])
    filled = np.where(known[..., None], points, 0).astype(np.float64)
    normals = np.full(points.shape, np.nan, np.float32)
    if not known.any():
        return normals
    origin = filled[known].mean(0)
    filled = np.where(known[..., None], filled - origin, 0)
    count = _in_windows(known.astype(np.float64))[known][:, None]
    mean = _in_windows(filled)[known] / count
    pairs = [(row, column) for row in range(3) for column in range(row, 3)]
    scatter = np.empty((len(mean), 3, 3))
    for row, column in pairs:
        product = _in_windows(filled[..., row] * filled[..., column])[known] / count[:, 0]
        scatter[:, row, column] = scatter[:, column, row] = product - mean[:, row] * mean[:, column]
    found = np.linalg.eigh(scatter)[1][:, :, 0]
    seen = points[known].astype(np.float64)
    found[count[:, 0] < _PLANE] = -seen[count[:, 0] < _PLANE]
    found *= -np.sign(np.einsum("ni,ni->n", found, seen) + 1e-300)[:, None]
    normals[known] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return normals


def _in_windows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over the window around each pixel."""
    side = (_WINDOW, _WINDOW)
    return cv2.boxFilter(values, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT)


def write_ply(path: Path, cloud: NDArray[Any], normals: NDArray[np.float32] | None = None) -> None:
    """Write the finite points of a cloud as a binary PLY file with colour, label and confidence; aside, then renamed.

    Args:
        path: of the file.
        cloud: of :data:`CLOUD_DTYPE`, any shape.
        normals: (N, 3) of an (N,) cloud whose points are all finite.
    """
    kinds = _PLY_FIELDS if normals is None else {**_PLY_POSITION, **_PLY_NORMAL, **_PLY_FIELDS}
    points = cloud[np.isfinite(cloud["z"])]
    rgb = np.ascontiguousarray(points["rgb"]).view("<u4")
    vertices = np.empty(points.shape, [(name, _PLY_TYPES[kind]) for name, kind in kinds.items()])
    for name in ("x", "y", "z", "label", "confidence"):
        vertices[name] = points[name]
    for name, shift in (("red", 16), ("green", 8), ("blue", 0)):
        vertices[name] = rgb >> shift & 255
    if normals is not None:
        for index, name in enumerate(_PLY_NORMAL):
            vertices[name] = normals[:, index]
    properties = "".join(f"property {kind} {name}\n" for name, kind in kinds.items())
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n{properties}end_header\n"
    write_bytes(path, header.encode("ascii") + vertices.tobytes())
