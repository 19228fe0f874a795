"""Square pictures with their truth on disk: NumPy arrays, memory-mapped, or packed; written once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.array_folder import ArraySet, Shapes, made_before, make_folder
from depth_prompt_ros.data.sets.packed import Packed, is_packed, open_packed, write_packed
from depth_prompt_ros.errors import BadInput

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, eq=False)
class PictureSet(ArraySet):
    """N square pictures of side S with their truth.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        depths: (N, S, S) float32 metres, NaN = unknown.
        masks: (N, S, S) bool, the object (all true for scenes).
        intrinsics: (N, 4) float32 fx, fy, cx, cy in pixels of these pictures.
        normals: (N, S, S, 3) float32 of length 1, x right, y down, z forward, towards the camera, 0 = unknown; None
            where the depth alone says what they are.
    """

    images: NDArray[np.uint8]
    depths: NDArray[np.float32]
    masks: NDArray[np.bool_]
    intrinsics: NDArray[np.float32]
    normals: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side of the pictures in pixels."""
        return int(self.images.shape[1])

    def first(self, count: int) -> PictureSet:
        """The first ``count`` pictures."""
        return self.part(slice(count))

    def part(self, which: slice) -> PictureSet:
        """Some of the pictures; nothing is read yet."""
        normals = None if self.normals is None else self.normals[which]
        return PictureSet(self.images[which], self.depths[which], self.masks[which], self.intrinsics[which], normals)

    def spread(self, most: int) -> PictureSet:
        """At most so many pictures, at equal steps; 0 = all."""
        return self.part(slice(None, None, -(-len(self) // most) if most else 1))

    @classmethod
    def open(cls, folder: Path, mode: Literal["r", "r+"] = "r") -> Self:
        """The set in ``folder``, of arrays or packed; see :meth:`ArraySet.open`."""
        return cls(*open_packed(folder)) if is_packed(folder) else super().open(folder, mode)

    @classmethod
    def open_or_pack(cls, folder: Path, settings: dict[str, Any], pictures: Iterable[Packed]) -> Self:
        """The set in ``folder``; where there is none, these pictures are packed into it, read one after the other.

        Raises:
            BadInput: the folder holds a set made with other settings, or it cannot be written.
        """
        if not made_before(folder, settings):
            make_folder(folder, settings, lambda aside: write_packed(aside, pictures))
        return cls.open(folder)

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
    def arrays(cls, count: int, size: tuple[int, ...]) -> Shapes:
        """See :meth:`ArraySet.arrays`."""
        return {
            "images": ((count, *size, 3), np.uint8),
            "depths": ((count, *size), np.float32),
            "masks": ((count, *size), np.bool_),
            "intrinsics": ((count, 4), np.float32),
        }
