"""How far a target is by what is measured beside it, where neither it nor its contact with a support is seen."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.stages.boxes import box_of, grown_box
from depth_prompt_ros.stages.median import quantile

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_BAND = 0.006, 0.016
"""Looked at is what is so far from the mask, shares of the picture's width: beyond the rim that a sensor smears."""

_FEW = 12
"""Of fewer measured pixels nothing is taken."""

_NEARER = 0.75
"""Of the inverse depths: a target hides what is behind it, and what hides the target is before it."""

_LARGE = 0.05
"""Beside what fills more of the picture, such as a pane, is something else: the whole picture's shape says more."""


def inverse_depth_beside(mask: Mask, disbelieved: Mask, depth: Float32) -> float | None:
    """1/m, the upper quartile of what is measured in a band around the target; None: too little is, or it is large.

    Args:
        mask: (H, W) bool, the target, not empty.
        disbelieved: (H, W) bool, of what is measured.
        depth: (H, W) float32 metres, NaN or 0 = nothing.
    """
    if np.count_nonzero(mask) > _LARGE * mask.size:
        return None
    inner, outer = (max(1, round(share * mask.shape[1])) for share in _BAND)
    box, _ = grown_box(box_of(mask), mask.shape, outer)
    near = mask[box].view(np.uint8)
    wide, close = (cv2.dilate(near, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0 for reach in (outer, inner))
    beside = depth[box][wide & ~close & ~disbelieved[box] & (depth[box] > 0)]
    return quantile(1 / beside, _NEARER) if len(beside) >= _FEW else None
