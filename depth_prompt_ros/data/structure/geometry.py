"""Points and the cameras that see them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


def rays(places: Float64, intrinsics: Float64) -> Float64:
    """(N, 2) x and y at z = 1 of (N, 2) columns and rows; ``intrinsics`` fx, fy, cx, cy."""
    return np.asarray((places - intrinsics[2:]) / intrinsics[:2], np.float64)


def seen_from(world: Float64, points: Float64, intrinsics: Float64) -> tuple[Float64, Float64]:
    """(N, 2) columns and rows, and (N,) depths, of (N, 3) points; ``world`` (4, 4) takes them to the camera's frame."""
    there = points @ world[:3, :3].T + world[:3, 3]
    depth = np.where(np.abs(there[:, 2]) > 1e-9, there[:, 2], 1e-9)
    return there[:, :2] / depth[:, None] * intrinsics[:2] + intrinsics[2:], there[:, 2]


def triangulated(one: Float64, other: Float64, first: Float64, second: Float64, intrinsics: Float64) -> Float64:
    """(N, 3) points seen at (N, 2) ``first`` and ``second`` by the cameras of ``one`` and ``other`` (4, 4)."""
    found = cv2.triangulatePoints(
        one[:3], other[:3], rays(first, intrinsics).T.copy(), rays(second, intrinsics).T.copy()
    )  # fmt: skip
    return np.asarray((found[:3] / np.where(found[3] == 0, 1e-12, found[3])).T, np.float64)


def angles(one: Float64, other: Float64, points: Float64) -> Float64:
    """(N,) degrees between the rays from both cameras to each point."""
    lines = [points + world[:3, :3].T @ world[:3, 3] for world in (one, other)]
    lines = [each / np.maximum(np.linalg.norm(each, axis=1, keepdims=True), 1e-12) for each in lines]
    return np.asarray(np.degrees(np.arccos(np.clip((lines[0] * lines[1]).sum(1), -1, 1))), np.float64)
