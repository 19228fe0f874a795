"""A report as data, and its three forms: one self-contained HTML file, the same numbers as JSON, pictures as PNG."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from depth_prompt_ros.evaluation.pictures import Picture, jpeg, png

NO_VALUE = "–"


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
    """One bar that has to be met, with the number that decides."""

    key: str
    claim: str
    found: str
    met: bool

    @property
    def word(self) -> str:
        """The verdict as it is printed."""
        return "met" if self.met else "missed"


def at_most(key: str, claim: str, found: float, bar: float, unit: str, bar_name: str) -> Check:
    """A bar that ``found`` has to stay below; NaN does not."""
    return Check(key, claim, f"{found:.2f} {unit}; bar: {bar:.2f} {unit}, {bar_name}", found <= bar)


def at_least(key: str, claim: str, found: float, bar: float, unit: str) -> Check:
    """A bar that ``found`` has to reach; NaN does not."""
    return Check(key, claim, f"{found:.2f} {unit}; bar: {bar:.2f} {unit}", found >= bar)


@dataclass(frozen=True)
class Figure:
    """A picture with an honest one-line caption; ``photo`` pictures are embedded as JPEG, maps as PNG.

    Attributes:
        key: its file name below ``pictures``, after the section's.
    """

    key: str
    title: str
    caption: str
    picture: Picture
    photo: bool = False

    @property
    def data_url(self) -> str:
        """The picture as a ``data:`` address."""
        kind, content = ("jpeg", jpeg(self.picture)) if self.photo else ("png", png(self.picture))
        return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


@dataclass(frozen=True)
class Gallery:
    """Pictures to be compared, side by side."""

    title: str
    figures: Sequence[Figure]
    columns: int = 4


@dataclass(frozen=True)
class Section:
    """One data set: what it is, the bars, the numbers, the pictures, what is good and what is not."""

    key: str
    title: str
    introduction: str
    checks: Sequence[Check] = ()
    tables: Sequence[Table] = ()
    galleries: Sequence[Gallery] = ()
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Report:
    """Everything the report says; ``facts`` are name and value pairs for its last lines."""

    title: str
    introduction: str
    overview: Figure
    sections: Sequence[Section]
    facts: Mapping[str, str] = field(default_factory=dict)


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write ``report.html``, ``report.json`` and ``pictures/*.png`` into ``folder``.

    Returns:
        The HTML and JSON paths, then the folder of pictures.
    """
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    (pictures / f"{report.overview.key}.png").write_bytes(png(report.overview.picture))
    for section in report.sections:
        for figure in (figure for gallery in section.galleries for figure in gallery.figures):
            (pictures / f"{section.key}_{figure.key}.png").write_bytes(png(figure.picture))
    html, numbers = folder / "report.html", folder / "report.json"
    html.write_text(to_html(report), encoding="utf-8")
    numbers.write_text(json.dumps(to_json(report), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return [html, numbers, pictures]


def to_json(report: Report) -> dict[str, Any]:
    """The report's numbers: per section the checks and, per table and row, every value as it is shown."""
    return {
        "title": report.title,
        "facts": dict(report.facts),
        "sections": {
            section.key: {
                "title": section.title,
                "checks": {
                    check.key: {"claim": check.claim, "found": check.found, "met": check.met}
                    for check in section.checks
                },
                "tables": {table.key: _table_json(table) for table in section.tables},
                "remarks": list(section.remarks),
            }
            for section in report.sections
        },
    }


def to_html(report: Report) -> str:
    """One HTML page that needs nothing but itself: the style and every picture are inside."""
    loader = jinja2.PackageLoader("depth_prompt_ros", "evaluation")
    pages = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    return pages.get_template("report.html.j2").render(report=report)


def _table_json(table: Table) -> dict[str, Any]:
    rows = {row.name: {c.key: c.rounded(row.values.get(c.key)) for c in table.columns} for row in table.rows}
    units = {column.key: column.unit for column in table.columns}
    return {"title": table.title, "pixels": table.caption, "units": units, "rows": rows}
