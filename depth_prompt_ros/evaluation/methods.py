"""The answers that are compared: this package's, stereo alone, mono alone and humble baselines."""

from __future__ import annotations

import numpy as np

from depth_prompt_ros.evaluation.baselines import constant_depth, fill_along_row, upright_plane
from depth_prompt_ros.evaluation.outcome import Depth, Outcome

STEREO = "Stereo alone"
ROW_FILLED = "Stereo, holes filled along the row"
PLANE = "Upright plane through the contact"
CONSTANT = "Constant depth"
MONO = "Mono alone"
MERGED = "Merged"
FOUND = "Merged, everything found by itself"
WHITE = "Merged, white background"

NOTES = {
    STEREO: "where it has a value",
    ROW_FILLED: "copied from the nearest matched pixel",
    PLANE: "no network",
    CONSTANT: "one value a target",
    MONO: "the fitted shape everywhere inside",
    MERGED: "what the planner gets",
    FOUND: "no labels given: targets and ToM from the pictures alone",
    WHITE: "the network sees its targets on white, not on the learned background",
}


def stereo_answers(outcome: Outcome) -> dict[str, Depth]:
    """Depth by method for a pair without ToM truth; rows are filled in disparity."""
    camera = outcome.camera
    filled = fill_along_row(camera.disparity_from_depth(outcome.stereo))
    return {
        STEREO: outcome.stereo,
        ROW_FILLED: camera.depth_from_disparity(filled),
        MONO: outcome.mono,
        MERGED: outcome.merged,
    }


def tom_answers(outcome: Outcome) -> dict[str, Depth]:
    """Depth by method for a frame with ToM objects."""
    answers = stereo_answers(outcome)
    plane, constant = np.full_like(outcome.stereo, np.nan), np.full_like(outcome.stereo, np.nan)
    for label in np.unique(outcome.labels[outcome.labels > 0]):
        mask = outcome.labels == label
        for canvas, found in (
            (plane, upright_plane(outcome.camera, mask, outcome.measurement, outcome.stamp_ns)),
            (constant, constant_depth(outcome.stereo, mask)),
        ):
            canvas[mask] = found[mask]
    return {
        STEREO: answers[STEREO], ROW_FILLED: answers[ROW_FILLED], CONSTANT: constant, PLANE: plane,
        MONO: answers[MONO], MERGED: answers[MERGED],
    }  # fmt: skip
