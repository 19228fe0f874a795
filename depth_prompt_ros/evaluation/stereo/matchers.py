"""Stereo matchers side by side on pairs with transparent and mirror (ToM) things, alone and with the merge on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.evaluation.bootstrap import interval_of_mean
from depth_prompt_ros.evaluation.table import Check, Column, Row, Table, at_most
from depth_prompt_ros.evaluation.tom.booster import STEREO_COLUMNS, Scores, Truth, mean_scores, stereo_scores
from depth_prompt_ros.evaluation.tom.methods import BELIEVED, Pipelines, frame_of
from depth_prompt_ros.parameters import Parameters, StereoParameters

Float32 = NDArray[np.float32]

REGIONS = ("All", "ToM", "Other")
MERGED = "merged"

MatcherScores = Mapping[str, Mapping[str, Scores]]
"""By matcher and by "" (alone) or :data:`MERGED`: means over the pairs by region and measure, and bad-2's interval."""

_INTERVAL = (
    Column("bad_2_low", "from", "%", 2, "bad-2, 95 % interval"),
    Column("bad_2_high", "to", "%", 2, "bad-2, 95 % interval"),
)


@dataclass(frozen=True)
class Matcher:
    """A matcher in the comparison.

    Attributes:
        name: its row's.
        stereo: its parameters.
    """

    name: str
    stereo: StereoParameters


def score_matchers(
    pairs: StereoSet,
    matchers: Sequence[Matcher],
    base: Parameters,
    every: int = 1,
    done: Callable[[int, int], None] | None = None,
) -> dict[str, dict[str, Scores]]:
    """Booster's stereo measures of each matcher, and of the pipeline's merge with its masks given.

    Args:
        base: everything but the matcher.
        every: so-many-th pairs only.
        done: called with pairs scored and in all, over all matchers.

    Raises:
        BadInput, BadModel: a matcher's network cannot be used.
    """
    chosen = range(0, len(pairs), every)
    means: dict[str, dict[str, Scores]] = {}
    for number, matcher in enumerate(matchers):
        pipelines = Pipelines((BELIEVED,), base.model_copy(update={"stereo": matcher.stereo}))
        found: dict[str, list[Scores]] = {"": [], MERGED: []}
        for position, index in enumerate(chosen):
            frame, truth = frame_of(pairs, index), _truth(pairs, index)
            for kind, depth in (("", pipelines.measure(frame).depth), (MERGED, pipelines.depth(BELIEVED.name, frame))):
                found[kind].append(stereo_scores(frame.camera.disparity_from_depth(depth), truth))
            if done:
                done(number * len(chosen) + position + 1, len(matchers) * len(chosen))
        means[matcher.name] = {kind: _with_interval(scores) for kind, scores in found.items()}
    return means


def _with_interval(pictures: list[Scores]) -> Scores:
    """Means over the pairs, and the bootstrap's interval of bad-2 over them."""
    means = {region: dict(measures) for region, measures in mean_scores(pictures).items()}
    for region, measures in means.items():
        values = [scores[region]["bad_2"] for scores in pictures if region in scores]
        measures["bad_2_low"], measures["bad_2_high"] = interval_of_mean(values)
    return means


def _truth(pairs: StereoSet, index: int) -> Truth:
    camera = pairs.camera(index)
    return Truth.within_range(pairs.disparity(index), camera.fx * camera.baseline * 1000, np.asarray(pairs.tom[index]))


def matcher_tables(means: MatcherScores, pairs: int) -> list[Table]:
    """One table a region: each matcher alone, then merged."""
    caption = (
        f"Means over {pairs} pairs; a pixel without an answer is bad, and does not count in EPE. Intervals are over "
        "pairs, not over learning runs: a network is one run."
    )
    tables = []
    for region in REGIONS:
        rows = [Row(name, scores[""].get(region, {})) for name, scores in means.items()] + [
            Row(f"{name}, {MERGED}", scores[MERGED].get(region, {})) for name, scores in means.items()
        ]
        tables.append(Table(f"stereo_{region.lower()}", region, caption, [*STEREO_COLUMNS, *_INTERVAL], rows))
    return tables


def tuning_checks(means: MatcherScores, before: str, after: str) -> list[Check]:
    """What fine-tuning on ToM has to bring: bad-2 on ToM down by 30 %, on all else up by no more than 3 %."""
    bad = {(name, region): means[name][""][region]["bad_2"] for name in (before, after) for region in ("ToM", "Other")}
    return [
        at_most(
            "tom", f"{after}: bad-2 on ToM at least 30 % lower than {before}'s", bad[after, "ToM"],
            0.7 * bad[before, "ToM"], "%", f"70 % of {bad[before, 'ToM']:.2f} %",
        ),
        at_most(
            "other", f"{after}: bad-2 elsewhere no worse than {before}'s by 3 %", bad[after, "Other"],
            1.03 * bad[before, "Other"], "%", f"103 % of {bad[before, 'Other']:.2f} %",
        ),
    ]  # fmt: skip
