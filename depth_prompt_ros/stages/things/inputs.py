"""What the network for things sees: colour, where nothing is measured, depth, and nearness to the likely supports."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.median import median
from depth_prompt_ros.stages.things.level_planes import level_planes

Float32 = NDArray[np.float32]

INPUT, OUTPUT = "seen", "found"
"""Names in the network's graph."""

CHANNELS = 10
"""Red, green, blue, hole, log depth, nearness to the first plane in a wide and a narrow range, to the second, row."""

WIDE, NARROW = 0.25, 0.03
"""Nearness is clipped at these shares of the distance to the plane: 20 cm and 2.4 cm at 0.8 m."""

_MEASURED = 0.3
"""A pixel of the network's size with a smaller share of measured pixels is a hole."""

_SEARCHED = 2000
"""About so many pixels are searched for planes."""


def shrink(depth: Float32, size: tuple[int, int]) -> tuple[Float32, Float32]:
    """(h, w) inverse depth in 1/m, 0 = hole, and the share of measured pixels of each pixel.

    Args:
        depth: (H, W) float32 metres, invalid = NaN or 0.
        size: h and w.
    """
    measured = depth > 0
    inverse = np.divide(1, depth, out=np.zeros(depth.shape, np.float32), where=measured)
    share = cv2.resize(measured.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    total = cv2.resize(inverse, size[::-1], interpolation=cv2.INTER_AREA)
    small = np.where(share >= _MEASURED, total / np.maximum(share, np.float32(1e-3)), np.float32(0))
    return small.astype(np.float32), share


def find_planes(camera: CameraModel, inverse: Float32, seed: int) -> list[NDArray[np.float64]]:
    """:func:`level_planes` of (h, w) inverse depth, 0 = hole; ``camera``: of this size."""
    step = max(1, round((inverse.size / _SEARCHED) ** 0.5))
    rows, columns = np.nonzero(inverse[::step, ::step])
    rows, columns = rows * step, columns * step
    return level_planes(camera.rays_at(rows, columns), inverse[rows, columns], seed) if len(rows) >= 30 else []


def channels(
    image: NDArray[np.uint8], inverse: Float32, camera: CameraModel, planes: list[NDArray[np.float64]]
) -> Float32:
    """(CHANNELS, h, w) float32, each about in [-1, 1] but colour, which is in [0, 1].

    Args:
        image: (h, w, 3) uint8 RGB.
        inverse: (h, w) 1/m, 0 = hole.
        camera: of this size.
        planes: two, or none: their channels are then 0.
    """
    height, width = inverse.shape
    found = np.zeros((CHANNELS, height, width), np.float32)
    found[:3] = image.transpose(2, 0, 1) / np.float32(255)
    measured = inverse > 0
    found[3] = ~measured
    if measured.any():
        logs = -np.log(inverse, where=measured, out=np.zeros_like(inverse))
        found[4] = np.clip(logs - median(logs[measured]), -1.5, 1.5) * measured / 1.5
    for place, plane in enumerate(planes):
        level = np.maximum(camera.rays_dot(plane), np.float32(0))
        nearness = 1 - np.divide(level, inverse, where=measured, out=np.ones_like(inverse))
        found[5 + 2 * place] = np.clip(nearness / WIDE, -1, 1)
        found[6 + 2 * place] = np.clip(nearness / NARROW, -1, 1)
    found[9] = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    return found
