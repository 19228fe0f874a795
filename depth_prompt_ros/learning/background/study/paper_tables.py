"""A study on prepared sets as a page: the paper's tables, its figures beside ours where they are known here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from depth_prompt_ros.learning.background.errors import FITTED
from depth_prompt_ros.learning.background.study import published
from depth_prompt_ros.learning.background.study.figures import Results
from depth_prompt_ros.learning.background.study.plan import ABLATIONS, OURS, TUNED, Effort
from depth_prompt_ros.learning.background.study.survives import surviving
from depth_prompt_ros.learning.background.study.tables import FIXED, NETWORK_FREE, READING, cells, schedules
from depth_prompt_ros.learning.markdown import table_head

_COMPARED = (*NETWORK_FREE, "none (white)", "original", TUNED, OURS, "1-BG", "PNet")
_WITH_FITTED = (*_COMPARED, *(f"{row}{FITTED}" for row in ("none (white)", "original", TUNED, OURS, "1-BG", "PNet")))
ABLATED = ("1-BG", "PNet", *ABLATIONS)
_PUBLISHED_ON = ("ABO", "HNDR")


@dataclass(frozen=True)
class PreparedPart:
    """What the page says of one network.

    Attributes:
        name: in the catalogue.
        results: its runs.
        within, beyond: names of the test sets in and out of distribution.
        counts: pictures of each test set, by name.
        ablations: whether they were learned through it.
    """

    name: str
    results: Results
    within: Sequence[str]
    beyond: Sequence[str]
    counts: dict[str, int]
    ablations: bool


def page(parts: list[PreparedPart], effort: Effort, made: str, learned: str) -> str:
    """The whole page in Markdown.

    Args:
        made: what it was made with, a sentence.
        learned: what was learned from, a sentence.
    """
    lines = [
        "# Background prompting on prepared sets",
        "",
        f"Written by `depth-prompt study background --data`; nothing in the tables is typed by hand. {made} {learned}",
        "",
        READING,
        "",
        schedules(effort),
        "",
        f"Columns headed *paper* are the published figures, of its networks and 150,000 steps. {published.BLANKS}",
        "",
    ]
    for part in parts:
        missing = part.results.missing
        lines += [f"Not run yet through {part.name}: {', '.join(missing)}.", ""] if missing else []
    lines += _table("Table 1: in distribution", parts, _COMPARED, "within")
    lines += _table("Table 2: out of distribution", parts, _COMPARED, "beyond")
    ablated = [part for part in parts if part.ablations]
    lines += _ablations("Table 3: ablations, si-RMSE", ablated, with_cosine=False)
    lines += _table("Table S1: fixed backgrounds", parts, (*FIXED, "1-BG"), "all")
    lines += _ablations("Table S2: ablations, with normals", ablated, with_cosine=True)
    lines += _table("Table S3: every row, scale and shift fitted, too", parts, _WITH_FITTED, "all")
    return "\n".join([*lines, *surviving([(part.name, part.results) for part in parts])]).rstrip() + "\n"


def _table(title: str, parts: list[PreparedPart], rows: Iterable[str], which: str) -> list[str]:
    """Networks one after the other; their test sets as columns, then the paper's."""
    lines = [f"## {title}", ""]
    for part in parts:
        tests = {"within": part.within, "beyond": part.beyond, "all": [*part.within, *part.beyond]}[which]
        if not tests:
            lines += [f"{part.name}: no such set was given.", ""]
            continue
        paper, like = published.NETWORKS.get(published.like(part.name), {}), published.like(part.name)
        ours = [f"{test} ({part.counts[test]}): si-RMSE | cosine" for test in tests]
        theirs = [f"paper, {like}, {test}: si-RMSE | cosine" for test in tests if test in _PUBLISHED_ON]
        lines += table_head([part.name, *ours, *theirs])
        for row in rows:
            numbers = paper.get(row, (None,) * 4)
            known = {"ABO": numbers[:2], "HNDR": numbers[2:]}
            there = [published.plain(known[test]) for test in tests if test in known]
            found = [cells(part.results, row, test) for test in tests]
            lines.append(f"| {row} | {' | '.join([*found, *there])} |")
        lines.append("")
    return lines


def _ablations(title: str, parts: list[PreparedPart], with_cosine: bool) -> list[str]:
    """Rows as in the paper; its figures are those of DPT and of si-RMSE."""
    lines = [f"## {title}", ""]
    if not parts:
        return [*lines, "None was learned.", ""]
    for part in parts:
        tests = [*part.within, *part.beyond]
        measures = "si-RMSE | cosine" if with_cosine else "si-RMSE"
        theirs = [f"paper, DPT, {test}: si-RMSE" for test in tests if test in _PUBLISHED_ON]
        lines += table_head([part.name, *(f"{test}: {measures}" for test in tests), *theirs])
        for row in ABLATED:
            numbers = dict(zip(_PUBLISHED_ON, published.ABLATIONS.get(row, (None, None)), strict=True))
            there = [published.plain((numbers[test],)) for test in tests if test in numbers]
            both = [cells(part.results, row, test) for test in tests]
            found = both if with_cosine else [each.split(" | ")[0] for each in both]
            lines.append(f"| {row} | {' | '.join([*found, *there])} |")
        lines.append("")
    return lines
