"""A small made-up outcome: a frame whose truth, stereo, shape and merged depth are known by formula."""

from __future__ import annotations

import numpy as np

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.evaluation.outcome import AnchorReport, Outcome

CAMERA = CameraModel(80, 60, 100.0, 100.0, 39.5, 29.5, baseline=0.1)


def made_up_outcome(stamp_ns: int = 7) -> Outcome:
    """An opaque target (1) and a glass one (2) in front of a wall at 2 m.

    Stereo is 5 mm off on the opaque target but for a hole of 20 pixels, sees the wall through the glass, and has no
    value in the picture's first column. The shape is 20 mm off. Merged takes it in the hole and on the glass.
    """
    truth = np.full((60, 80), 2.0, np.float32)
    labels = np.zeros((60, 80), np.uint16)
    labels[20:50, 10:30], labels[20:50, 50:70] = 1, 2
    truth[labels == 1], truth[labels == 2] = 1.0, 1.25
    tom = labels == 2
    stereo = np.where(labels == 1, np.float32(1.005), np.float32(2.0))
    hole = np.zeros_like(tom)
    hole[30:34, 15:20] = True
    stereo[hole] = stereo[:, 0] = np.nan
    mono = np.where(labels > 0, truth + np.float32(0.02), np.float32(np.nan))
    merged = np.where(tom | hole, mono, stereo)
    rng = np.random.default_rng(0)
    return Outcome(
        stamp_ns=stamp_ns, image=rng.integers(0, 255, (60, 80, 3), np.uint8), camera=CAMERA, true_depth=truth,
        true_labels=labels, true_tom=tom, labels=labels, tom=tom, stereo=stereo, mono=mono, merged=merged,
        provenance=np.where(tom | hole, 2, np.isfinite(stereo)).astype(np.uint8),
        prompted_image=np.zeros((16, 32, 3), np.uint8),
        anchors={1: AnchorReport("inside", 500, 0.01), 2: AnchorReport("support", 90, 0.02)},
    )  # fmt: skip
