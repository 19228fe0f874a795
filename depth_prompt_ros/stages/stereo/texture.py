"""Which matches rest on texture, and which faint texture is the scene's and not the sensor's noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

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
    """(H, W) correlation in [-1, 1] of both pictures' horizontal gradients at matched places, in an 11x11 window.

    The scene's texture is in both pictures, the noise of one is not in the other. 0 without any texture.

    Args:
        left, right: (H, W) uint8.
        disparity: (H, W) float32 pixels of the left picture, NaN = no match, which is left out.
    """
    height, width = left.shape
    matched = np.isfinite(disparity)
    x = np.arange(width, dtype=np.float32) - np.nan_to_num(disparity, nan=-2 * width)
    y = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)
    here = cv2.copyTo(_gradient(left), matched.view(np.uint8))
    there = cv2.remap(_gradient(right), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    power = cv2.sqrBoxFilter(here, cv2.CV_32F, _WINDOW) * cv2.sqrBoxFilter(there, cv2.CV_32F, _WINDOW)
    return np.asarray(cv2.blur(here * there, _WINDOW) / np.sqrt(power + np.float32(1e-6)), np.float32)


def rests_on_texture(left: Grey, right: Grey, disparity: Float32, confirmed: Mask, least: float) -> Mask:
    """Which matches have something to go by.

    That is texture of at least ``least``; or fainter texture that both pictures show alike, among matches that are
    confirmed: in a 25x25 window the share of confirmed ones and the likeness come to 1.2 together. On a bare surface
    with sensor noise matches are confirmed here and there by chance, and what is matched is not alike.

    Args:
        left, right: (H, W) uint8.
        disparity: (H, W) float32 pixels of the left picture, NaN = no match.
        confirmed: (H, W) bool, matches that passed the left-right check.
        least: rms grey levels per pixel.
    """
    share = cv2.blur(confirmed.astype(np.float32), _NEIGHBOURHOOD)
    supported = share + likeness(left, right, disparity) >= _SUPPORT
    return np.asarray((texture(left) >= least) | supported)


def _gradient(grey: Grey) -> Float32:
    return np.asarray(cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8), np.float32)
