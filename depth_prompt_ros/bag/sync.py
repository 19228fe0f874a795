"""Which messages of two topics belong together, by header stamp."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Stamps = NDArray[np.int64]
_NEIGHBOURS = 4


def pair(left: Stamps, other: Stamps, tolerance_ns: int) -> NDArray[np.int64]:
    """For each left stamp the index of its partner in ``other``, -1 for none; each partner is used once.

    The closest pairs are made first, so a dropped message never shifts its neighbours' pairs. Messages of one stamp are
    paired in their order.

    Args:
        left: (N,) int64 nanoseconds, any order.
        other: (M,) int64 nanoseconds, any order.
        tolerance_ns: stamps further apart are never paired.

    Returns:
        (N,) int64.
    """
    partners = np.full(len(left), -1, np.int64)
    if not len(other) or not len(left):
        return partners
    order = np.lexsort((_turns(other), other))
    near = _others_before(left, other)[:, None] + np.arange(-_NEIGHBOURS, _NEIGHBOURS)
    inside = (near >= 0) & (near < len(other))
    candidates = order[np.clip(near, 0, len(other) - 1)]
    gaps = np.abs(other[candidates] - left[:, None])
    turns = np.abs(_turns(other)[candidates] - _turns(left)[:, None])
    rows, columns = np.nonzero(inside & (gaps <= tolerance_ns))
    theirs = candidates[rows, columns]
    taken = np.zeros(len(other), bool)
    for best in np.lexsort((theirs, rows, turns[rows, columns], gaps[rows, columns])):
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


def in_force(left: Stamps, other: Stamps, tolerance_ns: int) -> NDArray[np.int64]:
    """For each left stamp the message in force: the nearest within the tolerance, else the latest before, or the first.

    Args:
        left: (N,) int64 nanoseconds, any order.
        other: (M,) int64 nanoseconds, any order.
        tolerance_ns: a message this near belongs to its image, whichever came first.

    Returns:
        (N,) int64, -1 where there is none at all.
    """
    if not len(other):
        return np.full(len(left), -1, np.int64)
    index, gaps = nearest(left, other)
    order = np.argsort(other, kind="stable")
    before = order[np.maximum(np.searchsorted(other[order], left, side="right") - 1, 0)]
    return np.where(gaps <= tolerance_ns, index, before)


def _turns(stamps: Stamps) -> NDArray[np.int64]:
    """(N,) how many of the same stamp came before each."""
    order = np.argsort(stamps, kind="stable")
    arranged = stamps[order]
    first = np.searchsorted(arranged, arranged)
    turns = np.empty(len(stamps), np.int64)
    turns[order] = np.arange(len(stamps)) - first
    return turns


def _others_before(left: Stamps, other: Stamps) -> NDArray[np.int64]:
    """(N,) how many of ``other`` come before each left stamp, those of the same stamp in turns."""
    stamps = np.concatenate([left, other])
    turns = np.concatenate([_turns(left), _turns(other)])
    theirs = np.arange(len(stamps)) >= len(left)
    order = np.lexsort((theirs, turns, stamps))
    before = np.empty(len(stamps), np.int64)
    before[order] = np.cumsum(theirs[order]) - theirs[order]
    return before[: len(left)]
