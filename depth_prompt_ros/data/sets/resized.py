"""A picture set at another side, resized where it is looked at."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.picture_set import PictureSet


class ResizedArray:
    """Pictures of another array, averaged or looked up at the nearest pixel; a slice of it is one, too."""

    def __init__(self, array: Any, side: int, averaged: bool) -> None:
        self._array, self._side, self._averaged = array, side, averaged
        self.shape: tuple[int, ...] = (len(array), side, side, *array.shape[3:])
        self.dtype = array.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """One picture, those of an array of indices, or a slice, which is resized later."""
        found = self._array[key]
        if isinstance(key, slice):
            return ResizedArray(found, self._side, self._averaged)
        if found.ndim == len(self.shape):
            return np.stack([self._resized(each) for each in found])
        return self._resized(found)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[np.arange(len(self))], dtype)

    def _resized(self, picture: NDArray[Any]) -> NDArray[Any]:
        if self._averaged:
            way = cv2.INTER_AREA if self._side < len(picture) else cv2.INTER_LINEAR
            return np.asarray(cv2.resize(picture, (self._side, self._side), interpolation=way))
        nearest = ((np.arange(self._side) + 0.5) * len(picture) / self._side).astype(int)
        return picture[np.ix_(nearest, nearest)]


def resized_set(pictures: PictureSet, side: int) -> PictureSet:
    """The same pictures at that side; colours averaged, depth, masks and normals looked up, cameras in step."""
    if side == pictures.size:
        return pictures
    scale = np.float32(side / pictures.size)
    intrinsics = np.array(pictures.intrinsics, np.float32) * scale
    intrinsics[:, 2:] += 0.5 * scale - 0.5
    return PictureSet(
        ResizedArray(pictures.images, side, averaged=True),  # type: ignore[arg-type]
        ResizedArray(pictures.depths, side, averaged=False),  # type: ignore[arg-type]
        ResizedArray(pictures.masks, side, averaged=False),  # type: ignore[arg-type]
        intrinsics,
        None if pictures.normals is None else ResizedArray(pictures.normals, side, averaged=False),  # type: ignore[arg-type]
    )
