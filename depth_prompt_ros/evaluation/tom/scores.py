"""Errors of whole-picture answers on ToM and on other pixels, picture by picture, and their means with intervals.

Every measure is the mean over the pictures of its value in each, as on Booster, so that one picture with a far wall
does not decide; pictures in which a method answers no pixel of the region are left out of its mean. Truth beyond 10 m
does not count, answers beyond 10 m count as 10 m.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.evaluation.bootstrap import drawn, interval, interval_of_mean
from depth_prompt_ros.evaluation.table import Column

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

FARTHEST = 10.0
"""Metres."""

_MM = 1000.0


@dataclass(frozen=True)
class Comparison:
    """One method against another on the pixels that both answer.

    Attributes:
        rmse, other: mean over pictures of the RMSE of the method and of the other, millimetres.
        change: of the first against the second, percent; below 0 is better.
        low, high: 95 % interval of the change, by bootstrap of pictures.
        pixels: share of the region's pixels that both answer, percent.
        pictures: how many have such pixels.
    """

    rmse: float
    other: float
    change: float
    low: float
    high: float
    pixels: float
    pictures: int


def measure_columns(region: str) -> tuple[Column, ...]:
    """What :meth:`RegionScores.means` gives, as columns of a table."""
    return (
        Column("rmse", "RMSE", "mm", 1, region, brief=True),
        Column("mae", "MAE", "mm", 1, region),
        Column("abs_rel", "AbsRel", "%", 2, region),
        Column("median", "median", "mm", 1, region, brief=True),
        Column("delta_1.05", "δ < 1.05", "%", 1, region),
        Column("epe", "EPE", "px", 2, region),
        Column("bad_2", "bad-2", "%", 1, region),
        Column("coverage", "coverage", "%", 1, region, brief=True),
    )


@dataclass
class RegionScores:
    """The pictures' measures over one region.

    Attributes:
        pairs: methods to be compared on the pixels that both answer.
    """

    pairs: Sequence[tuple[str, str]] = ()
    _measures: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    _together: dict[tuple[str, str], list[tuple[float, float, float]]] = field(default_factory=dict)

    def add(self, camera: CameraModel, truth: Float32, region: Mask, answers: Mapping[str, Float32]) -> None:
        """Take one picture.

        Args:
            camera: with a baseline, which gives the disparity errors.
            truth: (H, W) metres, NaN = unknown.
            region: (H, W) bool; a picture without known truth in it is passed over.
            answers: (H, W) metres by method, NaN = no answer.
        """
        with np.errstate(invalid="ignore"):
            known = region & (truth > 0) & (truth <= FARTHEST)
        if not known.any():
            return
        right = truth[known].astype(np.float64)
        found = {name: np.minimum(answer[known].astype(np.float64), FARTHEST) for name, answer in answers.items()}
        for name, answer in found.items():
            self._measures.setdefault(name, []).append(_measures(camera, answer, right))
        for pair in self.pairs:
            if pair[0] in found and pair[1] in found:
                one, other = (found[name] for name in pair)
                both = np.isfinite(one) & np.isfinite(other)
                scores = (_MM * metrics.rmse(one, right, both), _MM * metrics.rmse(other, right, both), both.mean())
                self._together.setdefault(pair, []).append((scores[0], scores[1], float(scores[2])))

    @property
    def methods(self) -> list[str]:
        """Names in the order in which they were first given."""
        return list(self._measures)

    def means(self, method: str) -> dict[str, float]:
        """The method's measures, means over the pictures that have them."""
        rows = self._measures[method]
        return {name: _mean([row[name] for row in rows]) for name in rows[0]}

    def interval(self, method: str, measure: str = "rmse") -> tuple[float, float]:
        """95 % interval of a mean, by bootstrap of pictures."""
        return interval_of_mean([row[measure] for row in self._measures[method]])

    def compare(self, method: str, other: str) -> Comparison:
        """One of ``pairs``; NaN where no picture has pixels that both answer."""
        rows = np.array(self._together.get((method, other), []), np.float64).reshape(-1, 3)
        share = 100 * float(rows[:, 2].mean()) if len(rows) else float("nan")
        rows = rows[np.isfinite(rows[:, 0])]
        if not len(rows):
            nan = float("nan")
            return Comparison(nan, nan, nan, nan, nan, share, 0)
        mine, its = rows[drawn(len(rows))].mean(1)[:, :2].T
        low, high = interval(100 * (mine / its - 1))
        one, two = rows[:, 0].mean(), rows[:, 1].mean()
        return Comparison(float(one), float(two), float(100 * (one / two - 1)), low, high, share, len(rows))


def _measures(camera: CameraModel, answer: Float64, truth: Float64) -> dict[str, float]:
    """Of (N,) metres against (N,) metres."""
    scale = camera.fx * camera.baseline
    with np.errstate(divide="ignore"):
        disparity, true_disparity = scale / answer, scale / truth
    return {
        "rmse": _MM * metrics.rmse(answer, truth),
        "mae": _MM * metrics.mae(answer, truth),
        "abs_rel": 100 * metrics.abs_rel(answer, truth),
        "median": _MM * metrics.median_error(answer, truth),
        "delta_1.05": 100 * metrics.delta(answer, truth, None, 1.05),
        "epe": metrics.epe(disparity, true_disparity),
        "bad_2": 100 * metrics.bad_n(disparity, true_disparity),
        "coverage": 100 * metrics.coverage(answer),
    }


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")
