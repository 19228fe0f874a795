"""Which matches rest on texture, and which faint texture is the scene's and not the sensor's noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.stages.stereo.places import matched_places

Grey = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_WINDOW = (11, 11)
_NEIGHBOURHOOD = (25, 25)

_SUPPORT = 1.2
"""Least sum of the share of confirmed matches around and the likeness of a faintly textured pixel.

Chosen, with the windows, on Middlebury's Teddy and Laundry, on the motorcycle and on three rendered bare tables with
noise of four strengths.
"""


def texture(grey: Grey) -> Float32:
    """(H, W) root mean square of the horizontal gradient (Sobel) in an 11x11 window, grey levels per pixel.

    Sensor noise of one grey level alone gives 0.43.
    """
    return np.asarray(np.sqrt(cv2.sqrBoxFilter(_gradient(grey), cv2.CV_32F, _WINDOW)), np.float32)


def likeness(left: Grey, right: Grey, disparity: Float32) -> Float32:
    """(H, W) correlation in [-1, 1] of both pictures' horizontal gradients at matched places, around 11x11 pixels.

    The scene's texture is in both pictures, the noise of one is not in the other. 0 without any texture. Products are
    summed by blocks of 2x2 pixels, then by 5x5 blocks.

    Args:
        left, right: (H, W) uint8.
        disparity: (H, W) float32 pixels of the left picture, NaN = no match, which is left out.
    """
    here = cv2.copyTo(_gradient(left), np.isfinite(disparity).view(np.uint8))
    x, y = matched_places(disparity)
    there = cv2.remap(_gradient(right), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    both, ours, theirs = (_gathered(product) for product in (here * there, here * here, there * there))
    alike = both / np.sqrt(ours * theirs + np.float32(1e-6))
    return np.asarray(cv2.resize(alike, left.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _gathered(values: Float32) -> Float32:
    """Means around each block of 2x2 pixels."""
    height, width = values.shape
    blocks = cv2.resize(values, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(blocks, (5, 5)), np.float32)


def rests_on_texture(alike: Float32, confirmed: Mask, textured: Mask) -> Mask:
    """Which confirmed matches have something to go by.

    That is texture; or fainter texture that both pictures show alike, among matches that are
    confirmed: in a 25x25 window the share of confirmed ones and the likeness come to 1.2 together. On a bare surface
    with sensor noise matches are confirmed here and there by chance, and what is matched is not alike.

    Args:
        alike: (H, W) float32, :func:`likeness` of the matches.
        confirmed: (H, W) bool, matches that passed the left-right check.
        textured: (H, W) bool, where the left picture has as much :func:`texture` as asked for.
    """
    share = cv2.boxFilter(confirmed.view(np.uint8), cv2.CV_32F, _NEIGHBOURHOOD)
    supported = share + alike >= _SUPPORT
    return np.asarray(confirmed & (textured | supported))


def _gradient(grey: Grey) -> Float32:
    return np.asarray(cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8), np.float32)
