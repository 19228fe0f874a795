"""Tables and bars of hidden things: a table a way to hide, and one a kind of things."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from depth_prompt_ros.evaluation.hidden.errors import figures
from depth_prompt_ros.evaluation.hidden.holes import CASES
from depth_prompt_ros.evaluation.hidden.rows import CHOICE, HUMBLE, LEARNED, OURS, ROWS, WHITE
from depth_prompt_ros.evaluation.hidden.run import HiddenEvaluation
from depth_prompt_ros.evaluation.hidden.stated import shares
from depth_prompt_ros.evaluation.scenes.scores import RegionErrors
from depth_prompt_ros.evaluation.table import Check, Column, Row, Table

_BOTH = "both answer"
_COLUMNS = (
    Column("things", "things", digits=0, brief=True),
    Column("rmse", "RMSE", "mm", 1, brief=True),
    Column("median", "median thing's RMSE", "mm", 1, brief=True),
    Column("coverage", "answered", "%", 1, brief=True),
    Column("shared", "RMSE", "mm", 1, _BOTH),
    Column("ours", "ours", "mm", 1, _BOTH),
    Column("change", "change", "%", 1, _BOTH, brief=True),
    Column("low", "95 % from", "%", 1, _BOTH, brief=True),
    Column("high", "95 % to", "%", 1, _BOTH, brief=True),
)
_OURS = {WHITE.name, CHOICE, LEARNED.name, OURS.name}

CAPTION = (
    "RMSE is over a thing's hidden pixels of which the truth is known and that the row answers, then a mean over "
    "things. Both answer: the pixels that ours, the pipeline with the metric prompt, answers, too; the change is that "
    "of ours against the row, below 0 where ours is better, and its interval a bootstrap over things, paired. Where "
    "one thing stands in several scenes intervals are too narrow."
)

STATED = (
    "Half the width of the 90 % interval that the pipeline states, a mean over things, and the share of the pixels "
    "whose truth lies in it, with its interval over things."
)

FEW = 3
"""A kind of fewer things has no table of its own."""


def case_tables(evaluation: HiddenEvaluation) -> list[Table]:
    """A table a way to hide that occurs."""
    tables = []
    for case, title in CASES.items():
        if things := evaluation.of(case):
            rows = [Row(name, _figures(things, name), note, name in _OURS) for name, note in ROWS.items()]
            tables.append(Table(case, f"{title}: {len(things)} things", CAPTION, _COLUMNS, rows))
    return tables


def stated_table(evaluation: HiddenEvaluation) -> Table:
    """How often the truth is in the intervals that the pipeline states, a row a way to hide."""
    columns = (
        Column("things", "things", digits=0, brief=True),
        Column("held", "truth inside", "%", 1, brief=True),
        Column("low", "95 % from", "%", 1, brief=True),
        Column("high", "95 % to", "%", 1, brief=True),
        Column("width", "half width", "mm", 1, brief=True),
    )
    rows = [
        Row(title, shares([thing.stated for thing in evaluation.things if thing.case == case]), ours=True)
        for case, title in CASES.items()
        if evaluation.of(case)
    ]
    return Table("stated", "Stated intervals", STATED, columns, rows)


def part_tables(evaluation: HiddenEvaluation) -> list[Table]:
    """A table a kind of things, and a folder of scenes where there are several, with all ways to hide."""
    parts: dict[str, dict[str, Sequence[Mapping[str, RegionErrors]]]] = {}
    kinds = sorted({thing.kind for thing in evaluation.things if thing.kind})
    groups = sorted({thing.group for thing in evaluation.things})
    for kind in kinds:
        parts[f"Of the kind {kind}"] = {case: evaluation.of(case, kind=kind) for case in CASES}
    for group in groups if len(groups) > 1 else ():
        parts[f"In {group}"] = {case: evaluation.of(case, group=group) for case in CASES}
    return [
        _part_table(name, cases)
        for name, cases in parts.items()
        if max(len(things) for things in cases.values()) >= FEW
    ]


def checks(evaluation: HiddenEvaluation) -> list[Check]:
    """The metric prompt below every row without a network, a bar a way to hide."""
    found = []
    for case, title in CASES.items():
        things = evaluation.of(case)
        rated = {row: _figures(things, row) for row in HUMBLE} if things else {}
        rated = {row: values for row, values in rated.items() if values.get("change") is not None}
        if rated:
            best = min(rated, key=lambda row: rated[row]["shared"] or math.inf)
            found.append(_check(case, title, best, rated[best]))
    return found


def _figures(things: Sequence[Mapping[str, RegionErrors]], row: str) -> dict[str, float | None]:
    """Ours beside itself says nothing."""
    values = figures(things, row)
    compared = ("shared", "ours", "change", "low", "high")
    return {key: value for key, value in values.items() if row != OURS.name or key not in compared}


def _part_table(name: str, cases: Mapping[str, Sequence[Mapping[str, RegionErrors]]]) -> Table:
    counts = {case: len(things) for case, things in cases.items() if things}
    columns = [
        Column(f"{case}_{key}", title, unit, 1, f"{CASES[case].lower()} ({count})", brief=True)
        for case, count in counts.items()
        for key, title, unit in (
            ("rmse", "RMSE", "mm"), ("change", "change", "%"), ("low", "95 % from", "%"), ("high", "95 % to", "%"),
        )
    ]  # fmt: skip
    rows = []
    for row in ROWS:
        values = {f"{case}_{key}": value for case in counts for key, value in _figures(cases[case], row).items()}
        rows.append(Row(row, values, ours=row in _OURS))
    return Table(name, name, CAPTION, columns, rows)


def _check(case: str, title: str, row: str, values: Mapping[str, float | None]) -> Check:
    """Met where the whole interval is below the row."""
    shared, ours, change, low, high = (values[key] or 0.0 for key in ("shared", "ours", "change", "low", "high"))
    claim = f"{title}: the metric prompt below every row without a network"
    found = f"{row} {shared:.1f}, ours {ours:.1f} mm where both answer, {change:+.1f} % [{low:+.1f}, {high:+.1f}]"
    return Check(case, claim, f"{found}; bar: the interval below 0 %", high < 0, change < 0 <= high)
