"""Masks that are worse than the truth: eroded, dilated or shifted."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

CHANGES = ("eroded", "dilated", "shifted")
AMOUNTS = (0.025, 0.05, 0.1)
"""Pixels by the square root of a mask's area."""


def worse(mask: Mask, change: str, pixels: float, angle: float = 0.0) -> Mask:
    """(H, W) bool: the mask, changed by so many pixels.

    Args:
        change: one of :data:`CHANGES`; outside of the picture the mask goes on as at its border where it is eroded.
        angle: radians, where it is shifted to.
    """
    if change == "shifted":
        move = np.array([[1, 0, pixels * np.cos(angle)], [0, 1, pixels * np.sin(angle)]], np.float64)
        size = mask.shape[::-1]
        return cv2.warpAffine(mask.view(np.uint8), move, size, flags=cv2.INTER_NEAREST).astype(bool)
    if change == "dilated":
        return np.asarray(cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 5) <= pixels)
    padded = cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1] > pixels)
