"""Normals of a measured depth picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def normals_of(depth: NDArray[np.float32], intrinsics: NDArray[np.float64]) -> NDArray[np.float32]:
    """(H, W, 3) float32 of length 1, towards the camera, by the cross product of left and top differences.

    As 2306.05428 takes them of its truth, at the depth's own size. 0, unknown, in the first row and column and where
    one of the three pixels has no depth.

    Args:
        depth: (H, W) along the optical axis; not positive or NaN: unknown.
        intrinsics: (4,) fx, fy, cx, cy in pixels.
    """
    fx, fy, cx, cy = intrinsics
    rows, columns = np.mgrid[: depth.shape[0], : depth.shape[1]]
    z = np.where(depth > 0, depth, np.nan).astype(np.float64)
    points = np.stack([(columns - cx) / fx * z, (rows - cy) / fy * z, z], 2)
    along, down = points[1:, 1:] - points[1:, :-1], points[1:, 1:] - points[:-1, 1:]
    cross = np.cross(down, along)
    length = np.linalg.norm(cross, axis=2, keepdims=True)
    found = np.zeros((*depth.shape, 3), np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        found[1:, 1:] = np.where(length > 0, cross / length, 0)
    return found
