"""What came out for one frame, beside what is really there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement

Depth = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class AnchorReport:
    """What a target's scale was anchored to: "inside", "support", "surroundings" or "refused"; how well the fit holds.

    Attributes:
        inliers: pixels that agree with the fit.
        residual: relative, of inverse depth; NaN when refused.
    """

    kind: str
    inliers: int
    residual: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """One frame's published answers and truth; every depth is (H, W) float32 metres, NaN = no value.

    Attributes:
        stamp_ns: the left picture's stamp.
        image: (H, W, 3) uint8 RGB, the left picture.
        camera: its camera.
        true_depth: what is really there.
        true_labels: (H, W) uint16 objects; None if the data set has none.
        true_tom: (H, W) bool; None if the data set does not say.
        labels: (H, W) uint16, the targets that were used.
        tom: (H, W) bool, the pixels that were taken for transparent or mirror.
        stereo: stereo alone.
        mono: the fitted monocular shape alone, inside targets.
        merged: the answer.
        provenance: (H, W) uint8, where each answer comes from.
        prompted_image: (S, N*S, 3) uint8 RGB, what the frozen network was shown.
        anchors: by label.
    """

    stamp_ns: int
    image: NDArray[np.uint8]
    camera: CameraModel
    true_depth: Depth
    true_labels: NDArray[np.uint16] | None
    true_tom: Mask | None
    labels: NDArray[np.uint16]
    tom: Mask
    stereo: Depth
    mono: Depth
    merged: Depth
    provenance: NDArray[np.uint8]
    prompted_image: NDArray[np.uint8]
    anchors: Mapping[int, AnchorReport]

    @property
    def measurement(self) -> DepthMeasurement:
        """Stereo as the baselines take it: every value is trusted, for confidence is not recorded."""
        return DepthMeasurement(self.stereo, np.isfinite(self.stereo).astype(np.float32))
