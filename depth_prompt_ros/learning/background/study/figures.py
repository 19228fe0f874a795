"""The study's errors by row, with confidence intervals over objects and spread over seeds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.evaluation.bootstrap import drawn, interval, interval_of_mean
from depth_prompt_ros.learning.background.study.execute import RESULT
from depth_prompt_ros.learning.background.study.plan import Run


@dataclass(frozen=True)
class Figure:
    """One figure of a table.

    Attributes:
        mean: over objects, and over seeds where there are several.
        low, high: 95 % confidence interval of the mean over objects, by bootstrap of objects (seeds averaged).
        spread: standard deviation over seeds; NaN for a single one.
        seeds: how many.
    """

    mean: float
    low: float
    high: float
    spread: float
    seeds: int


@dataclass(frozen=True)
class RowFigures:
    """si-RMSE and normal cosine of one row on one test set."""

    si_rmse: Figure
    normal_cosine: Figure


class Results:
    """All finished runs of one network: per row and test set the errors of every object under every seed."""

    def __init__(self, folder: Path, runs: list[Run]) -> None:
        self._errors: dict[tuple[str, str], list[NDArray[np.float32]]] = {}
        self.seconds = 0.0
        self.missing: list[str] = []
        for run in runs:
            result = folder / run.folder / RESULT
            if not result.exists():
                self.missing.append(run.folder)
                continue
            self.seconds += json.loads(result.read_text())["seconds"]
            with np.load(result.with_name("errors.npz")) as stored:
                for key in stored.files:
                    row, test = key.split("|")
                    self._errors.setdefault((row, test), []).append(stored[key])

    @property
    def rows(self) -> list[str]:
        """Names in the order of the runs."""
        return list(dict.fromkeys(row for row, _ in self._errors))

    @property
    def tests(self) -> list[str]:
        """Test sets in the order of the runs."""
        return list(dict.fromkeys(test for _, test in self._errors))

    def gain(self, row: str, other: str, test: str) -> Gain | None:
        """Of ``row``'s si-RMSE over ``other``'s; None where one of them is missing."""
        errors = [self._errors.get((each, test)) for each in (row, other)]
        if not (errors[0] and errors[1]):
            return None
        return paired_gain(*(np.stack(seeds)[:, :, 0] for seeds in errors if seeds))

    def of(self, row: str, test: str) -> RowFigures | None:
        """Figures of a row on a test set; None where there are none."""
        seeds = self._errors.get((row, test))
        if not seeds:
            return None
        stacked = np.stack(seeds)
        return RowFigures(summarise(stacked[:, :, 0]), summarise(stacked[:, :, 1]))


def summarise(errors: NDArray[np.floating]) -> Figure:
    """(seeds, objects) errors to a figure; the bootstrap's own seed is fixed."""
    objects = errors.mean(0)
    low, high = interval_of_mean(objects)
    spread = float(errors.mean(1).std(ddof=1)) if len(errors) > 1 else float("nan")
    return Figure(float(objects.mean()), low, high, spread, len(errors))


@dataclass(frozen=True)
class Gain:
    """By what share one row's error is below another's on the same objects; negative where it is above.

    Attributes:
        share: of the means over objects and seeds.
        low, high: 95 % confidence interval, by bootstrap of the objects that both have.
    """

    share: float
    low: float
    high: float

    def __str__(self) -> str:
        """In words, per cent."""
        side = "below" if self.share >= 0 else "above"
        return f"{100 * abs(self.share):.0f} % {side} [{100 * self.low:.0f}, {100 * self.high:.0f}]"


def paired_gain(better: NDArray[np.floating], worse: NDArray[np.floating]) -> Gain:
    """Of two rows' (seeds, objects) errors; the seeds' numbers may differ."""
    one, other = better.mean(0), worse.mean(0)
    chosen = drawn(len(one))
    low, high = interval(1 - one[chosen].mean(1) / other[chosen].mean(1))
    return Gain(float(1 - one.mean() / other.mean()), low, high)
