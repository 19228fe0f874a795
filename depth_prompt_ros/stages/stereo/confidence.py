"""How far a stereo match can be believed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.stages.roughness import roughness

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_NEIGHBOURHOOD = (17, 17)

_SHARE, _ROUGHNESS, _DISAGREEMENT, _BIAS = 4.2, -0.65, -0.84, -1.56
"""Logistic regression on the Middlebury motorcycle pair and three rendered table tops with sensor noise."""


def disagreement(disparity: Float32, other: Float32, scale: float = 1.0) -> Float32:
    """(H, W) float32 pixels between the left picture's match and the right picture's, inf where either is missing.

    Args:
        disparity: (H, W) float32 pixels of the left picture, NaN = no match.
        other: float32 pixels of the right picture at ``scale`` times the left one's size, in pixels of that size.
        scale: of the right picture's match.
    """
    height, width = disparity.shape
    x = np.arange(width, dtype=np.float32) - np.nan_to_num(disparity, nan=-2 * width)
    y = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)
    to, shift = np.float32(scale), np.float32((scale - 1) / 2)  # pixel centres at integers
    seen = cv2.remap(
        other / to, x * to + shift, y * to + shift, cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT, borderValue=np.nan,
    )  # fmt: skip
    return np.nan_to_num(np.abs(seen - disparity), nan=np.inf)


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
    rough = roughness(disparity, np.isfinite(disparity))
    share = cv2.blur(confirmed.astype(np.float32), _NEIGHBOURHOOD)
    odds = _SHARE * share + _ROUGHNESS * np.log(rough + np.float32(0.05)) + _BIAS
    odds += _DISAGREEMENT * np.where(confirmed, disagreement, np.float32(0))
    return np.where(confirmed, 1 / (1 + np.exp(-odds)), np.float32(0))
