"""The answers that a frame is scored with: ours, what was measured, and humble ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.evaluation.baselines import constant_depth, fill_along_row

if TYPE_CHECKING:
    from depth_prompt_ros.result import FrameDepth

OURS, MEASURED, CONSTANT, ROW_FILLED = "ours", "measured", "constant", "row filled"
ANSWERS = (MEASURED, ROW_FILLED, CONSTANT, OURS)
"""In the order of the tables; ``constant`` is what was measured with one depth for each target."""


def answers_of(result: FrameDepth) -> dict[str, NDArray[np.float32]]:
    """(H, W) float32 metres by name, NaN = no answer."""
    measured = result.measurement.depth
    constant = measured.copy()
    for label in np.unique(result.labels[result.labels > 0]):
        mask = result.labels == label
        constant[mask] = constant_depth(measured, mask)[mask]
    return {MEASURED: measured, ROW_FILLED: fill_along_row(measured), CONSTANT: constant, OURS: result.depth}
