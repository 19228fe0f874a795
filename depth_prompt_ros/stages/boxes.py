"""Where in the picture each target is, so that what concerns it alone is done there alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.stages.numbering import count_labels


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
    found: list[Target] = []
    if width == 0:
        return found
    around = labels[top : top + height, left : left + width]
    for label in (np.flatnonzero(count_labels(around)[1:]) + 1).tolist():
        mask = around == label
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        box = np.s_[top + y : top + y + height, left + x : left + x + width]
        found.append(Target(label, box, mask[y : y + height, x : x + width]))
    return found


def box_of(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns that an (H, W) mask spans; none of an empty one."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return np.s_[top : top + height, left : left + width]


def grown_box(
    box: tuple[slice, slice], shape: tuple[int, ...], reach: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The box grown by ``reach`` pixels within a picture of this shape, and where the box lies in it."""
    rows, columns = box
    top, left = max(rows.start - reach, 0), max(columns.start - reach, 0)
    grown = np.s_[top : min(rows.stop + reach, shape[0]), left : min(columns.stop + reach, shape[1])]
    return grown, np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]


def corners(box: tuple[slice, slice]) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of rows and columns."""
    rows, columns = box
    return float(columns.start), float(rows.start), float(columns.stop), float(rows.stop)


def box_iou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1."""
    width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)
