"""A parallel-jaw hand, and where it is to close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Gripper:
    """Sizes in metres, about those of the common two-finger hands of 85 mm.

    In the hand's own coordinates x is along the closing, z along the approach with 0 at the fingertips, y across both.

    Attributes:
        opening: most that the fingers are apart.
        clearance: left free on each side of the thing when the hand arrives.
        finger_length: from the palm to the tips; all of it may touch.
        finger_thickness, finger_width: along x and along y.
        palm_width, palm_thickness: along x and along y.
        friction: coefficient between finger and thing.
        softness: how far the pads give way; what is touched within it touches.
    """

    opening: float = 0.085
    clearance: float = 0.010
    finger_length: float = 0.060
    finger_thickness: float = 0.012
    finger_width: float = 0.022
    palm_width: float = 0.130
    palm_thickness: float = 0.060
    friction: float = 0.5
    softness: float = 0.002

    @property
    def cone(self) -> float:
        """Cosine of the friction cone's half angle."""
        return float(1 / np.sqrt(1 + self.friction**2))

    @property
    def widest(self) -> float:
        """Metres of the widest thing that leaves half the clearance on each side."""
        return self.opening - self.clearance

    def opened(self, width: float) -> float:
        """Metres between the fingers on arrival at a thing so wide."""
        return min(self.opening, width + 2 * self.clearance)


@dataclass(frozen=True, eq=False)
class Grasp:
    """Where the hand closes, in the camera's optical frame.

    Attributes:
        tip: (3,) metres, the middle between the fingertips.
        axis: (3,) unit vector along the closing.
        approach: (3,) unit vector from the palm to the tips, across the axis.
        width: metres that the planner expects between the contacts.
    """

    tip: Float64
    axis: Float64
    approach: Float64
    width: float

    @property
    def rotation(self) -> Float64:
        """(3, 3) from the hand's coordinates to the camera's."""
        return np.stack([self.axis, np.cross(self.approach, self.axis), self.approach], 1)
