"""The tilt of a fitted shape: what a network that sees the target alone cannot know, taken from the anchor."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.anchor import Anchor
from depth_prompt_ros.stages.prompted_depth import Shape

Mask = NDArray[np.bool_]

_SAMPLES = 3000
_INLIER = 0.01
"""Relative residual of a pixel that agrees with the anchor."""


def correct_tilt(camera: CameraModel, shape: Shape, mask: Mask, anchor: Anchor) -> Shape:
    """Add the plane of inverse depth that brings a shape closest to its anchor.

    On the learned background nothing tells the network how the camera looks down on the scene, so its shapes lean. A
    plane is linear in inverse depth on rays (x, y, 1), so it adds to any shape. Least squares of the relative residual:
    values of a support anchor are smooth and without outliers. [ours]

    Only on a support anchor, which covers the whole target. The shape stays as it is on measured pixels: they are
    patchy on clear objects, and there the tilt would be extrapolated.

    Args:
        shape: scaled to the anchor.
        mask: (H, W) bool, the target.

    Returns:
        The shape with its inverse depth, inliers and residual (the mean of all) brought up to date.
    """
    if anchor.kind != "support" or shape.inliers == 0:
        return shape
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    box = np.s_[top : top + height, left : left + width]
    inverse, trusted, rays = shape.inverse_depth[box], anchor.trusted[box], camera.rays[box]
    known = (trusted > 0) & (inverse > 0)
    count = int(known.sum())
    if count < 3:
        return shape
    step = count // _SAMPLES + 1
    y, x = (index[::step] for index in np.nonzero(known))
    design = rays[y, x].astype(np.float64) / trusted[y, x, None]
    missing = 1 - inverse[y, x].astype(np.float64) / trusted[y, x]
    plane = np.linalg.lstsq(design, missing, rcond=None)[0]
    residual = np.abs(design @ plane - missing)
    corrected = np.zeros_like(shape.inverse_depth)
    levelled = np.maximum(inverse + rays @ plane.astype(np.float32), np.float32(0.2) * inverse)
    corrected[box] = np.where(inverse > 0, levelled, np.float32(0))
    return replace(
        shape,
        inverse_depth=corrected,
        inliers=round(count * float(np.mean(residual < _INLIER))),
        residual=float(residual.mean()),
    )
