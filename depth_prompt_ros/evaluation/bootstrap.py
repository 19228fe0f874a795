"""Percentile bootstraps: what a figure might have been of as many other pictures, things or scenes of the same kind.

Frames of one recording are not independent; they are drawn in blocks (:mod:`depth_prompt_ros.evaluation.bags.compare`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
_PERCENT = (2.5, 97.5)


def drawn(count: int) -> NDArray[np.int64]:
    """(2000, count) int64: indices drawn with replacement, always the same for one ``count``.

    Rows that are compared are so drawn together.
    """
    return np.random.default_rng(0).integers(0, count, (RESAMPLES, count))


def interval(resampled: NDArray[np.floating]) -> tuple[float, float]:
    """The ends of the 95 % interval of (n,) resampled figures; those that are not finite are left out.

    Returns:
        NaN twice where none is finite.
    """
    known = resampled[np.isfinite(resampled)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, _PERCENT)
    return float(low), float(high)


def interval_of_mean(values: Sequence[float] | NDArray[np.floating]) -> tuple[float, float]:
    """The 95 % interval of the mean of what is finite; NaN twice where nothing is."""
    given = np.asarray(values, np.float64)
    finite = given[np.isfinite(given)]
    return interval(finite[drawn(len(finite))].mean(1)) if len(finite) else (float("nan"), float("nan"))
