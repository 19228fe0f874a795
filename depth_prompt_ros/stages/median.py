"""Medians and quantiles of plain lists of numbers, without what NumPy prepares for NaN and any number of dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def median(values: NDArray[np.floating[Any]]) -> float:
    """``np.median`` of (N,) values, N > 0, none of them NaN."""
    middle = len(values) // 2
    parted = np.partition(values, middle)
    return float(parted[middle] if len(values) % 2 else (parted[:middle].max() + parted[middle]) / 2)


def median_of_some(values: NDArray[np.floating[Any]]) -> float:
    """The median of at most about 5000 of the values, evenly picked."""
    return median(values[:: len(values) // 5000 + 1])


def quantile(values: NDArray[np.floating[Any]], share: float) -> float:
    """``np.quantile`` of (N,) values, N > 0, none of them NaN."""
    return float(np.interp(share * (len(values) - 1), np.arange(len(values)), np.sort(values)))
