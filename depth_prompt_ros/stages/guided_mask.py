"""Masks whose edges follow the picture's."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.stages.boxes import box_of, grown_box

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SOFTNESS = np.float32(3e-4)
"""Colours that vary less than by a sixtieth of their range are no edge."""


def follow_edges(image: NDArray[np.uint8], mask: Mask, size: tuple[int, int], window: int) -> Mask:
    """(H, W) bool, the mask with its edges moved to the picture's: :func:`guided_filter` of it, cut at one half.

    A median over about half of one of the smaller pictures' pixels takes noise away. Arguments are those of the filter,
    which sees the mask's surroundings alone.
    """
    found = np.zeros_like(mask)
    if mask.any():
        scale = mask.shape[1] / size[0]
        around, _ = grown_box(box_of(mask), mask.shape, round(window * scale))
        part = np.ascontiguousarray(image[around])
        small = (max(round(part.shape[1] / scale), 1), max(round(part.shape[0] / scale), 1))
        inside = guided_filter(part, mask[around], small, window) > 0.5
        found[around] = cv2.medianBlur(inside.view(np.uint8), 2 * round(0.4 * scale) + 1) > 0
    return found


def guided_filter(image: NDArray[np.uint8], mask: Mask, size: tuple[int, int], window: int) -> Float32:
    """(H, W) float32, the mask as a function of colour that changes with the place.

    In each window the mask is taken for a linear function of colour, and a pixel for the mean of what its windows say
    (He et al. 2010, equations 19 to 21). The functions are found on smaller pictures and applied to the picture
    itself (1505.00996).

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.
        size: (width, height) of the smaller pictures.
        window: side of the windows in their pixels, odd.
    """
    small = cv2.split(cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255)
    share = np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)

    def mean_of(plane: Float32) -> Float32:
        return np.asarray(cv2.blur(plane, (window, window)), np.float32)

    def covariance(first: int, second: int) -> Float32:
        return mean_of(small[first] * small[second]) - means[first] * means[second]

    means, mean = [mean_of(plane) for plane in small], mean_of(share)
    rr, gg, bb = (covariance(each, each) + _SOFTNESS for each in range(3))
    rg, gb, br = covariance(0, 1), covariance(1, 2), covariance(2, 0)
    with_mask = [mean_of(plane * share) - middle * mean for plane, middle in zip(small, means, strict=True)]
    # Cramer's rule: the inverse of the symmetric covariance, times its determinant.
    inverse = (
        (gg * bb - gb * gb, br * gb - rg * bb, rg * gb - br * gg),
        (br * gb - rg * bb, rr * bb - br * br, rg * br - rr * gb),
        (rg * gb - br * gg, rg * br - rr * gb, rr * gg - rg * rg),
    )
    determinant = rr * inverse[0][0] + rg * inverse[0][1] + br * inverse[0][2]
    slopes = [sum(a * b for a, b in zip(row, with_mask, strict=True)) / determinant for row in inverse]
    shift = mean - sum(a * b for a, b in zip(slopes, means, strict=True))
    full = image.shape[1::-1]
    found = cv2.resize(mean_of(shift), full, interpolation=cv2.INTER_LINEAR)
    for slope, plane in zip(slopes, cv2.split(image), strict=True):
        larger = cv2.resize(mean_of(slope * np.float32(1 / 255)), full, interpolation=cv2.INTER_LINEAR)
        found += cv2.multiply(larger, plane, dtype=cv2.CV_32F)
    return np.asarray(found, np.float32)
