"""Measurements inside a target that are too far from its shape to belong to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.stages.boxes import Target
from depth_prompt_ros.stages.median import median

_REACH = 1.5


def out_of_reach(
    camera: CameraModel, targets: Sequence[Target], measurement: DepthMeasurement, mono_depth: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """(H, W) bool: where, inside a target, the measurement lies farther from the shape than the target is large.

    Nothing is much deeper than it is wide or high: what is measured more than 1.5 times the longer side of the target
    behind or before its fitted shape is a reflection, the background seen through it, or a mismatch, whatever the
    shape's own error. Unlike the finer evidence it holds for every anchor.

    Args:
        mono_depth: (H, W) float32 metres, the fitted shapes, NaN where there is none.
    """
    found = np.zeros(mono_depth.shape, np.bool_)
    for target in targets:
        box, shape = target.box, mono_depth[target.box]
        inside = target.mask & np.isfinite(shape)
        if inside.any():
            size = max(inside.shape) / camera.fx * median(shape[inside])
            with np.errstate(invalid="ignore"):
                found[box] |= inside & (np.abs(measurement.depth[box] - shape) > _REACH * size)
    return found
