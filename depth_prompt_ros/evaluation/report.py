"""A report as data, and its three forms: one self-contained HTML file, the same numbers as JSON, pictures as PNG."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from depth_prompt_ros.evaluation.clouds import Clouds
from depth_prompt_ros.evaluation.pictures import Picture, jpeg, png
from depth_prompt_ros.evaluation.table import Check, Table, table_json
from depth_prompt_ros.written_aside import write_bytes, write_text


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
class CloudRow:
    """Clouds of one frame side by side, which can be turned."""

    title: str
    clouds: Clouds


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
    clouds: Sequence[CloudRow] = ()


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
    write_bytes(pictures / f"{report.overview.key}.png", png(report.overview.picture))
    for section in report.sections:
        for figure in (figure for gallery in section.galleries for figure in gallery.figures):
            write_bytes(pictures / f"{section.key}_{figure.key}.png", png(figure.picture))
    html, numbers = folder / "report.html", folder / "report.json"
    write_text(html, to_html(report))
    write_text(numbers, json.dumps(to_json(report), indent=1, ensure_ascii=False) + "\n")
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
                "tables": {table.key: table_json(table) for table in section.tables},
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
