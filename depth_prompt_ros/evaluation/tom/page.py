"""The page of results on transparent and mirror surfaces, in Markdown, with its pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from depth_prompt_ros import __version__
from depth_prompt_ros.data.sets.array_folder import settings_of
from depth_prompt_ros.evaluation.table import Check, Table, table_json, table_markdown
from depth_prompt_ros.evaluation.tom.cleargrasp import SceneResult, scene_checks, scene_table
from depth_prompt_ros.evaluation.tom.figures import scene_sheet, write_mask_plot, write_sheet
from depth_prompt_ros.evaluation.tom.methods import Way
from depth_prompt_ros.evaluation.tom.pairs import SetScores, Shown, TrapScores
from depth_prompt_ros.evaluation.tom.tables import (
    duel_table,
    region_table,
    set_checks,
    sweep_table,
    trap_checks,
    trap_tables,
)


@dataclass(frozen=True)
class Section:
    """A part of the page: a heading, tables, and a picture below them."""

    title: str
    introduction: str
    tables: Sequence[Table] = ()
    picture: str = ""


def set_sections(scores: SetScores, ways: Sequence[Way]) -> tuple[list[Section], list[Check]]:
    """Tables and bars of a set with ToM things; pictures are named as :func:`write_page` writes them."""
    tables = [region_table(scores, region, ways) for region in ("ToM", "Other")]
    duels = [duel_table(scores, region, ways) for region in ("ToM", "Other")]
    introduction = (
        "Every measure is taken pair by pair and averaged over the pairs, as on Booster; brackets and intervals are "
        "bootstraps over pairs (95 %). Monocular rows have scale and shift fitted to the truth of the whole picture "
        "(Booster's protocol), all others are metric by themselves."
    )
    sections = [
        Section(f"Held-out pairs: {scores.pictures}", introduction, tables, "scenes"),
        Section("Head to head", "", duels),
    ]
    refused = [f"{name} in {count}" for name, count in scores.refused.items() if count]
    if refused:
        sections[0] = Section(
            sections[0].title, f"{introduction} No target was found by: {', '.join(refused)}; there it is stereo.",
            tables, "scenes",
        )  # fmt: skip
    if scores.swept:
        sections.append(Section("Mask quality", "", [sweep_table(scores, ways)], "masks"))
    return sections, set_checks(scores)


def trap_sections(traps: TrapScores, ways: Sequence[Way]) -> tuple[list[Section], list[Check]]:
    """The same of traps."""
    section = Section("Traps: none of it is glass or a mirror", "", trap_tables(traps, ways), "traps")
    return [section], trap_checks(traps)


def cleargrasp_sections(results: Sequence[SceneResult]) -> tuple[list[Section], list[Check]]:
    """The same of ClearGrasp's real scenes."""
    tables = [scene_table(result) for result in results]
    introduction = "An RGB-D camera's depth of real glass; the objects of the given masks are the targets."
    return [Section("Real glass: ClearGrasp", introduction, tables, "cleargrasp")], [
        check for result in results for check in scene_checks(result)
    ]


def page(
    sets: Mapping[str, Path],
    exported: Sequence[str],
    sections: Sequence[Section],
    checks: Sequence[Check],
    pictures: Mapping[str, str],
) -> str:
    """The whole page.

    Args:
        sets: by option of the command, the first without one; what made them is printed.
        exported: commands that made the networks.
        pictures: addresses by name, those that were written.
    """
    given = "".join(f" {option} {path.name}".replace("  ", " ") for option, path in sets.items())
    written = f"Written by `depth-prompt evaluate tom`, version {__version__}; nothing here is typed by hand."
    lines = [
        "# Transparent and mirror surfaces: what comes out",
        "",
        f"{written} How to read it: [README.md](README.md).",
        "",
        "```",
        *(line for path in sets.values() if (line := _made_by(path))),
        *exported,
        f"depth-prompt evaluate tom{given} --out tom",
        "```",
        "",
    ]
    if checks:
        lines += ["| bar | | found |", "|---|---|---|"]
        lines += [f"| {check.claim} | {check.word} | {check.found} |" for check in checks]
        lines.append("")
    for section in sections:
        lines += [f"## {section.title}", ""]
        if section.introduction:
            lines += [section.introduction, ""]
        if section.picture in pictures:
            lines += [f"![{section.title}]({pictures[section.picture]})", ""]
        for table in section.tables:
            lines += [f"### {table.title}", "", table.caption, "", table_markdown(table)]
    return "\n".join(lines).rstrip() + "\n"


def _made_by(folder: Path) -> str:
    """The command that renders a set, from its note; empty where it was not rendered."""
    made = settings_of(folder)
    if not {"kind", "count", "size", "seed"} <= made.keys():
        return ""
    height, width = made["size"]
    return (
        f"depth-prompt render --out {folder.name} --kind {made['kind']} --count {made['count']} --size {width} "
        f"--height {height} --seed {made['seed']}"
    )


def write_pictures(
    folder: Path, scores: SetScores | None, ways: Sequence[Way], shown: Mapping[str, Sequence[Shown]]
) -> dict[str, str]:
    """Write sheets and plot into ``folder``; their addresses seen from beside it."""
    written = {}
    for name, scenes in shown.items():
        if scenes:
            write_sheet(folder / f"{name}.jpg", scene_sheet(scenes))
            written[name] = f"{folder.name}/{name}.jpg"
    if scores is not None and scores.swept:
        write_mask_plot(folder / "masks.png", scores, ways)
        written["masks"] = f"{folder.name}/masks.png"
    return written


def page_json(sections: Sequence[Section], checks: Sequence[Check]) -> str:
    """The page's numbers."""
    content = {
        "checks": {check.key: {"claim": check.claim, "found": check.found, "met": check.met} for check in checks},
        "tables": {table.key: table_json(table) for section in sections for table in section.tables},
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
