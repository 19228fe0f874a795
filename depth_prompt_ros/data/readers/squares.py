"""The square of a picture that a network sees."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.sample import Sample
from depth_prompt_ros.data.sets.metric_set import resized_picture
from depth_prompt_ros.data.sets.packed import Packed
from depth_prompt_ros.errors import BadInput


def squared(sample: Sample, size: int) -> Packed:
    """The sample's square, resized to ``size``; the camera stays in step.

    "object" is the largest square whose middle is as near to the object's as the picture allows [ours]; "middle" is the
    one in the middle, and "padded" the whole picture with black and nothing at its short sides: what 2306.05428's code
    cuts of HM3D-ABO and Nerfies, and of HNDR. That code then resizes everything to the nearest pixel. Here colours are
    averaged, depth, mask and normals looked up at the nearest pixel. Pixel centres are at whole coordinates.

    Raises:
        BadInput: no object, or none of known depth, is in the square.
    """
    if sample.square == "padded":
        sample = _padded(sample)
    height, width = sample.mask.shape
    side = min(height, width)
    if sample.square == "object":
        rows, columns = np.nonzero(sample.mask)
        top = int(np.clip(round((rows.min() + rows.max() + 1 - side) / 2), 0, height - side))
        left = int(np.clip(round((columns.min() + columns.max() + 1 - side) / 2), 0, width - side))
    else:
        top, left = (height - side) // 2, (width - side) // 2
    window = (slice(top, top + side), slice(left, left + side))
    scale = size / side
    nearest = np.minimum(((np.arange(size) + 0.5) / scale).astype(int), side - 1)

    def looked_up(array: NDArray[np.generic]) -> NDArray[np.generic]:
        return array[window][np.ix_(nearest, nearest)]

    image = resized_picture(np.ascontiguousarray(sample.image[window]), size, size)
    depth, mask = looked_up(sample.depth).astype(np.float32), looked_up(sample.mask).astype(np.bool_)
    if not (mask & np.isfinite(depth)).any():
        raise BadInput("the square that is taken of the picture holds nothing of its object")
    fx, fy, cx, cy = sample.intrinsics
    intrinsics = np.array([fx * scale, fy * scale, (cx - left + 0.5) * scale - 0.5, (cy - top + 0.5) * scale - 0.5])
    normals = None if sample.normals is None else looked_up(sample.normals).astype(np.float32)
    return Packed(image, depth, mask, intrinsics, normals)


def _padded(sample: Sample) -> Sample:
    """The whole picture in the middle of a square; what is added is black, without depth and of no object."""
    height, width = sample.mask.shape
    side = max(height, width)
    top, left = side // 2 - height // 2, side // 2 - width // 2
    edges = (top, side - height - top, left, side - width - left)

    def around(array: NDArray[np.generic], value: float) -> NDArray[np.generic]:
        filled = cv2.copyMakeBorder(array, *edges, cv2.BORDER_CONSTANT, value=[value] * 4)
        return np.asarray(filled, array.dtype)

    return Sample(
        around(sample.image, 0).astype(np.uint8),
        around(sample.depth, float("nan")).astype(np.float32),
        around(sample.mask.astype(np.uint8), 0).astype(np.bool_),
        sample.intrinsics + np.array([0, 0, left, top]),
        None if sample.normals is None else around(sample.normals, 0).astype(np.float32),
    )
