"""Frames whose masks are worse than the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from depth_prompt_ros.data.worse_masks import worse
from depth_prompt_ros.frame import Frame


def degraded(frame: Frame, change: str, amount: float) -> Frame:
    """The frame with every thing's mask, as label and as ToM, made worse.

    Args:
        change: one of ``CHANGES`` of :mod:`depth_prompt_ros.data.worse_masks`; things are shifted each in a direction
            that the stamp decides.
        amount: pixels by the square root of the mask's area.
    """
    assert frame.labels is not None and frame.tom is not None
    rng = np.random.default_rng(frame.stamp_ns)
    labels, tom = np.zeros_like(frame.labels), np.zeros_like(frame.tom)
    for label in np.unique(frame.labels[frame.labels > 0]).tolist():
        thing = frame.labels == label
        pixels = amount * float(np.sqrt(thing.sum()))
        angle = rng.uniform(0, 2 * np.pi)
        labels[worse(thing, change, pixels, angle)] = label
        tom |= worse(thing & frame.tom, change, pixels, angle)
    return replace(frame, labels=labels, tom=tom)
