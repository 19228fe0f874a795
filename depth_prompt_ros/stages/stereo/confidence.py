"""How far a stereo match can be believed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.stages.roughness import roughness
from depth_prompt_ros.stages.stereo.places import matched_places

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_NEIGHBOURHOOD = (9, 9)
"""Of every second pixel: 17x17 of the picture."""

_SHARE, _ROUGHNESS, _DISAGREEMENT, _BIAS = 4.2, -0.65, -0.84, -1.56
"""Logistic regression on the Middlebury motorcycle pair and three rendered table tops with sensor noise."""


def disagreement(disparity: Float32, other: Float32, scale: float = 1.0) -> Float32:
    """(H, W) float32 pixels between the left picture's match and the right picture's, inf where either is missing.

    Args:
        disparity: (H, W) float32 pixels of the left picture, NaN = no match.
        other: float32 pixels of the right picture at ``scale`` times the left one's size, in pixels of that size.
        scale: of the right picture's match.
    """
    x, y = matched_places(disparity)
    to, shift = np.float32(scale), np.float32((scale - 1) / 2)  # pixel centres at integers
    if scale != 1:
        x, y, other = x * to + shift, y * to + shift, other / to
    apart = np.abs(
        cv2.remap(other, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=np.nan) - disparity
    )
    cv2.patchNaNs(apart, np.inf)
    return apart


def match_confidence(disparity: Float32, disagreement: Float32, confirmed: Mask) -> Float32:
    """Probability that a match is wrong by at most one pixel.

    From the share of confirmed matches in a 17x17 window, the roughness of the disparity there (which is nothing on a
    slanted plane), and the disagreement with the right picture's match.

    Args:
        disparity: (H, W) float32 pixels, NaN = no match.
        disagreement: (H, W) float32 pixels between the left and the right picture's match, inf where either is missing.
        confirmed: (H, W) bool, matches that passed the left-right check.

    Returns:
        (H, W) float32 in [0, 1], 0 where not confirmed.
    """
    odds = np.asarray(cv2.resize(_odds_around(disparity, confirmed), disparity.shape[::-1]), np.float32)
    known = confirmed.view(np.uint8)
    odds += cv2.copyTo(disagreement, known) * np.float32(_DISAGREEMENT)
    return cv2.copyTo(np.reciprocal(1 + cv2.exp(-odds)), known)


def _odds_around(disparity: Float32, confirmed: Mask) -> Float32:
    """(h, w) logarithmic odds by what is around every second pixel of every second row, which are as good as all."""
    some = np.ascontiguousarray(disparity[::2, ::2])
    rough = roughness(some, np.isfinite(some), smooth=5, rough=3)
    share = cv2.boxFilter(np.ascontiguousarray(confirmed.view(np.uint8)[::2, ::2]), cv2.CV_32F, _NEIGHBOURHOOD)
    odds = cv2.log(rough + np.float32(0.05)) * np.float32(_ROUGHNESS)
    odds += share * np.float32(_SHARE) + np.float32(_BIAS)
    return np.asarray(odds, np.float32)
