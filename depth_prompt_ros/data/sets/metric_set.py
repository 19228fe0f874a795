"""Pictures with metric depth on disk, all of one size: what a metric depth network learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.array_folder import ArraySet, Shapes

Plane = TypeVar("Plane", NDArray[np.float32], NDArray[np.uint8])


@dataclass(frozen=True, eq=False)
class MetricSet(ArraySet):
    """N pictures of H x W pixels with their depth.

    A set of rendered scenes or objects, of tables, or a prepared one has arrays of these names, so its folder opens as
    one of these, too.

    Attributes:
        images: (N, H, W, 3) uint8 RGB.
        depths: (N, H, W) float32 metres along the optical axis, NaN = unknown.
    """

    images: NDArray[np.uint8]
    depths: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures in pixels."""
        return int(self.images.shape[1]), int(self.images.shape[2])

    def part(self, indices: NDArray[np.int64]) -> MetricSet:
        """Those pictures, read into memory."""
        return MetricSet(np.asarray(self.images[indices]), np.asarray(self.depths[indices]))

    @classmethod
    def arrays(cls, count: int, size: tuple[int, ...]) -> Shapes:
        """See :meth:`ArraySet.arrays`."""
        return {"images": ((count, *size, 3), np.uint8), "depths": ((count, *size), np.float32)}


def resized(
    image: NDArray[np.uint8], depth: NDArray[np.float32], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A picture and its depth at another height and width: colours averaged, depth of the nearest pixel."""
    if image.shape[:2] == size:
        return image, depth
    return resized_picture(image, *size), resized_plane(depth, size)


def resized_plane(plane: Plane, size: tuple[int, int]) -> Plane:
    """(H, W) of depth or labels at another height and width: the nearest pixel."""
    rows, columns = (
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(int), old - 1)
        for new, old in zip(size, plane.shape, strict=True)
    )
    return plane[np.ix_(rows, columns)]


def resized_picture(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A picture at another height and width: averaged where it shrinks, interpolated where it grows."""
    way = cv2.INTER_AREA if height < picture.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)
