"""Depth completion by classical image processing: what holes are filled with when nothing is learned or known."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_INPAINT_RADIUS = 3.0

_DIAMOND = (np.abs(np.arange(-2, 3))[:, None] + np.abs(np.arange(-2, 3)) <= 2).astype(np.uint8)
_CLOSING, _SMALL, _LARGE = (np.ones((side, side), np.uint8) for side in (5, 7, 31))


def inpaint(depth: Float32) -> Float32:
    """Continue inverse depth into the holes by Navier-Stokes (Bertalmio et al. 2001, ``cv2.inpaint``, 3 pixels).

    OpenCV's other method (Telea 2004) adds steps of one grey level, which in float are metres.

    Args:
        depth: (H, W) float32 metres, invalid = NaN.

    Returns:
        (H, W) float32 metres; measured pixels as they are, NaN only where nothing positive comes out or all is empty.
    """
    empty = ~(depth > 0)
    if empty.all() or not empty.any():
        return depth.copy()
    inverse = np.divide(1, depth, out=np.zeros_like(depth), where=~empty)
    filled = cv2.inpaint(inverse, empty.view(np.uint8), _INPAINT_RADIUS, cv2.INPAINT_NS)
    result = depth.copy()
    result[empty] = np.divide(1, filled, out=np.full_like(depth, np.nan), where=filled > 0)[empty]
    return result


def ip_basic(depth: Float32) -> Float32:
    """Fill empty pixels by dilation, the nearer depth first (IP-Basic: Ku, Harakeh and Waslander 2018, 1802.00036).

    Depth is inverted, largest minus depth, so that a dilation spreads what is near. A 5x5 diamond is dilated, gaps are
    closed by 5x5, then what is empty is dilated by 7x7 and, what still is, by 31x31. A 5x5 median and a 5x5 Gaussian
    smooth what was filled, without blending in what is still empty. The extension to the top of the picture, made for a
    laser scanner, is left out, and measured pixels are kept, as in all rows that it is compared with.

    Args:
        depth: (H, W) float32 metres, invalid = NaN.

    Returns:
        (H, W) float32 metres; measured pixels as they are, NaN in the middle of large holes.
    """
    measured = depth > 0
    if not measured.any():
        return depth.copy()
    top = 2 * np.float32(depth[measured].max())
    near = np.where(measured, top - depth, np.float32(0))
    near = cv2.dilate(near, _DIAMOND)
    near = cv2.morphologyEx(near, cv2.MORPH_CLOSE, _CLOSING)
    for kernel in (_SMALL, _LARGE):
        near = np.where(near > 0, near, cv2.dilate(near, kernel))
    filled = near > 0
    near = np.where(filled, cv2.medianBlur(near, 5), near)
    weight = cv2.GaussianBlur(filled.astype(np.float32), (5, 5), 0)
    near = cv2.GaussianBlur(near, (5, 5), 0) / np.maximum(weight, np.float32(1e-6))
    result = np.where(filled, top - near, np.float32(np.nan))
    result[measured] = depth[measured]
    return result.astype(np.float32)
