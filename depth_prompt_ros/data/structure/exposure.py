"""How much brighter each picture of one scene was taken than the others."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_ROUNDS = 10
_DARK, _BRIGHT = 8.0, 247.0
"""Grey levels beyond which a pixel says nothing of the exposure."""


def gains(
    pictures: Sequence[NDArray[np.uint8]], places: Sequence[NDArray[np.float64]], points: Sequence[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """(F,) brightness of each picture over the mean of all, from points that several of them show.

    Each sighting's brightness is its picture's gain times its point's own; medians of both in turn.

    Args:
        pictures: F of (H, W, 3) uint8.
        places: of each, (N, 2) columns and rows where it shows points.
        points: of each, (N,) their numbers.
    """
    seen = [_brightness(*each) for each in zip(pictures, places, strict=True)]
    count = 1 + max((int(numbers.max()) for numbers in points if len(numbers)), default=0)
    kept = [np.isfinite(values) for values in seen]
    values = [each[good] for each, good in zip(seen, kept, strict=True)]
    numbers = [each[good] for each, good in zip(points, kept, strict=True)]
    found = np.zeros(len(pictures))
    every = np.concatenate(numbers)
    times = np.maximum(np.bincount(every, minlength=count), 1)
    for _ in range(_ROUNDS):
        own = np.concatenate([each - gain for each, gain in zip(values, found, strict=True)])
        mean = np.bincount(every, own, count) / times
        found = np.array(
            [np.median(each - mean[which]) if len(each) else 0.0 for each, which in zip(values, numbers, strict=True)]
        )
        found -= found.mean()
    return np.exp(found)


def _brightness(picture: NDArray[np.uint8], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) log of grey, smoothed, at places; NaN where it is too dark or too bright to tell."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 1.5).astype(np.float64)
    column, row = np.round(places).astype(int).T
    height, width = grey.shape
    value = grey[row.clip(0, height - 1), column.clip(0, width - 1)]
    usable = (value > _DARK) & (value < _BRIGHT)
    return np.where(usable, np.log(np.maximum(value, 1.0)), np.nan)


def evened(picture: NDArray[np.uint8], gain: float) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 as if it had been taken with the mean exposure."""
    return np.clip(picture / gain, 0, 255).round().astype(np.uint8)
