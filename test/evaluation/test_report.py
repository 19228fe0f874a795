"""The report's three forms say the same, and the HTML needs nothing but itself."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("PIL")

from depth_prompt_ros.evaluation.report import Figure, Gallery, Report, Section, to_html, to_json, write_report
from depth_prompt_ros.evaluation.table import NO_VALUE, Check, Column, Row, Table, table_markdown

PICTURE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
COLUMNS = [Column("epe", "EPE", "px", 2, "Target"), Column("coverage", "coverage", "%", 1, "Target")]
ROWS = [
    Row("Stereo <alone>", {"epe": 1.2345, "coverage": np.float32(66.67)}, "a note"),
    Row("Merged", {"epe": float("nan"), "coverage": 99.96}, ours=True),
    Row("Constant", {"epe": 12345.678}),
]


@pytest.fixture
def report() -> Report:
    section = Section(
        "pair",
        "A pair",
        "What it is",
        [Check("covered", "It is covered", "99.96 %", True), Check("better", "It is better", "3 mm", False)],
        [Table("errors", "Errors", "all pixels", COLUMNS, ROWS)],
        [Gallery("Depth", [Figure("stereo", "Stereo", "Grey: none.", PICTURE)], 3)],
        ["Good & honest"],
    )
    return Report("Title", "Intro", Figure("overview", "Overview", "All.", PICTURE), [section], {"With": "1 < 2"})


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.cells: list[list[str]] = []
        self.open: list[str] = []
        self._cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "data", "srcset")]
        if tag not in ("meta", "img", "input", "br", "link"):
            self.open.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag == "td":
            self._cell = True
            self.cells[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self._cell = self._cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.cells[-1][-1] += data


def test_page_loads_nothing_from_elsewhere(report: Report) -> None:
    html = to_html(report)
    page = _Page(html)
    assert page.open == []
    assert page.addresses, "the page has pictures and links"
    assert all(address.startswith(("data:image/", "#")) for address in page.addresses)
    assert not re.search(r"url\(|@import|<script|https?://", html)


def test_embedded_picture_is_the_picture(report: Report) -> None:
    import base64

    (first, *_) = re.findall(r"data:image/png;base64,([^\"]+)", to_html(report))
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(first), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded[..., ::-1], PICTURE)


def test_json_holds_what_the_table_shows(report: Report) -> None:
    cells = [row for row in _Page(to_html(report)).cells if len(row) == 1 + len(COLUMNS)]
    numbers = to_json(report)["sections"]["pair"]["tables"]["errors"]["rows"]
    assert len(cells) == len(numbers) == len(ROWS)
    for (_, *shown), row in zip(cells, numbers.values(), strict=True):
        for text, value in zip(shown, row.values(), strict=True):
            assert (text == NO_VALUE) == (value is None)
            if value is not None:
                assert float(text.replace("\u202f", "")) == value


def test_numbers_are_rounded_once() -> None:
    column = Column("epe", "EPE", "px", 2)
    assert column.rounded(1.2345) == 1.23
    assert column.text(1.2345) == "1.23"
    assert column.text(1234.5) == "1\u202f234.50"
    assert column.text(None) == column.text(float("nan")) == column.text(float("inf")) == NO_VALUE


def test_text_is_escaped_and_verdicts_are_words(report: Report) -> None:
    html = to_html(report)
    assert "Stereo &lt;alone&gt;" in html
    assert "1 &lt; 2" in html
    assert re.findall(r'<li class="(\w+)"><span class="badge">(\w+)</span>', html) == [
        ("met", "met"),
        ("missed", "missed"),
    ]


def test_files(report: Report, tmp_path) -> None:
    html, numbers, pictures = write_report(report, tmp_path / "demo")
    assert html.read_text(encoding="utf-8") == to_html(report)
    assert json.loads(numbers.read_text(encoding="utf-8")) == to_json(report)
    assert json.loads(numbers.read_text(encoding="utf-8"))["sections"]["pair"]["checks"]["better"]["met"] is False
    assert sorted(path.name for path in pictures.iterdir()) == ["overview.png", "pair_stereo.png"]
    np.testing.assert_array_equal(cv2.imread(str(pictures / "pair_stereo.png"))[..., ::-1], PICTURE)


def test_column_groups(report: Report) -> None:
    table = report.sections[0].tables[0]
    assert table.groups == [("Target", 2)]
    assert Table("t", "", "", [Column("a", "A")], []).groups == []


def test_markdown_has_every_number_and_names_what_is_ours() -> None:
    lines = table_markdown(Table("errors", "Errors", "all pixels", COLUMNS, ROWS)).splitlines()
    assert lines[0] == "| | Target: EPE, px | Target: coverage, % |"
    assert lines[1] == "|---|---:|---:|"
    assert lines[2] == "| Stereo <alone> (a note) | 1.23 | 66.7 |"
    assert lines[3] == f"| **Merged** | {NO_VALUE} | 100.0 |"
    assert lines[4].startswith("| Constant | 12\u202f345.68 |")
