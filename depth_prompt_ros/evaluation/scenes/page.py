"""The page of results on real scenes, in Markdown, with its pictures, and the numbers as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.page_head import page_head
from depth_prompt_ros.evaluation.scenes.run import Evaluation, SceneResult
from depth_prompt_ros.evaluation.scenes.tables import (
    CAPTION,
    pooled_tables,
    row_table,
    scene_checks,
    scene_table,
)
from depth_prompt_ros.evaluation.table import Table, table_markdown
from depth_prompt_ros.written_aside import write_bytes

_READING = """- **Told** rows get what `labels.png` and `tom.png` say, and exist only on scenes that have them. Where \
there is no `labels.png`, the connected parts of `tom.png` are the things. The rows without a network keep what is \
measured on what is not transparent or mirror, so they move nothing there; ours may.
- **Nothing is averaged over scenes**: errors are summed up over all pixels of all scenes, so one bad frame weighs as \
much as its pixels do.
- **A row's RMSE is over the pixels that it answers.** The upright plane answers only what stands with its foot in view.
- **The sensor is no truth**: to be near it on scenes without glass means to do no harm, no more."""

_PICTURES = (
    "Worst first. Things that were found are tinted, hatched where taken for transparent or mirror, boxes are yellow; "
    "depths are on one scale; measured pixels that the answer moves by more than 10 mm are red (on glass that is "
    "wanted)."
)


def read_about(path: Path, groups: Collection[str]) -> dict[str, str]:
    """Markdown about the scenes: what stands before the first ``## GROUP`` under "", and the text below each of them.

    Raises:
        BadInput: it cannot be read, or says something of a group that there is not.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read {path}: {error}") from error
    opening, *parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    about = {name.strip(): said.strip() for name, said in zip(parts[::2], parts[1::2], strict=True)}
    if strange := [name for name in about if name not in groups]:
        known = ", ".join(name for name in groups if name) or "none"
        raise BadInput(f"{path} says something of {strange[0]}, but the groups of scenes are: {known}")
    return {"": opening.strip()} | about


def page(evaluation: Evaluation, command: str, about: Mapping[str, str], pictures: Mapping[str, str]) -> str:
    """The whole page.

    Args:
        command: that writes it.
        about: what is said of the scenes, by group; under "" of all of them.
        pictures: addresses of the sheets by group.
    """
    groups = evaluation.groups
    lines = page_head("Real scenes: what comes out", command, about.get("", ""), scene_checks(evaluation))
    lines += ["## How to read the tables", "", _READING, "", CAPTION, ""]
    for table in pooled_tables(evaluation):
        lines += _shown(table)
    for name, scenes in groups.items():
        heading = name or "Scenes of no group"
        lines += [f"## {heading}", ""]
        lines += [about[name], ""] if about.get(name) else []
        if len({scene.glass for scene in scenes}) > 1 or len(scenes) < _alike(evaluation, scenes[0].glass):
            lines += [table_markdown(row_table(f"group_{name}", heading, scenes))]
        if name in pictures:
            lines += [_PICTURES, "", f"![{heading}]({pictures[name]})", ""]
    table = scene_table(evaluation)
    lines += [f"## {table.title}", "", table.caption, "", table_markdown(table)]
    for name in evaluation.poorer:
        lines.append(f"- {name} lacks what the parameters take from outside: nothing is given there.")
    for name, reason in evaluation.damaged.items():
        lines.append(f"- {name} could not be evaluated: {reason}")
    return "\n".join(lines).rstrip() + "\n"


def write_pictures(folder: Path, evaluation: Evaluation) -> dict[str, str]:
    """Write a sheet a group into ``folder``, JPEG; their addresses seen from beside it."""
    from depth_prompt_ros.evaluation.pictures import jpeg
    from depth_prompt_ros.evaluation.scenes.pictures import scene_sheet

    written = {}
    for name, scenes in evaluation.groups.items():
        file = f"{name or 'scenes'}.jpg"
        shown = {_line(scene): scene.shown for scene in scenes if scene.shown is not None}
        write_bytes(folder / file, jpeg(scene_sheet(shown), 72))
        written[name] = f"{folder.name}/{file}"
    return written


def numbers(evaluation: Evaluation) -> str:
    """All numbers as JSON: bars, every row on every scene, and pooled; what is not known is null."""
    content: dict[str, Any] = {
        "checks": {
            check.key: {"claim": check.claim, "found": check.found, "met": check.met}
            for check in scene_checks(evaluation)
        },
        "pooled": {
            table.key: {row.name: dict(row.values) for row in table.rows} for table in pooled_tables(evaluation)
        },
        "scenes": [
            {
                "name": scene.name,
                "group": scene.group,
                "main": scene.main,
                "rows": {row: scores.figures() for row, scores in scene.scores.items()},
            }
            for scene in evaluation.scenes
        ],
        "damaged": evaluation.damaged,
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _alike(evaluation: Evaluation, glass: bool) -> int:
    """Scenes with glass, or without: a table over all of them is there already."""
    return sum(scene.glass is glass for scene in evaluation.scenes)


def _shown(table: Table) -> Sequence[str]:
    return [f"## {table.title}", "", table_markdown(table)]


def _line(scene: SceneResult) -> str:
    """What stands above a scene's pictures."""
    scores = scene.scores[scene.main]
    figures = scores.figures()
    said = {
        "moved": ("moved", "%"), "rmse": ("to the sensor", "mm"), "glass": ("glass", "mm"),
        "glass_sensor": ("sensor on glass", "mm"), "all": ("to the truth", "mm"),
    }  # fmt: skip
    texts = [
        f"{title} {value:.2f} {unit}" for key, (title, unit) in said.items() if (value := figures[key]) is not None
    ]
    texts += [f"{scores.found} of {scores.boxes} found"] if scores.boxed else []
    return f"{scene.name}: {', '.join(texts)}"
