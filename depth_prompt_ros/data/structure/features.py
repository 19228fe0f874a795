"""Features of pictures and which of them are the same."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_MOST, _CONTRAST = 700, 0.02
_ROUNDED = 1e-5


class Features(NamedTuple):
    """N features of one picture.

    Attributes:
        places: (N, 2) float64 columns and rows, pixels.
        descriptors: (N, 128) float32 of length 1: roots of SIFT's (Arandjelovic and Zisserman 2012).
    """

    places: NDArray[np.float64]
    descriptors: NDArray[np.float32]


def find_features(grey: NDArray[np.uint8], seen: NDArray[np.bool_] | None = None) -> Features:
    """Features of (H, W) uint8, the strongest 700 at most.

    Args:
        seen: (H, W) bool, pixels where features may be.
    """
    mask = None if seen is None else seen.astype(np.uint8)
    points, found = cv2.SIFT_create(_MOST, contrastThreshold=_CONTRAST).detectAndCompute(grey, mask)
    if found is None or not len(found):
        return Features(np.zeros((0, 2)), np.zeros((0, 128), np.float32))
    shares = found / np.maximum(found.sum(1, keepdims=True), 1e-6)
    return Features(np.array([point.pt for point in points], np.float64), np.sqrt(shares, dtype=np.float32))


def matches(first: NDArray[np.float32], second: NDArray[np.float32], ratio: float = 0.8) -> NDArray[np.int64]:
    """(M, 2) numbers of rows that are each other's nearest, by far: the next is ``1 / ratio`` times as far (Lowe 2004).

    Args:
        first, second: (N, 128) descriptors.
    """
    if len(first) < 2 or len(second) < 2:
        return np.zeros((0, 2), np.int64)
    alike = first @ second.T
    rows = np.arange(len(first))
    best = alike.argmax(1)
    nearest = alike[rows, best]
    mutual = alike.argmax(0)[best] == rows
    alike[rows, best] = -1
    far = 2 - 2 * nearest + _ROUNDED < ratio**2 * (2 - 2 * alike.max(1))  # squared distances of unit vectors
    chosen = np.flatnonzero(far & mutual)
    return np.stack([chosen, best[chosen]], 1)
