"""Disparity errors of one real pair: over the target, over what stereo left empty, over what it got right."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.evaluation.methods import MERGED, MONO, NOTES, ROW_FILLED, STEREO
from depth_prompt_ros.evaluation.outcome import Depth, Outcome
from depth_prompt_ros.evaluation.table import Check, Column, Row, Table, at_least, at_most

RIGHT_PX = 1.0
"""Stereo is right where it is this close to the truth."""

_MOVED_PX = 0.01
_COLUMNS = (
    Column("target_epe", "EPE", "px", 2, "Target", brief=True),
    Column("target_bad2", "bad-2", "%", 1, "Target", brief=True),
    Column("target_coverage", "coverage", "%", 1, "Target", brief=True),
    Column("empty_epe", "EPE", "px", 2, "Left empty by stereo", brief=True),
    Column("empty_bad2", "bad-2", "%", 1, "Left empty by stereo"),
    Column("empty_coverage", "coverage", "%", 1, "Left empty by stereo"),
    Column("right_epe", "EPE", "px", 2, "Right in stereo"),
)


class DisparityComparison:
    """The answers of several methods for one pair, in pixels of disparity."""

    def __init__(self, outcome: Outcome, answers: Mapping[str, Depth]) -> None:
        """Score every answer.

        Args:
            answers: (H, W) depth by method, among them stereo alone, row-filled stereo, mono and merged.
        """
        camera, target = outcome.camera, outcome.labels > 0
        truth = camera.disparity_from_depth(outcome.true_depth)
        disparities = {name: camera.disparity_from_depth(depth) for name, depth in answers.items()}
        stereo = disparities[STEREO]
        with np.errstate(invalid="ignore"):
            right = target & (np.abs(stereo - truth) <= RIGHT_PX)
            moved = ~(np.abs(disparities[MERGED] - stereo)[right] <= _MOVED_PX)
        regions = {"target": target, "empty": target & ~np.isfinite(stereo), "right": right}
        self._pixels = {name: int(where.sum()) for name, where in regions.items()}
        self._moved = float(moved.mean()) if moved.size else 0.0
        self.scores: dict[str, dict[str, float]] = {name: {} for name in answers}
        for region, where in regions.items():
            for name, disparity in disparities.items():
                self.scores[name] |= {
                    f"{region}_epe": metrics.epe(disparity, truth, where),
                    f"{region}_bad2": 100 * metrics.bad_n(disparity, truth, where, 2.0),
                    f"{region}_coverage": 100 * metrics.coverage(disparity, where),
                }

    def table(self) -> Table:
        """EPE, bad-2 and coverage by method."""
        rows = [Row(name, scores, NOTES[name], name == MERGED) for name, scores in self.scores.items()]
        caption = (
            f"{self._pixels['target']:,} target pixels, {self._pixels['empty']:,} of them left empty by stereo, "
            f"{self._pixels['right']:,} within {RIGHT_PX:g} px of the truth. EPE over the pixels with a value; in "
            "bad-2 a missing value is a bad one."
        )
        return Table("disparity", "Disparity error", caption, _COLUMNS, rows)

    def checks(self) -> list[Check]:
        """The bars: covered, holes filled better than along the row, right pixels left alone."""
        merged, filled = self.scores[MERGED], self.scores[ROW_FILLED]
        return [
            at_least("coverage", "The target is covered", merged["target_coverage"], 99.0, "%"),
            at_most(
                "filling", "Empty pixels are filled better than along the row", merged["empty_epe"],
                filled["empty_epe"], "px", "row filling's EPE",
            ),
            Check(
                "kept", "Pixels that stereo got right stay as they are",
                f"{100 * self._moved:.2f} % of them moved by more than {_MOVED_PX:g} px", self._moved == 0.0,
            ),
        ]  # fmt: skip

    def remarks(self) -> list[str]:
        """What the numbers say, good and bad."""
        stereo, filled, mono, merged = (self.scores[name] for name in (STEREO, ROW_FILLED, MONO, MERGED))
        better, but = ("better", "but") if merged["empty_epe"] < filled["empty_epe"] else ("worse", "and")
        holes = (
            f"Stereo leaves {100 - stereo['target_coverage']:.1f} % of the target empty. Merging fills it to "
            f"{merged['target_coverage']:.1f} %, {better} than copying along the row ({merged['empty_epe']:.1f} "
            f"against {filled['empty_epe']:.1f} px), {but} far less exactly than stereo matches the rest "
            f"({stereo['target_epe']:.1f} px). Provenance tells them apart."
        )
        shape = (
            f"The monocular shape alone is no replacement for stereo here: EPE {mono['target_epe']:.1f} px over the "
            "target. The small network was shown single objects, never a motorcycle; its shape only bridges gaps."
        )
        mask = (
            "The mask is GrabCut's from a box. Where it takes in garage or misses spokes, every method is scored on "
            "the same wrong pixels."
        )
        return [holes, shape, mask]
