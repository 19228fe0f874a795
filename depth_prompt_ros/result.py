"""What the pipeline returns for one frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import DepthMeasurement, Detection, Frame

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class TargetReport:
    """What one target's metric scale rests on.

    Attributes:
        label: its value in the label image; 0 = a ToM region on no target.
        anchor: "inside", "support", "surroundings" (as far as what is measured beside it; of ToM regions the whole
            picture's shape, fitted to what is measured around it) or "refused".
        inliers: trusted pixels of the network's crop that agree with the fit.
        residual: their mean relative disagreement in inverse depth.
        scale, shift: of the fit, 1/m.
        reason: one line for people.
        pixels: of the target by why they are believed or not, see :class:`depth_prompt_ros.stages.belief.Reason`.
        detection: what a detector called it, where detections are the targets.
    """

    label: int
    anchor: str
    inliers: int
    residual: float
    scale: float
    shift: float
    reason: str
    pixels: dict[str, int] = field(default_factory=dict)
    detection: Detection | None = None


@dataclass(frozen=True, eq=False)
class FrameDepth:
    """Everything known of one frame; images are (H, W).

    Attributes:
        frame: the input.
        measurement: depth of stereo or sensor alone.
        depth: float32 metres, merged, invalid = NaN.
        confidence: float32 in [0, 1].
        labels: uint16, 0 = background; targets keep the numbers that their segmenter gave them.
        tom: bool, transparent or mirror.
        belief: uint8, why each measured pixel is believed or not
            (:class:`depth_prompt_ros.stages.belief.Reason`).
        provenance: uint8, where each depth comes from (:class:`depth_prompt_ros.stages.merge.Provenance`).
        mono_depth: float32 metres, the fitted monocular shapes alone, NaN outside targets.
        prompted_pictures: (n, 3, S, S) float32 RGB in [0, 1], what the network saw, one a target.
        targets: one report a target.
        surfaces: one report a ToM region that is on no target.
        reason: why no target was found; empty where one was.
        seconds: time of each stage.
        moving: uint8, 0 static, 255 moving, 128 not known; None where nothing looks for motion.
        uncertainty: float32 metres, half the width of the 90 % interval of depth where it is not measured but a
            shape's, or planes' in its holes, of graphs that say so (with a metric prompt); else NaN.
    """

    frame: Frame
    measurement: DepthMeasurement
    depth: Float32
    confidence: Float32
    labels: NDArray[np.uint16]
    tom: NDArray[np.bool_]
    belief: NDArray[np.uint8]
    provenance: NDArray[np.uint8]
    mono_depth: Float32
    prompted_pictures: Float32
    targets: list[TargetReport]
    surfaces: list[TargetReport]
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    moving: NDArray[np.uint8] | None = None
    uncertainty: Float32 | None = None

    @property
    def prompted_image(self) -> NDArray[np.uint8]:
        """(S, n*S, 3) uint8 RGB, what the network saw, side by side."""
        return side_by_side(self.prompted_pictures)


def side_by_side(pictures: Float32) -> NDArray[np.uint8]:
    """(S, n*S, 3) uint8 RGB of (n, 3, S, S) float32 RGB in [0, 1]; one pixel of black for n = 0."""
    if not len(pictures):
        return np.zeros((1, 1, 3), np.uint8)
    row = np.concatenate(list(pictures.transpose(0, 2, 3, 1)), axis=1)
    return (row * 255 + 0.5).astype(np.uint8)
