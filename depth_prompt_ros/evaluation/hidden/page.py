"""The page of results on hidden things, in Markdown, with its pictures, and the numbers as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from depth_prompt_ros.evaluation.hidden.holes import CASES
from depth_prompt_ros.evaluation.hidden.rows import HUMBLE, OURS
from depth_prompt_ros.evaluation.hidden.run import HiddenEvaluation, HiddenThing
from depth_prompt_ros.evaluation.hidden.tables import CAPTION, STATED, case_tables, checks, part_tables, stated_table
from depth_prompt_ros.evaluation.page_head import page_head
from depth_prompt_ros.evaluation.scenes.scores import RegionErrors
from depth_prompt_ros.evaluation.table import table_json, table_markdown
from depth_prompt_ros.written_aside import write_bytes

SHOWN = 12
"""Things of each way to hide whose pictures are shown."""

_READING = """- **Hidden** is what is taken away from what was measured: all of a thing, half of it to one side (left, \
right, above, below, in turn), or discs all over it until half is gone. What was measured there is the truth. A wholly \
hidden thing is named as transparent; each is named alone. Of glass all of the mask is hidden, and its truth is another.
- **Rows without a network get what the pipeline gets**: camera, mask, what is left. Upright plane, block and outlines \
stand for the network's shape and go through the same merge: drawn to what is left, or overruled by planes through it. \
On partly hidden things they differ little, because those planes win often.
- **Outline in the network's place** is scaled and tilted to the same pixels or block as the network's shape; *metric \
prompt, or the outline* may choose it by the check that chooses between shape and planes: measured pixels withheld \
beside the hole.
- **The truth is a depth camera's**, with its noise and its smooth edges; masks of boxes are cut out by colour and \
depth, and a rim of background in them is in all rows alike."""

_PICTURES = (
    "Worst first by ours, at most {count}. What is hidden is hatched; depths are on one scale in each row; the error "
    "of ours is dark where it is right."
)


def page(evaluation: HiddenEvaluation, command: str, about: str, pictures: Mapping[str, str]) -> str:
    """The whole page.

    Args:
        command: that writes it.
        about: what is said of the scenes.
        pictures: addresses of the sheets by way to hide.
    """
    lines = page_head("Things whose depth is hidden", command, about, checks(evaluation))
    lines += ["## How to read the tables", "", _READING, "", CAPTION, ""]
    for table in case_tables(evaluation):
        lines += [f"## {table.title}", "", table_markdown(table)]
        if table.key in pictures:
            lines += [_PICTURES.format(count=SHOWN), "", f"![{table.title}]({pictures[table.key]})", ""]
    stated = stated_table(evaluation)
    lines += [f"## {stated.title}", "", STATED, "", table_markdown(stated)]
    if parts := part_tables(evaluation):
        lines += ["## By kind and by folder", ""]
        for table in parts:
            lines += [f"### {table.title}", "", table_markdown(table)]
    lines += [f"- {name} could not be evaluated: {reason}" for name, reason in evaluation.damaged.items()]
    return "\n".join(lines).rstrip() + "\n"


def write_pictures(folder: Path, evaluation: HiddenEvaluation) -> dict[str, str]:
    """Write a sheet a way to hide into ``folder``, JPEG; their addresses seen from beside it."""
    from depth_prompt_ros.evaluation.pictures import jpeg
    from depth_prompt_ros.evaluation.scenes.pictures import scene_sheet

    written = {}
    for case in CASES:
        worst = [thing for thing in evaluation.things if thing.case == case][:SHOWN]
        if shown := {_line(thing): thing.shown for thing in worst if thing.shown is not None}:
            write_bytes(folder / f"{case}.jpg", jpeg(scene_sheet(shown), 80))
            written[case] = f"{folder.name}/{case}.jpg"
    return written


def numbers(evaluation: HiddenEvaluation) -> str:
    """All numbers as JSON: bars, tables, and every row on every thing; what is not known is null."""
    tables = [*case_tables(evaluation), stated_table(evaluation), *part_tables(evaluation)]
    content: dict[str, Any] = {
        "checks": {
            check.key: {"claim": check.claim, "found": check.found, "met": check.met} for check in checks(evaluation)
        },
        "tables": {table.key: table_json(table) for table in tables},
        "things": [
            {
                "scene": thing.scene,
                "number": thing.number,
                "kind": thing.kind,
                "hidden": thing.case,
                "stated": asdict(thing.stated),
                "rows": {row: _numbers(errors) for row, errors in thing.errors.items()},
            }
            for thing in evaluation.things
        ],
        "without": evaluation.without,
        "damaged": evaluation.damaged,
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _numbers(errors: RegionErrors) -> dict[str, float | None]:
    return {"rmse": errors.own.rmse, "known": errors.known, "answered": errors.answered}


def _line(thing: HiddenThing) -> str:
    """What stands above a thing's pictures: its name, ours, and the best row without a network."""
    ours = thing.errors[OURS.name].own.rmse
    found = {row: rmse for row in HUMBLE if (rmse := thing.errors[row].own.rmse) is not None}
    said = [f"{thing.name}: ours", "nothing" if ours is None else f"{ours:.1f} mm"]
    if found:
        best = min(found, key=lambda row: found[row])
        said += [f"beside {best},", f"{found[best]:.1f} mm"]
    return " ".join(said)
