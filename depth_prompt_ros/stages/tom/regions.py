"""The connected ToM regions of a picture, each on one thing."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.stages.boxes import Target

Mask = NDArray[np.bool_]


def tom_regions(tom: Mask, labels: NDArray[np.uint16], min_area: int) -> list[Target]:
    """Each connected region of ToM pixels of one label, or of none, the background first; smaller ones are left out.

    Args:
        tom: (H, W) bool, transparent or mirror.
        labels: (H, W) uint16, 0 = background.
        min_area: pixels.

    Returns:
        The regions; their label is that of the target they are on, 0 = on none.
    """
    found: list[Target] = []
    if not tom.any():
        return found
    for label in np.flatnonzero(np.bincount(labels[tom])).tolist():
        on_label = tom & (labels == label)
        left, top, width, height = cv2.boundingRect(on_label.view(np.uint8))
        close = on_label[top : top + height, left : left + width].view(np.uint8)
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(close)
        for number, (x, y, width, height, area) in enumerate(stats.tolist()):
            if number > 0 and area >= min_area:
                inside = numbers[y : y + height, x : x + width] == number
                found.append(Target(label, np.s_[top + y : top + y + height, left + x : left + x + width], inside))
    return found


def surfaces_in(tom: Mask, labels: NDArray[np.uint16], min_area: int) -> list[Target]:
    """The ToM regions that are on no target, label 0."""
    return tom_regions(tom & (labels == 0), labels, min_area)
