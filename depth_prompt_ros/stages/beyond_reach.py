"""What of a target's mask is farther from the target than it is large: matched wrongly, or background."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.boxes import Target, grown_box

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

FEW = 20
"""Fewer pixels say nothing."""

_NEAR, _REACH = 0.25, 1.5
"""Nothing reaches farther from its nearest quarter than 1.5 times as it is wide or high."""

_ENCLOSED, _ALIKE, _BESIDE = 0.75, 0.04, 0.02
"""What is measured beyond reach is a mismatch if three quarters of its rim lie on the target's near pixels and less
than 2 % of what is measured beside the target is as far within 4 %; otherwise the mask ran into the background."""

_RIM, _COLOUR_WINDOW, _COLOUR_RATIO, _COLOUR_APART = 6, 15, 0.5, 24.0
"""So many pixels deep a rim may be matched wrongly. A pixel has the target's colour if it is half as far from the mean
of the target's near pixels in a window of so many pixels as from that of the pixels beside the target, and these two
means are at least so far apart, of 255."""


def beyond_reach(camera: CameraModel, depth: Float32, mask: Mask) -> Mask:
    """(h, w) measured pixels of a mask in its box that are farther from its near ones than the box is large.

    Args:
        depth: (h, w) float32 metres, invalid = NaN.
    """
    known = mask & (depth > 0)
    if np.count_nonzero(known) < FEW:
        return np.zeros_like(known)
    values = depth[known]
    near = float(np.quantile(values[:: len(values) // 2000 + 1], _NEAR))
    size = max(mask.shape) / camera.fx * near
    with np.errstate(invalid="ignore"):
        return np.asarray(known & (np.abs(depth - near) > _REACH * size))


def mismatches(depth: Float32, target: Target, beyond: Mask) -> Mask:
    """(h, w) those connected parts of ``beyond`` that the target encloses and that resemble nothing beside it."""
    (grown, inner), mask = grown_box(target.box, depth.shape, max(3, max(beyond.shape) // 4)), target.mask
    around = depth[grown].copy()
    around[inner][mask] = np.nan
    beside = np.sort(around[around > 0])
    count, parts = cv2.connectedComponents(beyond.view(np.uint8), connectivity=8)
    parts = cv2.copyMakeBorder(parts.astype(np.float32), 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
    spread = cv2.dilate(parts, np.ones((5, 5), np.uint8)).astype(np.int64)
    rim = np.where(parts > 0, 0, spread)
    own = np.zeros(rim.shape, np.bool_)
    own[2:-2, 2:-2] = mask & ~beyond
    held = np.bincount(rim[own], minlength=count) >= _ENCLOSED * np.bincount(rim.ravel(), minlength=count)
    number = parts[2:-2, 2:-2].astype(np.int64)[beyond]
    middle = np.bincount(number, depth[target.box][beyond], count) / np.maximum(np.bincount(number, minlength=count), 1)
    alike = np.searchsorted(beside, (1 + _ALIKE) * middle) - np.searchsorted(beside, (1 - _ALIKE) * middle)
    wrong = held & (alike <= _BESIDE * len(beside))
    wrong[0] = False
    found = np.zeros_like(beyond)
    found[beyond] = wrong[number]
    return found


def mismatched_rim(image: NDArray[np.uint8], target: Target, beyond: Mask) -> Mask:
    """(h, w) those of ``beyond`` at the rim that have the colour of the target's near pixels, not of what is beside it.

    Connected parts of fewer than 20 pixels say nothing.
    """
    grown, inner = grown_box(target.box, image.shape[:2], _COLOUR_WINDOW)
    colour = image[grown].astype(np.float32)
    own, beside = np.zeros(colour.shape[:2], np.float32), np.ones(colour.shape[:2], np.float32)
    own[inner], beside[inner] = target.mask & ~beyond, ~target.mask
    distance, means = [], []
    for weight in (own, beside):
        share = cv2.blur(weight, (_COLOUR_WINDOW, _COLOUR_WINDOW))
        total = cv2.blur(colour * weight[..., None], (_COLOUR_WINDOW, _COLOUR_WINDOW))
        mean = total / np.maximum(share, np.float32(1e-6))[..., None]
        mean[share < 1e-6] = np.inf
        means.append(mean)
        distance.append(np.linalg.norm(colour - mean, axis=2))
    with np.errstate(invalid="ignore"):
        apart = np.linalg.norm(means[0] - means[1], axis=2)
    alike = (distance[0] < _COLOUR_RATIO * distance[1]) & (apart > _COLOUR_APART) & np.isfinite(apart)
    rim = cv2.dilate(beside, np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)) > 0
    found = (alike & rim)[inner] & beyond
    _, parts, statistics, _ = cv2.connectedComponentsWithStats(found.view(np.uint8), connectivity=8)
    return np.asarray(found & (statistics[parts, cv2.CC_STAT_AREA] >= FEW))
