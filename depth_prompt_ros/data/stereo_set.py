"""Rectified stereo pairs with their truth on disk, all of one size: what stereo and ToM networks learn from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.array_folder import ArraySet, open_arrays


@dataclass(frozen=True, eq=False)
class StereoSet(ArraySet):
    """N rectified pairs of H x W pixels with the left picture's truth.

    Attributes:
        lefts, rights: (N, H, W, 3) uint8 RGB.
        depths: (N, H, W) float32 metres of the first surface, glass and mirrors included, NaN = unknown.
        labels: (N, H, W) uint8, 0 = surroundings, 1..n = things, each its own number, ToM or not.
        tom: (N, H, W) bool, transparent or mirror.
        cameras: (N, 5) float32 fx, fy, cx, cy in pixels and baseline in metres.
    """

    lefts: NDArray[np.uint8]
    rights: NDArray[np.uint8]
    depths: NDArray[np.float32]
    labels: NDArray[np.uint8]
    tom: NDArray[np.bool_]
    cameras: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.lefts)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures in pixels."""
        return int(self.lefts.shape[1]), int(self.lefts.shape[2])

    def camera(self, index: int) -> CameraModel:
        """The left camera of one pair, with its baseline."""
        height, width = self.size
        fx, fy, cx, cy, baseline = (float(value) for value in self.cameras[index])
        return CameraModel(width, height, fx, fy, cx, cy, baseline=baseline)

    def disparity(self, index: int) -> NDArray[np.float32]:
        """(H, W) float32 true disparity in pixels, NaN = unknown."""
        return self.camera(index).disparity_from_depth(np.asarray(self.depths[index]))

    @classmethod
    def open(cls, folder: Path, mode: Literal["r", "r+"] = "r") -> StereoSet:
        """The set in ``folder``, memory-mapped.

        Raises:
            BadInput: the folder is not such a set, or it is damaged.
        """
        return cls(**open_arrays(folder, lambda lefts: cls.shapes(lefts.shape[0], lefts.shape[1:3]), mode))

    @staticmethod
    def shapes(count: int, size: tuple[int, ...]) -> dict[str, tuple[tuple[int, ...], Any]]:
        """See :meth:`depth_prompt_ros.data.array_folder.ArraySet.shapes`."""
        height, width = size
        return {
            "lefts": ((count, height, width, 3), np.uint8),
            "rights": ((count, height, width, 3), np.uint8),
            "depths": ((count, height, width), np.float32),
            "labels": ((count, height, width), np.uint8),
            "tom": ((count, height, width), np.bool_),
            "cameras": ((count, 5), np.float32),
        }
