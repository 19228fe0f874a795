"""The parts of a picture that are scored apart: glass, the rest, object edges, targets."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Labels = NDArray[np.uint16]
Mask = NDArray[np.bool_]

REGIONS = ("all", "tom", "other", "edges", "targets")
"""Keys, in the order of the tables."""

REACH = 3
"""Pixels along rows and columns that belong to a pixel's surroundings."""

_JUMP = 1.05
_WINDOW = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)


def regions_of(truth: Float32 | None, tom: Mask, labels: Labels) -> dict[str, Mask]:
    """The masks by key of :data:`REGIONS`.

    Args:
        truth: (H, W) metres, NaN = not known; None: there is none, and edges are those of the labels alone.
        tom: (H, W) bool, transparent or mirror.
        labels: (H, W), 0 = no target.

    Returns:
        (H, W) bool each; ``edges`` are pixels within 3 of a label's border or of a jump of the truth.
    """
    edges = label_borders(labels)
    if truth is not None:
        edges |= depth_jumps(truth)
    return {"all": np.ones(labels.shape, np.bool_), "tom": tom, "other": ~tom, "edges": edges, "targets": labels > 0}


def label_borders(labels: Labels) -> Mask:
    """(H, W) bool, pixels with another label at most 3 pixels away along rows and columns."""
    return np.asarray(cv2.dilate(labels, _WINDOW) != cv2.erode(labels, _WINDOW))


def depth_jumps(depth: Float32) -> Mask:
    """(H, W) bool, pixels within 3 of which known depths differ by more than 5 %."""
    low, high = depth_range(depth)
    return np.asarray(low < high / np.float32(_JUMP))


def depth_range(depth: Float32) -> tuple[Float32, Float32]:
    """(H, W) smallest and largest known depth within 3 pixels; above 1e38 and 0 where none is known."""
    known = np.isfinite(depth)
    low = cv2.erode(np.where(known, depth, np.float32(np.inf)), _WINDOW)
    high = cv2.dilate(np.where(known, depth, np.float32(0)), _WINDOW)
    return np.asarray(low, np.float32), np.asarray(high, np.float32)
