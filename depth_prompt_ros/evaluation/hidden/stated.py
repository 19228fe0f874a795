"""What the pipeline states of its own error on a hidden thing, and how often that is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.evaluation.bootstrap import interval_of_mean

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Stated:
    """One thing's stated intervals.

    Attributes:
        pixels: hidden ones with a truth and a stated interval.
        held: those whose truth lies in it.
        width: mean half width of the intervals, mm.
    """

    pixels: int = 0
    held: int = 0
    width: float = 0.0

    @classmethod
    def of(cls, depth: Float32, half: Float32, truth: Float32, where: Mask) -> Stated:
        """Of (H, W) metres: the answer, half of its interval, and the truth; NaN = none."""
        known = where & np.isfinite(half) & np.isfinite(depth) & np.isfinite(truth)
        if not known.any():
            return cls()
        off = np.abs(depth[known] - truth[known])
        return cls(int(known.sum()), int((off <= half[known]).sum()), 1000 * float(half[known].mean()))


def shares(things: Sequence[Stated]) -> dict[str, float | None]:
    """Of the things with stated intervals: their number, the share of pixels held in percent, and half widths in mm.

    Share and half width are means over things; the share has its 95 % interval, a bootstrap over things.
    """
    known = [thing for thing in things if thing.pixels]
    held = [100 * thing.held / thing.pixels for thing in known]
    if not known:
        return {"things": 0.0, "held": None, "low": None, "high": None, "width": None}
    low, high = interval_of_mean(held)
    width = float(np.mean([thing.width for thing in known]))
    return {"things": float(len(known)), "held": float(np.mean(held)), "low": low, "high": high, "width": width}
