"""From masks to labels: largest first, small ones dropped; connected surfaces of a depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.parameters import SegmentationParameters

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


def components(mask: Mask, min_area: int = 1) -> list[Mask]:
    """The 8-connected parts of an (H, W) bool mask with at least ``min_area`` pixels, each an (H, W) bool mask."""
    count, numbered, statistics, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    return [numbered == part for part in range(1, count) if statistics[part, cv2.CC_STAT_AREA] >= min_area]


def labels_from_masks(
    masks: Sequence[Mask], parameters: SegmentationParameters, last: Sequence[bool] = ()
) -> NDArray[np.uint16]:
    """(H, W) uint16 labels, 1 for the largest mask; of overlapping masks the smaller one wins.

    Masks below ``min_area`` pixels are dropped, and the last of the order beyond ``max_targets``.

    Args:
        masks: at least one (H, W) bool mask.
        last: a flag for each mask, those with one come after all others, in their own order of size; empty: none has.
    """
    areas = np.array([int(mask.sum()) for mask in masks])
    order = [index for index in np.argsort(-areas, kind="stable") if areas[index] >= parameters.min_area]
    if last:
        order.sort(key=lambda index: last[index])
    numbers = {index: label for label, index in enumerate(order[: parameters.max_targets], start=1)}
    labels = np.zeros(masks[0].shape, np.uint16)
    for index in sorted(numbers, key=lambda index: -areas[index]):
        labels[masks[index]] = numbers[index]
    return labels


def closed(mask: Mask, radius: int) -> Mask:
    """The mask with gaps up to ``2 * radius`` pixels and all enclosed holes filled."""
    padded = np.pad(mask.view(np.uint8), radius + 1)
    joined = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc(radius))
    contours, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(joined, contours, -1, 1, cv2.FILLED)
    inside = joined[radius + 1 : -radius - 1, radius + 1 : -radius - 1]
    return np.ascontiguousarray(inside).view(np.bool_)


def disc(radius: int) -> NDArray[np.uint8]:
    """A round kernel for OpenCV's morphology."""
    kernel: Any = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(kernel, np.uint8)


def surfaces(depth: Float32, where: Mask, step: float) -> NDArray[np.int32]:
    """(h, w) the number of each connected surface of what is measured in ``where``; 0 elsewhere.

    Args:
        depth: (h, w) float32 metres, NaN = nothing.
        step: a surface ends where depth changes by more than this share from one pixel to the next.
    """
    logarithm = np.log(np.where(depth > 0, depth, np.float32(1e-3)))
    steps = np.zeros(depth.shape, np.bool_)
    steps[:, 1:] |= np.abs(np.diff(logarithm, axis=1)) > step
    steps[1:] |= np.abs(np.diff(logarithm, axis=0)) > step
    _, numbered = cv2.connectedComponents((where & ~steps).view(np.uint8), connectivity=4)
    return np.asarray(numbered, np.int32)
