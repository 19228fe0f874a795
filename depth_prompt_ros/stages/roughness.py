"""How much a depth or disparity picture departs from a plane around each pixel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def roughness(values: Float32, known: NDArray[np.bool_], smooth: int = 9, rough: int = 5) -> Float32:
    """Root mean square, over a small window, of the difference from the mean of a larger one.

    Inverse depth and disparity of a plane are linear in the picture, so a plane has none, however it is slanted.

    Args:
        values: (H, W) float32.
        known: (H, W) bool; other values are left out.
        smooth, rough: sides of the windows in pixels.

    Returns:
        (H, W) float32 in the unit of the values; 0 where nothing is known around.
    """
    weight = known.astype(np.float32)
    there = known.view(np.uint8)
    mean = _mean(cv2.copyTo(values, there), weight, smooth)
    departure = cv2.copyTo(values - mean, there)
    return np.sqrt(np.maximum(_mean(departure * departure, weight, rough), np.float32(0)))


def _mean(values: Float32, weight: Float32, side: int) -> Float32:
    """Mean over a window of the values with weight; the others are 0."""
    window = (side, side)
    return np.asarray(cv2.blur(values, window) / np.maximum(cv2.blur(weight, window), np.float32(1e-6)))
