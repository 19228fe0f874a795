"""Two evaluations of the same recordings: which is better, and whether that is more than chance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.bags.answers import OURS
from depth_prompt_ros.evaluation.bags.sums import BETTER_HIGH, METRICS, SUM_NAMES, RegionSums
from depth_prompt_ros.evaluation.bootstrap import RESAMPLES, interval

Verdict = Literal["same", "better", "worse", "open"]
Sums = NDArray[np.float64]

_SEED = 0
_AT_A_TIME = 100
_LEAST_BLOCKS = 6
"""Below, even blocks that all agree are not significant: 2 / 2^6 = 3 %, 2 / 2^5 = 6 % (sign test)."""


@dataclass(frozen=True)
class Difference:
    """One measure in one region.

    Attributes:
        region, metric: keys.
        first, second: the figures of the two evaluations over the frames of both, in the measure's unit.
        low, high: 95 % interval of second minus first.
        verdict: of the second; ``same`` where the figures are equal, ``open`` where the interval
            holds 0 or there are too few frames.
        regression: worse, and by more than the threshold, relative to the first.
    """

    region: str
    metric: str
    first: float
    second: float
    low: float
    high: float
    verdict: Verdict
    regression: bool


@dataclass(frozen=True)
class Paired:
    """What two evaluations know of the same frames.

    Attributes:
        frames: how many both have.
        alone: frames that one of them lacks, of the first and of the second.
        recordings: frames of each recording, in order.
        sums: by region, (2, frames, sums).
    """

    frames: int
    alone: tuple[int, int]
    recordings: list[int]
    sums: dict[str, Sums]


def read_evaluation(path: Path) -> dict[str, Any]:
    """The JSON that ``depth-prompt evaluate bag`` writes.

    Raises:
        BadInput: missing, or something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        known = str(found["format"]).startswith("depth_prompt_ros evaluation of recordings")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"cannot read {path}: {error!r}; give an evaluation.json of depth-prompt evaluate bag"
        ) from error
    if not known or list(found["sum_names"]) != list(SUM_NAMES):
        raise BadInput(f"{path} is of another version: evaluate again with this one")
    return dict(found)


def pair_frames(first: Mapping[str, Any], second: Mapping[str, Any], answer: str = OURS) -> Paired:
    """Put the frames of the same recordings side by side.

    Args:
        first, second: as :func:`read_evaluation` gives them.
        answer: of which.

    Raises:
        BadInput: they are not of the same recordings and truth, or share no frame.
    """
    one, two = ({_input(bag): bag for bag in each["bags"]} for each in (first, second))
    if one.keys() != two.keys():
        names = [
            ", ".join(bag["name"] for key, bag in each.items() if key not in other)
            for each, other in ((one, two), (two, one))
        ]
        raise BadInput(
            f"the evaluations are not of the same recordings and truth: only the first has {names[0] or 'none'}, only "
            f"the second {names[1] or 'none'} (told apart by content, not by name)"
        )
    gathered: dict[str, list[tuple[list[float], list[float]]]] = {}
    recordings, alone = [], [0, 0]
    empty = list(RegionSums().numbers())
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for key, bag in one.items():
        frames = [{frame["number"]: frame["sums"][answer] for frame in each["frames"]} for each in (bag, two[key])]
        both = sorted(frames[0].keys() & frames[1].keys())
        alone = [alone[n] + len(frames[n]) - len(both) for n in (0, 1)]
        recordings.append(len(both))
        pairs += [(frames[0][number], frames[1][number]) for number in both]
    if not pairs:
        raise BadInput("the evaluations share no frame")
    regions = dict.fromkeys(region for pair in pairs for sums in pair for region in sums)
    for region in regions:
        gathered[region] = [(a.get(region, empty), b.get(region, empty)) for a, b in pairs]
    sums = {region: np.array(found, np.float64).transpose(1, 0, 2) for region, found in gathered.items()}
    return Paired(len(pairs), (alone[0], alone[1]), recordings, sums)


def compare(paired: Paired, threshold: float = 0.02, resamples: int = RESAMPLES) -> Iterator[Difference]:
    """Every measure that both evaluations have, in every region.

    Intervals are of a moving-block bootstrap (Künsch 1989) over frames, both evaluations with the same blocks:
    neighbouring frames are not independent. Blocks are as long as the cube root of a recording's frames, and stay
    within a recording. With fewer than six blocks every difference is left open.

    Args:
        threshold: share of the first figure by which a worse one is a regression.
        resamples: of the bootstrap.
    """
    drawn: dict[str, list[list[Sums]]] = {region: [[], []] for region in paired.sums}
    for counts in _block_counts(paired.recordings, resamples):
        for region, sums in paired.sums.items():
            for each, found in zip(sums, drawn[region], strict=True):
                found.append(counts @ each)
    enough = sum(-(-frames // _length(frames)) for frames in paired.recordings if frames) >= _LEAST_BLOCKS
    for region, sums in paired.sums.items():
        whole = [RegionSums(*each.sum(0).tolist()).figures() for each in sums]
        resampled = [_all_figures(np.concatenate(found)) for found in drawn[region]]
        for column in METRICS:
            first, second = (figures[column.key] for figures in whole)
            if first is None or second is None:
                continue
            spread = resampled[1][column.key] - resampled[0][column.key]
            low, high = interval(spread) if np.isfinite(spread).any() else (-np.inf, np.inf)
            verdict = _verdict(column.key, first, second, low, high, enough)
            beyond = abs(second - first) > threshold * abs(first)
            yield Difference(region, column.key, first, second, low, high, verdict, verdict == "worse" and beyond)


def _verdict(metric: str, first: float, second: float, low: float, high: float, enough: bool) -> Verdict:
    if first == second:
        return "same"
    if low <= 0 <= high or not enough:
        return "open"
    return "better" if (second > first) == (metric in BETTER_HIGH) else "worse"


def _input(bag: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(bag["input"].items()))


def _block_counts(recordings: list[int], resamples: int) -> Iterator[Sums]:
    """(n, frames) how often each frame is drawn in the next n resamples, so many of all together."""
    random = np.random.default_rng(_SEED)
    for begin in range(0, resamples, _AT_A_TIME):
        count = min(_AT_A_TIME, resamples - begin)
        yield np.concatenate([_draw(random, frames, count) for frames in recordings if frames], axis=1)


def _length(frames: int) -> int:
    """Frames of a block."""
    return max(1, round(frames ** (1 / 3)))


def _draw(random: np.random.Generator, frames: int, resamples: int) -> Sums:
    """(resamples, frames) how often each frame of one recording is drawn."""
    length = _length(frames)
    starts = random.integers(0, frames - length + 1, (resamples, -(-frames // length)))
    drawn = (starts[..., None] + np.arange(length)).reshape(resamples, -1)[:, :frames]
    return np.stack([np.bincount(row, minlength=frames) for row in drawn]).astype(np.float64)


def _all_figures(sums: Sums) -> dict[str, Sums]:
    """(resamples,) of each measure, NaN where there is none, from (resamples, sums)."""
    found = [RegionSums(*row).figures() for row in sums.tolist()]
    return {
        column.key: np.array([np.nan if each[column.key] is None else each[column.key] for each in found], np.float64)
        for column in METRICS
    }
