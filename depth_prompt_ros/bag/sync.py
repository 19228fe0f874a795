"""Which messages of two topics belong together, by header stamp."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Stamps = NDArray[np.int64]
_NEIGHBOURS = 4


def pair(left: Stamps, other: Stamps, tolerance_ns: int) -> NDArray[np.int64]:
    """For each left stamp the index of its partner in ``other``, -1 for none; each partner is used once.

    The closest pairs are made first, so a dropped message never shifts its neighbours' pairs.

    Args:
        left: (N,) int64 nanoseconds, any order.
        other: (M,) int64 nanoseconds, any order.
        tolerance_ns: stamps further apart are never paired.

    Returns:
        (N,) int64.
    """
    partners = np.full(len(left), -1, np.int64)
    if not len(other):
        return partners
    order = np.argsort(other, kind="stable")
    near = np.searchsorted(other[order], left)[:, None] + np.arange(-_NEIGHBOURS, _NEIGHBOURS)
    inside = (near >= 0) & (near < len(other))
    candidates = order[np.clip(near, 0, len(other) - 1)]
    gaps = np.abs(other[candidates] - left[:, None])
    rows, columns = np.nonzero(inside & (gaps <= tolerance_ns))
    theirs = candidates[rows, columns]
    taken = np.zeros(len(other), bool)
    for best in np.lexsort((theirs, rows, gaps[rows, columns])):
        if partners[rows[best]] < 0 and not taken[theirs[best]]:
            partners[rows[best]] = theirs[best]
            taken[theirs[best]] = True
    return partners


def nearest(left: Stamps, other: Stamps) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each left stamp the index of the nearest stamp in ``other`` and how far it is, nanoseconds.

    Args:
        left: (N,) int64 nanoseconds, any order.
        other: (M,) int64 nanoseconds, any order, M > 0.
    """
    order = np.argsort(other, kind="stable")
    right = np.clip(np.searchsorted(other[order], left), 0, len(other) - 1)
    before = np.maximum(right - 1, 0)
    gap_right, gap_before = np.abs(other[order[right]] - left), np.abs(other[order[before]] - left)
    use_before = gap_before <= gap_right
    return np.where(use_before, order[before], order[right]), np.where(use_before, gap_before, gap_right)
