"""What is known of a scene in which something is hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.stages.boxes import Target, targets_in

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known of a scene in which something is hidden.

    Attributes:
        camera: of the picture.
        labels: (H, W) uint16, the things that are asked for; what is hidden is theirs.
        tom: (H, W) bool, what is named as transparent or mirror; nothing is measured there.
        measurement: without what is hidden.
    """

    camera: CameraModel
    labels: NDArray[np.uint16]
    tom: Mask
    measurement: DepthMeasurement

    @property
    def targets(self) -> list[Target]:
        """The things that are asked for."""
        return targets_in(self.labels)
