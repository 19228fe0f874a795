"""Planes through measured pixels that change with the place, so that a surface goes on where nothing was measured."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SIDE = 128
"""At most about so many pixels a side are looked at, evenly spread."""

_COARSER = 0.05
"""A well measured place listens to its surroundings with this weight: a few pixels alone say nothing of a slope."""

_STEADY, _FAR = 1e-4, 0.01
"""A plane is less steep where its pixels are close together (the first, of half the picture's side, squared, is added
to the variance of their places) and far away (the second share of their distance, squared)."""


def local_plane(values: Float32, known: Mask) -> Float32:
    """At each pixel the value of the least-squares plane through the known pixels near it, or else farther off.

    Moving least squares (Lancaster and Salkauskas 1981), the moments by a normalised convolution over a pyramid
    (Knutsson and Westin 1993, Burt 1988). Inverse depth and disparity of a plane are linear in the picture.

    Args:
        values: (h, w) float32; what is not known is not read.
        known: (h, w) bool, at least one.

    Returns:
        (h, w) float32 in the values' unit.
    """
    height, width = values.shape
    step = -(-max(height, width) // _SIDE)
    step = step if known[::step, ::step].any() else 1
    scale = np.float32(2 / max(height, width))
    x, y = ((np.arange(side, dtype=np.float32) - np.float32(side / 2)) * scale for side in (width, height))
    plane = _planes(values[::step, ::step], known[::step, ::step], x[::step], y[::step])
    if step > 1:
        shrink = np.array([[1 / step, 0, 0], [0, 1 / step, 0]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        plane = np.asarray(
            cv2.warpAffine(plane, shrink, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
        )
    return np.asarray(plane[..., 0] + plane[..., 1] * x + plane[..., 2] * y[:, None], np.float32)


def local_plane_in_range(inverse: Float32, known: Mask) -> Float32:
    """(h, w) :func:`local_plane` of inverse depth, from half the smallest to twice the largest that is known."""
    measured = inverse[known]
    return np.clip(local_plane(inverse, known), 0.5 * measured.min(), 2 * measured.max())


def _planes(values: Float32, known: Mask, x: Float32, y: Float32) -> Float32:
    """(h, w, 3) value at the origin and slopes along x and y of each pixel's plane."""
    middle, mass = np.float32(values[known].mean()), known.astype(np.float32)
    value, y = np.where(known, values - middle, np.float32(0)), y[:, None]
    parts = (x, y, x * x, x * y, y * y, value, x * value, y * value)
    levels = [np.asarray(cv2.merge([mass, *(mass * part for part in parts)]), np.float32)]
    while min(levels[-1].shape[:2]) > 3:
        levels.append(np.asarray(cv2.pyrDown(levels[-1]), np.float32))
    gathered = levels[-1]
    for level in reversed(levels[:-1]):
        missing = np.maximum(1 - 4 * level[..., :1], np.float32(_COARSER))
        gathered = level + missing * np.asarray(cv2.pyrUp(gathered, dstsize=level.shape[1::-1]), np.float32)
    total = np.maximum(gathered[..., 0], np.float32(1e-20))
    mx, my, xx, xy, yy, mv, xv, yv = (gathered[..., number] / total for number in range(1, 9))
    steady = _STEADY + _FAR * ((x - mx) ** 2 + (y - my) ** 2)
    xx, yy, xy = xx - mx * mx + steady, yy - my * my + steady, xy - mx * my
    xv, yv = xv - mx * mv, yv - my * mv
    determinant = xx * yy - xy * xy
    along_x, along_y = (yy * xv - xy * yv) / determinant, (xx * yv - xy * xv) / determinant
    return np.asarray(cv2.merge([middle + mv - along_x * mx - along_y * my, along_x, along_y]), np.float32)
