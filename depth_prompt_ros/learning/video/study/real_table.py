"""The page's table of a real video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from depth_prompt_ros.evaluation.video.errors import mean_errors, paired_interval
from depth_prompt_ros.learning.markdown import table_head
from depth_prompt_ros.learning.video.study.real import LEARNED, TOLD, RealRow

_REAL = (
    "Learned from the colour of the first two thirds, tested on the depth of the last, every second frame; errors as "
    "of Eigen et al. (2014), means over frames, depth between 0.3 and 10 m."
)

_FOUND = LEARNED["found"]


def real_lines(rows: Sequence[RealRow]) -> list[str]:
    """Errors of each row over frames, and differences of pairs with their intervals."""
    lines = [
        _REAL,
        "",
        *table_head(["", "told", "abs rel", "RMSE, m", "RMSE log", "below 1.25"]),
    ]
    for row in rows:
        mean = mean_errors(row.frames)
        cells = [f"{value:.3f}" for value in (mean.abs_rel, mean.rmse, mean.rmse_log, mean.a1)]
        lines.append(f"| {row.name} | {TOLD[row.name]} | {' | '.join(cells)} |")
    lines.append("")
    by_name = {row.name: np.array([errors.abs_rel for errors in row.frames]) for row in rows}
    pairs = [
        ("learned from colour", "constant"), ("learned from colour", "mean frame"),
        (_FOUND, "constant"), (_FOUND, "mean frame"), (_FOUND, "shipped network, scale and shift fitted"),
        (f"{_FOUND}, scale and shift fitted", "shipped network, scale and shift fitted"),
        ("learned from colour, scale and shift fitted", "shipped network, scale and shift fitted"),
        ("learned from colour, scale and shift fitted", "mean frame, scale and shift fitted"),
        ("learned with poses, median-scaled", "constant"),
    ]  # fmt: skip
    for one, other in pairs:
        if one in by_name and other in by_name:
            apart, low, high = paired_interval(by_name[one], by_name[other])
            lines.append(
                f"- {one} less {other}: {apart:+.3f} abs rel, 95 % interval over frames {low:+.3f} to {high:+.3f}."
            )
    return lines
