"""Pictures with masks of transparent or mirror (ToM) pixels on disk, all of one size: what segmenters learn from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.array_folder import ArraySet, open_arrays
from depth_prompt_ros.data.stereo_set import StereoSet


@dataclass(frozen=True, eq=False)
class TomMaskSet(ArraySet):
    """N pictures of H x W pixels with their masks.

    Attributes:
        pictures: (N, H, W, 3) uint8 RGB.
        tom: (N, H, W) bool, transparent or mirror.
    """

    pictures: NDArray[np.uint8]
    tom: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures in pixels."""
        return int(self.pictures.shape[1]), int(self.pictures.shape[2])

    def part(self, first: int, end: int) -> TomMaskSet:
        """Pictures ``first`` to ``end - 1``."""
        return TomMaskSet(self.pictures[first:end], self.tom[first:end])

    @classmethod
    def open(cls, folder: Path, mode: Literal["r", "r+"] = "r") -> TomMaskSet:
        """The set in ``folder``, memory-mapped; of a stereo set, its left pictures.

        Raises:
            BadInput: the folder is neither, or it is damaged.
        """
        if (folder / "lefts.npy").is_file():
            pairs = StereoSet.open(folder, mode)
            return cls(pairs.lefts, pairs.tom)
        return cls(**open_arrays(folder, lambda pictures: cls.shapes(pictures.shape[0], pictures.shape[1:3]), mode))

    @staticmethod
    def shapes(count: int, size: tuple[int, ...]) -> dict[str, tuple[tuple[int, ...], Any]]:
        """See :meth:`depth_prompt_ros.data.array_folder.ArraySet.shapes`."""
        return {"pictures": ((count, *size, 3), np.uint8), "tom": ((count, *size), np.bool_)}
