"""Which disparities are searched where: those that a match at half size has found there, and a few beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Search = tuple[int, int]
"""The first disparity and how many, a multiple of 16."""

_SUBPIXEL = 16
_STEP = 16
_REGION = 50
"""So many connected pixels of half size are something; what is farther or nearer than all of these is not searched."""

_MARGIN = 3
"""Pixels searched beyond what was found: a half-size match is right to one of its own, and the best of some disparities
is told by its neighbours."""

_BORDER = 4
"""Columns of half size at either side that tell nothing: the window of a match there is half outside."""

_OVERHEAD, _ROWS = 32, 48
"""What a row costs beside its disparities, in disparities, and a band beside its rows, in rows: OpenCV cuts each into
four stripes that overlap."""

_CUTS = 16
"""Bands begin at sixteenths of the picture's height."""


@dataclass(frozen=True)
class Band:
    """Rows of the picture that are searched for the same disparities."""

    first_row: int
    last_row: int
    search: Search

    @property
    def cost(self) -> int:
        """In disparities times rows."""
        return (self.last_row - self.first_row + _ROWS) * (_OVERHEAD + self.search[1])


def bands(half: NDArray[np.int16], height: int, search: Search) -> list[Band]:
    """Bands of rows from top to bottom, so that few disparities are searched in all.

    A pair is rectified, so that a row of either picture shows the same disparities.

    Args:
        half: (h, w) int16 disparity at half size, sixteenths of a pixel of that size, of the left or of the right
            picture; -32768 = none.
        height: of the picture, about 2 h.
        search: at the picture's size, all that may be searched.
    """
    lowest = -(2**15)
    fixed = np.ascontiguousarray(half[:, _BORDER:-_BORDER]) if half.shape[1] > 4 * _BORDER else half.copy()
    cv2.filterSpeckles(fixed, lowest, _REGION, _SUBPIXEL)
    starts = sorted({part * len(half) // _CUTS for part in range(_CUTS)})
    nearest = np.maximum.reduceat(fixed.max(1), starts).tolist()
    farthest = np.minimum.reduceat(np.where(fixed > lowest, fixed, np.int16(2**15 - 1)).min(1), starts).tolist()
    rows = [2 * start for start in starts] + [height]
    return list(_split(farthest, nearest, rows, search))


def _split(farthest: list[int], nearest: list[int], rows: list[int], search: Search) -> Iterator[Band]:
    """The band from the first row to the last, or where that is cheaper its best halves, split again.

    Args:
        farthest, nearest: of each part, sixteenths of a pixel of half size.
        rows: where each part begins, and the last one's end.
    """
    whole = _band(farthest, nearest, rows, search)
    best, cut = whole.cost, 0
    for place in range(2, len(farthest) - 1):
        upper = _band(farthest[:place], nearest[:place], rows[: place + 1], search)
        lower = _band(farthest[place:], nearest[place:], rows[place:], search)
        if upper.cost + lower.cost < best:
            best, cut = upper.cost + lower.cost, place
    if not cut:
        yield whole
        return
    yield from _split(farthest[:cut], nearest[:cut], rows[: cut + 1], search)
    yield from _split(farthest[cut:], nearest[cut:], rows[cut:], search)


def _band(farthest: list[int], nearest: list[int], rows: list[int], search: Search) -> Band:
    low, high = min(farthest), max(nearest)
    if low > high:
        return Band(rows[0], rows[-1], search)
    lowest, beyond = search[0], search[0] + search[1]
    start = max(lowest, 2 * low // _SUBPIXEL - _MARGIN)
    end = min(beyond, -(-2 * high // _SUBPIXEL) + _MARGIN + 1)
    count = min(_STEP * -(-max(end - start, 1) // _STEP), search[1])
    return Band(rows[0], rows[-1], (max(lowest, min(start, beyond - count)), count))
