"""One synchronised input of the pipeline, as arrays and without ROS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel


@dataclass(frozen=True)
class Detection:
    """What a detector found.

    Attributes:
        box: x, y, width and height in pixels of the picture.
        name: the class that it is likeliest of, as the detector names it.
        score: how sure the detector is of that.
    """

    box: tuple[float, float, float, float]
    name: str
    score: float


@dataclass(frozen=True, eq=False)
class Frame:
    """What the robot saw at one moment, in the left (reference) camera's optical frame.

    Exactly one of ``right`` and ``depth`` is given: a stereo pair or an RGB-D camera.

    Attributes:
        stamp_ns: the left image's stamp in nanoseconds.
        frame_id: the left camera's optical frame.
        image: (H, W, 3) uint8 RGB, rectified left picture.
        camera: intrinsics of ``image`` and, for stereo, the baseline.
        right: (H, W, 3) uint8 RGB, rectified right picture.
        depth: (H, W) float32 metres along +z, invalid = NaN, aligned to ``image``.
        labels: (H, W) uint16 object labels from outside, 0 = background.
        tom: (H, W) bool transparent-or-mirror regions from outside.
        detections: boxes from outside; labels from 1 on are theirs, in this order. None where nobody detects.
        pose: (4, 4) from ``frame_id`` to ``moving.fixed_frame`` at the stamp, metres; None: not known.
    """

    stamp_ns: int
    frame_id: str
    image: NDArray[np.uint8]
    camera: CameraModel
    right: NDArray[np.uint8] | None = None
    depth: NDArray[np.float32] | None = None
    labels: NDArray[np.uint16] | None = None
    tom: NDArray[np.bool_] | None = None
    pose: NDArray[np.float64] | None = None
    detections: tuple[Detection, ...] | None = None

    def detection(self, label: int) -> Detection | None:
        """The detection that a label belongs to, if detections are the targets."""
        return self.detections[label - 1] if self.detections and 0 < label <= len(self.detections) else None

    @property
    def seed(self) -> int:
        """Of every random step: the stamp, in [0, 2^63) for stamps before 1970 too."""
        return self.stamp_ns % 2**63


@dataclass(frozen=True, eq=False)
class DepthMeasurement:
    """What stereo matching or the depth camera says, before any network.

    Attributes:
        depth: (H, W) float32 metres, invalid = NaN.
        confidence: (H, W) float32 in [0, 1], 0 where depth is invalid.
        disparity: (H, W) float32 pixels, invalid = NaN; None for a depth camera.
    """

    depth: NDArray[np.float32]
    confidence: NDArray[np.float32]
    disparity: NDArray[np.float32] | None = None
