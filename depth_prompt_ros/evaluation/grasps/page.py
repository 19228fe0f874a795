"""The page of grasp readiness, in Markdown, with its picture and its numbers."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from depth_prompt_ros import __version__
from depth_prompt_ros.evaluation.grasps.figures import sheet
from depth_prompt_ros.evaluation.grasps.gripper import Gripper
from depth_prompt_ros.evaluation.grasps.rendered import RenderedScores
from depth_prompt_ros.evaluation.grasps.tables import all_tables, checks
from depth_prompt_ros.evaluation.pictures import jpeg
from depth_prompt_ros.evaluation.table import table_json, table_markdown
from depth_prompt_ros.written_aside import write_bytes, write_text


def write_page(scores: RenderedScores, gripper: Gripper, out: Path, command: str) -> Path:
    """Write ``OUT.md`` and, where scenes are shown, ``OUT/grasps.jpg`` aside, and rename them.

    Returns:
        The page's path.
    """
    picture = ""
    if scores.shown:
        write_bytes(out / "grasps.jpg", jpeg(sheet(scores, gripper), 80))
        picture = f"{out.name}/grasps.jpg"
    page = out.with_suffix(".md")
    write_text(page, _markdown(scores, gripper, command, picture))
    return page


def page_json(scores: RenderedScores, gripper: Gripper) -> str:
    """The page's numbers, and the sums of every scene."""
    content = {
        "gripper": asdict(gripper),
        "checks": {
            check.key: {"claim": check.claim, "found": check.found, "met": check.met} for check in checks(scores)
        },
        "tables": {table.key: table_json(table) for table in all_tables(scores)},
        "scenes": {
            name: [{kind: asdict(sums) for kind, sums in scene.items()} for scene in rows]
            for name, rows in scores.rows.items()
        },
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _markdown(scores: RenderedScores, gripper: Gripper, command: str, picture: str) -> str:
    hand = {name: 1000 * value for name, value in asdict(gripper).items() if name != "friction"}
    about = (
        f"Written by `depth-prompt evaluate grasps`, version {__version__}; nothing here is typed by hand. How it is "
        "measured: [evaluation.md](../evaluation.md#grasp-readiness). How to read it: [README.md](README.md)."
    )
    measured = (
        f"A hand that opens {hand['opening']:g} mm, with fingers of {hand['finger_length']:g} x "
        f"{hand['finger_width']:g} x {hand['finger_thickness']:g} mm and a friction of {gripper.friction:g}, on "
        "rendered tables whose geometry is known: things and textures that nothing here has learned from, half of the "
        "things transparent or mirrors."
    )
    lines = [
        "# Grasp readiness: what a planner makes of the cloud",
        "",
        about,
        "",
        "```",
        command,
        "```",
        "",
        measured,
        "",
    ]
    lines += ["| bar | | found |", "|---|---|---|"]
    lines += [f"| {check.claim} | {check.word} | {check.found} |" for check in checks(scores)]
    lines.append("")
    if picture:
        lines += [f"![The best grasp of every target, by cloud]({picture})", ""]
    for table in all_tables(scores):
        lines += [f"## {table.title}", "", table.caption, "", table_markdown(table)]
    return "\n".join(lines).rstrip() + "\n"
