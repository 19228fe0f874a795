"""Errors of rows on hidden things: means over things, and intervals over things, paired with the pipeline's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from depth_prompt_ros.evaluation.bootstrap import drawn, interval
from depth_prompt_ros.evaluation.scenes.scores import RegionErrors


def figures(things: Sequence[Mapping[str, RegionErrors]], row: str) -> dict[str, float | None]:
    """One row by column key: RMSE in mm, a mean over the things that it answers, and answered pixels in percent.

    The errors' ``other`` is the pipeline with the metric prompt. ``shared`` and ``ours`` are means over things of the
    row and of that pipeline on the pixels that both answer; ``change`` is that of ours against the row, in percent,
    with its 95 % interval, a bootstrap over things.
    """
    errors = [each[row] for each in things]
    each = np.array([rmse for error in errors if (rmse := error.own.rmse) is not None])
    known = sum(error.known for error in errors)
    found: dict[str, float | None] = {
        "things": float(len(each)),
        "rmse": float(each.mean()) if len(each) else None,
        "median": float(np.median(each)) if len(each) else None,
        "coverage": 100 * sum(error.answered for error in errors) / known if known else None,
    }
    pairs = np.array([[error.other.rmse, error.shared.rmse] for error in errors if error.shared.pixels], np.float64)
    if len(pairs):
        ours, shared = pairs.mean(0)
        found |= {"shared": float(shared), "ours": float(ours)}
        if shared > 0:
            resampled = pairs[drawn(len(pairs))].mean(1)
            low, high = interval(100 * (resampled[:, 0] / np.maximum(resampled[:, 1], 1e-9) - 1))
            found |= {"change": 100 * float(ours / shared - 1), "low": low, "high": high}
    return found
