"""What ``depth-prompt learn video`` has choices of."""

from __future__ import annotations

from enum import Enum


class Head(str, Enum):
    """What the network says of a pixel."""

    DISPARITY = "disparity"
    LEVELS = "levels"
    ADAPTIVE = "adaptive"


class Masks(str, Enum):
    """Where masks of what moves come from."""

    SPIMO = "spimo"
    GIVEN = "given"
