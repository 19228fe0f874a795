"""ToM regions from what stereo and the fitted shape say of each other; needs no network of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.stages.boxes import Target

Mask = NDArray[np.bool_]

_BEHIND = 0.03
_WHOLE = 0.5
_SURE = 0.5


def evidence(
    targets: Sequence[Target],
    measurement: DepthMeasurement,
    mono_depth: NDArray[np.float32],
    anchored: Collection[int],
) -> Mask:
    """(H, W) bool: where, inside a target, the measurement cannot be the target's surface.

    Light that passes through glass or comes back from a mirror was last at something behind: a measured depth more than
    3 % of the distance behind the fitted shape is not the surface. Only connected regions count, since single pixels
    are noise. Where most of a target is empty, unsure or behind, its remaining measurements are chance matches of what
    is seen through it, and the whole target is ToM.

    Holes on an opaque target need no verdict: the merge fills them in any case.

    Args:
        mono_depth: (H, W) float32 metres, the fitted shapes, NaN where there is none.
        anchored: labels of targets whose scale rests on measured pixels inside them. The shape's error there is of the
            order of the target's own relief: they are left out.
    """
    behind, whole = np.zeros(mono_depth.shape, np.bool_), np.zeros(mono_depth.shape, np.bool_)
    for target in targets:
        box = target.box
        depth, shape = measurement.depth[box], mono_depth[box]
        inside = target.mask & np.isfinite(shape)
        with np.errstate(invalid="ignore"):
            farther = inside & (depth > (1 + _BEHIND) * shape)
        behind[box] |= farther
        unreliable = inside & (~np.isfinite(depth) | (measurement.confidence[box] < _SURE) | farther)
        if np.count_nonzero(unreliable) > _WHOLE * np.count_nonzero(inside):
            whole[box] |= inside
    tom = cv2.morphologyEx(behind.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).view(np.bool_)
    tom |= whole
    for target in targets:
        if target.label in anchored:
            tom[target.box] &= ~target.mask
    return tom
