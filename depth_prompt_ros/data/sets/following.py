"""Corners followed from picture to picture: how the camera turned, and what no turn explains."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

_LEAST = 8
"""Corners that say something."""


def follow(
    before: NDArray[np.uint8], after: NDArray[np.uint8], seen: NDArray[np.bool_] | None = None
) -> tuple[Float64, Float64]:
    """(N, 2) columns and rows of corners in two grey pictures (H, W) uint8 (Lucas and Kanade); none where too few.

    Args:
        seen: (H, W) bool, pixels where corners may begin.
    """
    mask = None if seen is None else seen.astype(np.uint8)
    none = np.zeros((0, 2))
    corners = cv2.goodFeaturesToTrack(before, 200, 0.01, 5, mask=mask)
    if corners is None or len(corners) < _LEAST:
        return none, none
    followed, good, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None)
    found = good.ravel() > 0
    if found.sum() < _LEAST:
        return none, none
    return tuple(np.asarray(points.reshape(-1, 2)[found], np.float64) for points in (corners, followed))  # type: ignore[return-value]


def turn_between(first: Float64, second: Float64, intrinsics: NDArray[np.floating]) -> tuple[Float64, float]:
    """The rotation that takes the rays of corners to those of the other picture, and the median motion beyond it.

    Least squares (Kabsch) over all corners, then over the half that fits better.

    Args:
        first, second: (N, 2) columns and rows, see :func:`follow`.
        intrinsics: (4,) fx, fy, cx, cy.

    Returns:
        (3, 3) from the first camera's frame to the second's, none where there are no corners; pixels, 0 then.
    """
    turn = np.eye(3)
    if not len(first):
        return turn, 0.0
    here, there = (_rays(points, intrinsics) for points in (first, second))
    off = np.zeros(len(here))
    for _ in range(2):
        used = off <= np.median(off)
        u, _, vt = np.linalg.svd(there[used].T @ here[used])
        turn = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
        turned = here @ turn.T
        moved = (turned / turned[:, 2:] - there / there[:, 2:])[:, :2] * np.asarray(intrinsics[:2])
        off = np.linalg.norm(moved, axis=1)
    return turn, float(np.median(off))


def _rays(points: Float64, intrinsics: NDArray[np.floating]) -> Float64:
    """(N, 3) unit rays."""
    fx, fy, cx, cy = (float(each) for each in intrinsics)
    rays = np.stack([(points[:, 0] - cx) / fx, (points[:, 1] - cy) / fy, np.ones(len(points))], 1)
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True), np.float64)
