"""Masks that are worse than the truth: eroded, dilated or shifted."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import Frame

Mask = NDArray[np.bool_]

CHANGES = ("eroded", "dilated", "shifted")
AMOUNTS = (0.025, 0.05, 0.1)
"""Pixels by the square root of a mask's area."""


def degraded(frame: Frame, change: str, amount: float) -> Frame:
    """The frame with every thing's mask, as label and as ToM, made worse.

    Args:
        change: one of ``CHANGES``; things are shifted each in a direction that the stamp decides.
        amount: pixels by the square root of the mask's area.
    """
    assert frame.labels is not None and frame.tom is not None
    rng = np.random.default_rng(frame.stamp_ns)
    labels, tom = np.zeros_like(frame.labels), np.zeros_like(frame.tom)
    for label in np.unique(frame.labels[frame.labels > 0]).tolist():
        thing = frame.labels == label
        pixels = amount * float(np.sqrt(thing.sum()))
        angle = rng.uniform(0, 2 * np.pi)
        worse = _worse(thing, change, pixels, angle)
        labels[worse] = label
        tom |= _worse(thing & frame.tom, change, pixels, angle)
    return replace(frame, labels=labels, tom=tom)


def _worse(mask: Mask, change: str, pixels: float, angle: float) -> Mask:
    if change == "shifted":
        move = np.array([[1, 0, pixels * np.cos(angle)], [0, 1, pixels * np.sin(angle)]], np.float64)
        size = mask.shape[::-1]
        return cv2.warpAffine(mask.view(np.uint8), move, size, flags=cv2.INTER_NEAREST).astype(bool)
    if change == "dilated":
        return np.asarray(cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 5) <= pixels)
    padded = cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1] > pixels)
