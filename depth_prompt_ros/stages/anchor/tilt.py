"""The tilt of a fitted shape: what a network that sees the target alone can only guess, moved towards the anchor's."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.anchor.choose import Anchor
from depth_prompt_ros.stages.least_squares import least_squares
from depth_prompt_ros.stages.median import median
from depth_prompt_ros.stages.prompted_depth import Shape

Mask = NDArray[np.bool_]

_SAMPLES = 3000
_ANCHOR_SHARE = 0.5
"""How far the tilt moves: the network's and the anchor's are both guesses, so their mean."""

_MIN_SPREAD = 0.25
_ITERATIONS = 8
_FLOOR = 0.003
_INLIER = 0.01
"""Relative residual of a pixel that agrees with the anchor."""


def correct_tilt(camera: CameraModel, shape: Shape, mask: Mask, anchor: Anchor, share: float = _ANCHOR_SHARE) -> Shape:
    """Bring a shape's median to its anchor, and half of its tilt.

    On the learned background nothing tells the network how the camera looks down on the scene, so its shapes lean; a
    support anchor stands upright but is no more than a block, measured pixels inside are patchy. A plane is linear in
    inverse depth on rays (x, y, 1), so the tilt between shape and anchor is the plane of least absolute relative
    difference (iteratively reweighted). The scale is the median of the ratio. [ours]

    The shape stays as it is when it was fitted with a shift, when there is no fit, or when the trusted pixels have less
    than a quarter of the target's variance in some direction, for then the tilt would be extrapolated.

    Args:
        shape: scaled to the anchor.
        mask: (H, W) bool, the target.
        share: how far the tilt moves.

    Returns:
        The shape with its inverse depth, scale, inliers and residual (the mean of all) brought up to date.
    """
    if anchor.free_shift or shape.inliers == 0:
        return shape
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    box = np.s_[top : top + height, left : left + width]
    inverse, trusted, close = shape.inverse_depth[box], anchor.trusted[box], camera.cropped(left, top, width, height)
    known = (trusted > 0) & (inverse > 0)
    count = np.count_nonzero(known)
    if count < 3 or _spread(known, mask[box]) < _MIN_SPREAD:
        return shape
    y, x = np.unravel_index(np.flatnonzero(known)[:: count // _SAMPLES + 1], known.shape)
    relative = inverse[y, x].astype(np.float64) / trusted[y, x]
    factor = 1 / median(relative)
    missing = 1 - factor * relative
    design = close.rays_at(y, x).T / trusted[y, x].astype(np.float64)
    plane, weight = np.zeros(3), np.ones(len(missing))
    for _ in range(_ITERATIONS):
        plane = least_squares(design, missing, weight)
        weight = 1 / np.maximum(np.abs(plane @ design - missing), _FLOOR)
    plane *= share
    residual = np.abs(plane @ design - missing)
    scaled = np.float32(factor) * inverse
    levelled = np.maximum(scaled + close.rays_dot(plane), np.float32(0.2) * scaled)
    corrected = np.zeros(mask.shape, np.float32)
    corrected[box] = np.where(inverse > 0, levelled, np.float32(0))
    return replace(
        shape,
        inverse_depth=corrected,
        scale=factor * shape.scale,
        shift=factor * shape.shift,
        inliers=round(count * float(np.mean(residual < _INLIER))),
        residual=float(residual.mean()),
    )


def _spread(part: Mask, whole: Mask) -> float:
    """Smallest ratio, over all directions in the picture, of the variance of a part's pixels to that of the whole.

    It is the smaller eigenvalue of the part's 2x2 covariance over the whole's.
    """
    step = max(whole.shape) // 64 + 1
    (xx, xy, yy, count), (of_xx, of_xy, of_yy, of_count) = (
        [moments[name] for name in ("mu20", "mu11", "mu02", "m00")]
        for moments in (cv2.moments(pixels[::step, ::step].astype(np.uint8), True) for pixels in (part, whole))
    )
    determinant = of_xx * of_yy - of_xy**2
    if min(count, of_count) < 3 or not determinant > 0:
        return 0.0
    half_trace = (xx * of_yy - 2 * xy * of_xy + yy * of_xx) / (2 * determinant)
    below = math.sqrt(max(half_trace**2 - (xx * yy - xy**2) / determinant, 0.0))
    return (half_trace - below) * (of_count - 1) / (count - 1)
