"""The clouds that one frame's answer offers a planner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.evaluation.bags.answers import CONSTANT as CONSTANT_ANSWER
from depth_prompt_ros.evaluation.bags.answers import MEASURED, OURS, answers_of
from depth_prompt_ros.evaluation.bags.answers import ROW_FILLED as ROW_FILLED_ANSWER

if TYPE_CHECKING:
    from depth_prompt_ros.result import FrameDepth

Float32 = NDArray[np.float32]

TRUTH = "true depth"
STEREO = "stereo alone"
ROW_FILLED = "holes filled along the row"
CONSTANT = "constant depth a target"
MONO = "mono alone"
MERGED = "merged"
CLOUDS = (STEREO, ROW_FILLED, CONSTANT, MONO, MERGED)
"""In the order of the tables; with a depth camera "stereo" is what it measures."""


def clouds_of(result: FrameDepth) -> dict[str, Float32]:
    """(H, W) float32 metres by name; mono alone is the fitted shape on targets, what was measured elsewhere."""
    answers = answers_of(result)
    return {
        STEREO: answers[MEASURED],
        ROW_FILLED: answers[ROW_FILLED_ANSWER],
        CONSTANT: answers[CONSTANT_ANSWER],
        MONO: np.where(result.labels > 0, result.mono_depth, answers[MEASURED]),
        MERGED: answers[OURS],
    }
