"""Several picture sets as one, in which a large one can be met less often than it is large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput


class JoinedArray:
    """One of the arrays of joined sets, looked up where it is needed; a slice of it is one, too.

    Index i of a part with N pictures of which every k-th counts, i below N // k, is one of the pictures i, i + N // k,
    i + 2 (N // k), ...: which one, the other indices that are asked for with it decide, so that all arrays agree and a
    run that goes on from a checkpoint sees what it would have seen (2306.05428's code draws it anew each time). Alone
    and in slices it is the first.
    """

    def __init__(self, parts: Sequence[Any], every: Sequence[int], rows: NDArray[np.int64]) -> None:
        self._parts, self._every, self._rows = parts, every, rows
        self._counts = counts(parts, every)
        self.shape: tuple[int, ...] = (len(rows), *parts[0].shape[1:])
        self.dtype = parts[0].dtype

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any) -> Any:
        """One picture's, those of an array of indices, or a slice, which is looked up later."""
        rows = self._rows[key]
        if isinstance(key, slice):
            return JoinedArray(self._parts, self._every, rows)
        if rows.ndim == 0:
            return self._one(int(rows), 0)
        draws = np.random.default_rng(rows.tolist()).random(len(rows))
        return np.stack([self._one(int(row), float(draw)) for row, draw in zip(rows, draws, strict=True)])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(np.stack([self._one(int(row), 0) for row in self._rows]), dtype)

    def _one(self, row: int, draw: float) -> NDArray[Any]:
        for part, count, every in zip(self._parts, self._counts, self._every, strict=True):
            if row < count:
                return np.asarray(part[row + int(draw * every) * count])
            row -= count
        raise IndexError(row)


def counts(parts: Sequence[Any], every: Sequence[int]) -> list[int]:
    """How many indices each part has."""
    return [max(len(part) // each, 1) for part, each in zip(parts, every, strict=True)]


def joined(sets: Sequence[PictureSet], every: Sequence[int]) -> PictureSet:
    """Those sets as one; of each, ``every`` times as many pictures as it has indices are met in the long run.

    Raises:
        BadInput: pictures of different sizes, or normals in some of them only.
    """
    if len(sets) == 1 and every[0] == 1:
        return sets[0]
    if len({each.size for each in sets}) > 1:
        raise BadInput(f"sets of {', '.join(str(each.size) for each in sets)} pixels: prepare them at one size")
    with_normals = {each.normals is not None for each in sets}
    if len(with_normals) > 1:
        raise BadInput("some of the sets have normals of their own and others have not: prepare them again")
    fewest = [min(step, len(each)) for step, each in zip(every, sets, strict=True)]
    rows = np.arange(sum(counts(sets, fewest)))

    def of(name: str) -> Any:
        return JoinedArray([getattr(each, name) for each in sets], fewest, rows)

    normals = of("normals") if True in with_normals else None
    return PictureSet(of("images"), of("depths"), of("masks"), of("intrinsics"), normals)
