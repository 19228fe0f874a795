"""Square pictures with their truth on disk: a folder of NumPy arrays, written once and memory-mapped after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.array_folder import ArraySet, open_arrays
from depth_prompt_ros.errors import BadInput


@dataclass(frozen=True, eq=False)
class PictureSet(ArraySet):
    """N square pictures of side S with their truth.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        depths: (N, S, S) float32 metres, NaN = unknown.
        masks: (N, S, S) bool, the object (all true for scenes).
        intrinsics: (N, 4) float32 fx, fy, cx, cy in pixels of these pictures.
    """

    images: NDArray[np.uint8]
    depths: NDArray[np.float32]
    masks: NDArray[np.bool_]
    intrinsics: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side of the pictures in pixels."""
        return int(self.images.shape[1])

    def first(self, count: int) -> PictureSet:
        """The first ``count`` pictures."""
        return PictureSet(self.images[:count], self.depths[:count], self.masks[:count], self.intrinsics[:count])

    def require_objects(self) -> None:
        """Raises BadInput where a picture has no object, or one without any known depth; the message says which."""
        for start in range(0, len(self), 256):
            masks = np.asarray(self.masks[start : start + 256])
            depths = np.asarray(self.depths[start : start + 256])
            known = masks & np.isfinite(depths) & (np.nan_to_num(depths) > 0)
            empty = np.flatnonzero(~known.any((1, 2)))
            if len(empty):
                missing = "known depth on its object" if masks[empty[0]].any() else "object in its mask"
                raise BadInput(f"picture {start + empty[0]} of {len(self)} in the set has no {missing}: leave it out")

    @classmethod
    def open(cls, folder: Path, mode: Literal["r", "r+"] = "r") -> PictureSet:
        """The set in ``folder``, memory-mapped.

        Raises:
            BadInput: the folder is not such a set, or it is damaged.
        """
        return cls(**open_arrays(folder, lambda images: cls.shapes(images.shape[0], images.shape[1]), mode))

    @staticmethod
    def shapes(count: int, size: int) -> dict[str, tuple[tuple[int, ...], Any]]:
        """See :meth:`depth_prompt_ros.data.array_folder.ArraySet.shapes`."""
        return {
            "images": ((count, size, size, 3), np.uint8),
            "depths": ((count, size, size), np.float32),
            "masks": ((count, size, size), np.bool_),
            "intrinsics": ((count, 4), np.float32),
        }
