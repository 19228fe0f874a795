"""What came out of planning on rendered tables, with intervals over scenes, and what it says about merging."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.evaluation.bootstrap import RESAMPLES, drawn, interval
from depth_prompt_ros.evaluation.grasps.clouds import CONSTANT, MERGED, MONO, ROW_FILLED, STEREO
from depth_prompt_ros.evaluation.grasps.rendered import FOUND_MASKS, GIVEN_MASKS, RenderedScores, row_name
from depth_prompt_ros.evaluation.grasps.scores import FIGURES, GraspSums
from depth_prompt_ros.evaluation.table import Check, Column, Row, Table

KIND_NAMES = {"all": "all things", "tom": "transparent and mirror things", "opaque": "opaque things"}
OUTCOMES = ("best", "found", "holds", "slips", "collides", "misses")
SURFACES = ("coverage", "offset", "thickness", "outliers")

_BY_KEY = {column.key: column for column in FIGURES}


def figures_of(rows: Sequence[dict[str, GraspSums]], kind: str) -> dict[str, float | None]:
    """The figures of a row over all scenes."""
    return reduce(add, (sums[kind] for sums in rows), GraspSums()).figures()


def outcome_table(scores: RenderedScores, kind: str) -> Table:
    """What becomes of grasps by row."""
    rows = []
    for name, found in scores.rows.items():
        figures = figures_of(found, kind)
        low, high = interval(_resampled(found, kind))
        values = {key: figures[key] for key in OUTCOMES} | {"low": low, "high": high}
        rows.append(Row(name, values, ours=name.startswith(MERGED)))
    targets = reduce(add, (sums[kind] for sums in next(iter(scores.rows.values()))), GraspSums()).targets
    columns = [
        _BY_KEY["best"], Column("low", "from", "%", 1, brief=True), Column("high", "to", "%", 1, brief=True),
        *(_BY_KEY[key] for key in OUTCOMES[1:]),
    ]  # fmt: skip
    caption = (
        f"{targets} targets on {scores.scenes} tables. Best: the planner's first choice holds; a target without a "
        "grasp does not. The other columns are of all its grasps, ten a target at most. From and to: 95 % interval "
        "of the first column, a bootstrap over tables."
    )
    return Table(f"grasps_{kind}", f"Grasps: {KIND_NAMES[kind]}", caption, columns, rows)


def surface_table(scores: RenderedScores) -> Table:
    """What the planner is given of the visible surface, by row and kind."""
    kinds = ("tom", "opaque")
    columns = [
        Column(f"{kind}_{key}", _BY_KEY[key].title, _BY_KEY[key].unit, _BY_KEY[key].digits, KIND_NAMES[kind])
        for kind in kinds
        for key in SURFACES
    ]
    rows = []
    for name, found in scores.rows.items():
        by_kind = {kind: figures_of(found, kind) for kind in kinds}
        values = {f"{kind}_{key}": by_kind[kind][key] for kind in kinds for key in SURFACES}
        rows.append(Row(name, values, ours=name.startswith(MERGED)))
    caption = (
        "Means over targets. Coverage: share of the truly visible pixels with a point within 10 mm of the true "
        "surface. Offset: median distance from it, without sign. Thickness: between the 5th and the 95th percentile of "
        "the distances. Outliers: points farther than 10 mm away. The last three over targets with a point."
    )
    return Table("surfaces", "Surfaces", caption, columns, rows)


def checks(scores: RenderedScores) -> list[Check]:
    """Whether the merge gives a better first grasp than each rival that is told the same."""
    return [
        _compared(scores, kind, row_name(MERGED, masks), row_name(rival, masks))
        for masks in (GIVEN_MASKS, FOUND_MASKS)
        for kind in ("all", "tom")
        for rival in (STEREO, MONO, ROW_FILLED, CONSTANT)
    ]


def _compared(scores: RenderedScores, kind: str, ours: str, rival: str) -> Check:
    one, other = (figures_of(scores.rows[name], kind)["best"] or 0.0 for name in (ours, rival))
    spread = _resampled(scores.rows[ours], kind) - _resampled(scores.rows[rival], kind)
    low, high = interval(spread)
    text = f"{other:.1f} to {one:.1f} % of targets, {one - other:+.1f} points [{low:+.1f}, {high:+.1f}]"
    key = f"{kind}_{ours}_{rival}".replace(", ", "_").replace(" ", "_")
    claim = f"{KIND_NAMES[kind].capitalize()}: the best grasp on {ours} holds more often than on {rival}"
    return Check(key, claim, text, low > 0, open=one > other and low <= 0)


def _resampled(rows: Sequence[dict[str, GraspSums]], kind: str) -> NDArray[np.float64]:
    """(2000,) percent of targets whose best grasp holds, scenes drawn with replacement, the same ones for every row."""
    numbers = np.array([(sums[kind].best, sums[kind].targets) for sums in rows], np.float64)
    best, targets = numbers[drawn(len(rows))].sum(1).T
    return np.divide(100 * best, targets, out=np.full(RESAMPLES, np.nan), where=targets > 0)


def all_tables(scores: RenderedScores) -> Iterable[Table]:
    """In the order of the page."""
    return [*(outcome_table(scores, kind) for kind in KIND_NAMES), surface_table(scores)]
