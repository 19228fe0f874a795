"""What of a target's mask is farther from the target than it is large: matched wrongly, or background."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.boxes import Target, grown_box
from depth_prompt_ros.stages.median import quantile

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
    near = quantile(values[:: len(values) // 2000 + 1], _NEAR)
    size = max(mask.shape) / camera.fx * near
    with np.errstate(invalid="ignore"):
        return np.asarray(known & (np.abs(depth - near) > _REACH * size))


def mismatches(depth: Float32, target: Target, beyond: Mask) -> Mask:
    """(h, w) those connected parts of ``beyond`` that the target encloses and that resemble nothing beside it."""
    (grown, inner), mask = grown_box(target.box, depth.shape, max(3, max(beyond.shape) // 4)), target.mask
    count, parts = cv2.connectedComponents(beyond.view(np.uint8), connectivity=8)
    parts = cv2.copyMakeBorder(parts.astype(np.float32), 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
    spread = cv2.dilate(parts, np.ones((5, 5), np.uint8)).astype(np.int64)
    rim = np.where(parts > 0, 0, spread)
    own = np.zeros(rim.shape, np.bool_)
    own[2:-2, 2:-2] = mask & ~beyond
    held = np.bincount(rim[own], minlength=count) >= _ENCLOSED * np.bincount(rim.ravel(), minlength=count)
    if not held[1:].any():
        return np.zeros_like(beyond)
    around = depth[grown].copy()
    around[inner][mask] = np.nan
    beside = np.sort(around[around > 0])
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
    found = np.zeros_like(beyond)
    grown, inner = grown_box(target.box, image.shape[:2], _COLOUR_WINDOW)
    own, beside = (np.full(image[grown].shape[:2], outside, np.uint8) for outside in (0, 1))
    own[inner], beside[inner] = target.mask & ~beyond, ~target.mask
    rim = (cv2.dilate(beside, np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)) > 0)[inner] & beyond
    left, top, width, height = cv2.boundingRect(rim.view(np.uint8))
    if width == 0:
        return found
    place = np.s_[top : top + height, left : left + width]
    rows, columns = (slice(at.start + by.start, at.start + by.stop) for at, by in zip(inner, place, strict=True))
    near, middle = grown_box((rows, columns), own.shape, _COLOUR_WINDOW // 2)
    alike = _has_own_colour(image[grown][near].astype(np.float32), own[near], beside[near])
    found[place] = alike[middle] & rim[place]
    _, parts, statistics, _ = cv2.connectedComponentsWithStats(found.view(np.uint8), connectivity=8)
    return np.asarray(found & (statistics[parts, cv2.CC_STAT_AREA] >= FEW))


def _has_own_colour(colour: Float32, own: NDArray[np.uint8], beside: NDArray[np.uint8]) -> Mask:
    """(h, w) pixels with the colour around them of the ones of ``own``, where that differs from those of ``beside``."""
    window = (_COLOUR_WINDOW, _COLOUR_WINDOW)
    distance, means = [], []
    for chosen in (own, beside):
        weight = chosen.astype(np.float32)
        share = cv2.blur(weight, window)
        total = cv2.blur(colour * weight[..., None], window)
        mean = total / np.maximum(share, np.float32(1e-6))[..., None]
        mean[share < 1e-6] = np.inf
        means.append(mean)
        distance.append(_length(colour - mean))
    with np.errstate(invalid="ignore"):
        apart = _length(means[0] - means[1])
    return np.asarray((distance[0] < _COLOUR_RATIO * distance[1]) & (apart > _COLOUR_APART) & np.isfinite(apart))


def _length(vectors: Float32) -> Float32:
    """(h, w) as ``np.linalg.norm`` of (h, w, 3), a tenth of the time: sums over an axis of three are slow."""
    x, y, z = (vectors[..., place] for place in range(3))
    return np.asarray(np.sqrt(x * x + y * y + z * z))
