"""Numbers to be printed: columns with units, rows, bars that have to be met; as JSON, Markdown and on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as TextTable

NO_VALUE = "–"
_WIDTH = 150


@dataclass(frozen=True)
class Column:
    """One measured quantity of a table.

    Attributes:
        key: its name in ``report.json``.
        title: its name in the table.
        unit: printed below the title; empty = no unit.
        digits: decimals in the table; the JSON holds the same rounded number.
        group: a heading over neighbouring columns that share it.
        brief: shown on the terminal too.
    """

    key: str
    title: str
    unit: str = ""
    digits: int = 1
    group: str = ""
    brief: bool = False

    def rounded(self, value: float | None) -> float | None:
        """The number as it is shown; None when there is none."""
        return None if value is None or not np.isfinite(value) else round(float(value), self.digits)

    def text(self, value: float | None) -> str:
        """A table cell."""
        number = self.rounded(value)
        return NO_VALUE if number is None else f"{number:,.{self.digits}f}".replace(",", "\u202f")


@dataclass(frozen=True)
class Row:
    """One method: its name, its numbers by column key, and whether it is this package's answer."""

    name: str
    values: Mapping[str, float | None]
    note: str = ""
    ours: bool = False


@dataclass(frozen=True)
class Table:
    """Methods against quantities, all over the pixels that ``caption`` names."""

    key: str
    title: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Column headings with the number of columns below each; empty when no column is grouped."""
        if not any(column.group for column in self.columns):
            return []
        return [(name, len(list(members))) for name, members in groupby(self.columns, key=lambda c: c.group)]


@dataclass(frozen=True)
class Check:
    """One bar that has to be met, with the number that decides.

    Attributes:
        open: the number is on the right side of the bar, but the bar lies within its interval.
    """

    key: str
    claim: str
    found: str
    met: bool
    open: bool = False

    @property
    def word(self) -> str:
        """The verdict as it is printed: met, missed, or not shown where the interval leaves it open."""
        return "met" if self.met else "not shown" if self.open else "missed"


def at_most(key: str, claim: str, found: float, bar: float, unit: str, bar_name: str) -> Check:
    """A bar that ``found`` has to stay below; NaN does not."""
    return Check(key, claim, f"{found:.2f} {unit}; bar: {bar:.2f} {unit}, {bar_name}", found <= bar)


def at_least(key: str, claim: str, found: float, bar: float, unit: str) -> Check:
    """A bar that ``found`` has to reach; NaN does not."""
    return Check(key, claim, f"{found:.2f} {unit}; bar: {bar:.2f} {unit}", found >= bar)


def table_json(table: Table) -> dict[str, Any]:
    """The table's numbers as they are shown, by row and column key."""
    rows = {row.name: {c.key: c.rounded(row.values.get(c.key)) for c in table.columns} for row in table.rows}
    units = {column.key: column.unit for column in table.columns}
    return {"title": table.title, "pixels": table.caption, "units": units, "rows": rows}


def table_markdown(table: Table) -> str:
    """The table in Markdown, without its title; this package's answers are bold."""
    heads = ["", *(_head(column, ": ") for column in table.columns)]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * len(table.columns)]
    for row in table.rows:
        name = f"**{row.name}**" if row.ours else row.name
        cells = [name + (f" ({row.note})" if row.note else ""), *(c.text(row.values.get(c.key)) for c in table.columns)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines).replace("|  |", "| |") + "\n"


def table_text(table: Table, title: str = "", brief: bool = False) -> TextTable:
    """The table for the terminal.

    Args:
        title: else the table's own.
        brief: only the columns that are marked so.
    """
    text = TextTable(title=title or table.title, title_justify="left", title_style="bold", header_style="")
    text.add_column("", overflow="fold")
    columns = [column for column in table.columns if column.brief or not brief]
    for column in columns:
        text.add_column(_head(column, "\n"), justify="right")
    for row in table.rows:
        cells = [column.text(row.values.get(column.key)) for column in columns]
        text.add_row(row.name, *cells, style="bold" if row.ours else "")
    return text


def wide_console() -> Console:
    """A console of 150 columns at least: a narrow terminal folds its lines, which reads better than folded words."""
    console = Console()
    return console if console.width >= _WIDTH else Console(width=_WIDTH)


def print_checks(checks: Iterable[Check], console: Console) -> None:
    """Each bar with its verdict, a line each."""
    for check in checks:
        colour = "green" if check.met else "red"
        console.print(f"[{colour}]{check.word:>6}[/] {check.claim}: {check.found}", highlight=False, soft_wrap=True)


def _head(column: Column, below: str) -> str:
    title = f"{column.title}, {column.unit}" if column.unit else column.title
    return f"{column.group}{below}{title}" if column.group else title
