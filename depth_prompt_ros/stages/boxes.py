"""Where in the picture each target is, so that what concerns it alone is done there alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Target:
    """One label of a label image.

    Attributes:
        label: its value.
        box: rows and columns it spans.
        mask: (h, w) bool, its pixels within the box.
    """

    label: int
    box: tuple[slice, slice]
    mask: NDArray[np.bool_]


def targets_in(labels: NDArray[np.uint16]) -> list[Target]:
    """Each label above 0 that occurs in an (H, W) picture, in rising order."""
    left, top, width, height = cv2.boundingRect((labels > 0).view(np.uint8))
    around = labels[top : top + height, left : left + width]
    found = []
    for label in np.flatnonzero(np.bincount(around[around > 0])).tolist():
        mask = around == label
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        box = np.s_[top + y : top + y + height, left + x : left + x + width]
        found.append(Target(label, box, mask[y : y + height, x : x + width]))
    return found
