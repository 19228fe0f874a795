"""The study's page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from depth_prompt_ros.evaluation.video.errors import PARTS
from depth_prompt_ros.learning.markdown import table_head
from depth_prompt_ros.learning.video.study.checks import ELSEWHERE, checks
from depth_prompt_ros.learning.video.study.plan import Effort
from depth_prompt_ros.learning.video.study.real import RealRow
from depth_prompt_ros.learning.video.study.real_table import real_lines

Result = Mapping[str, Any]

_MOTIONS = {"bound": "Motion that goes with the place", "random": "Random motion"}


def page(
    results: Sequence[Result],
    simple: Mapping[str, Mapping[str, Mapping[str, Mapping[str, list[float]]]]],
    real: Sequence[RealRow],
    effort: Effort,
    notes: Sequence[str] = (),
) -> str:
    """The page in Markdown.

    Args:
        results: of the runs that are done, see :func:`depth_prompt_ros.learning.video.study.execute.execute`.
        simple: by motion and row, errors without learning.
        real: rows of the real video.
        notes: what was run and what was not, one sentence each.
    """
    lines = [
        "# Depth and masks learned from video",
        "",
        f"Written by `{_command(effort)}`; nothing in the tables is typed by hand.",
        "",
        _made(effort),
        "",
        *(f"- {note}" for note in notes),
        "",
    ]
    for motion, title in _MOTIONS.items():
        found = [each for result in results if result["motion"] == motion for each in _with_elsewhere(result)]
        if found:
            lines += [
                f"## {title}",
                "",
                *_depths(found, simple.get(motion, {})),
                "",
                *_masks(found),
                "",
                *checks(found),
            ]
    if real:
        lines += ["## Real video", "", *real_lines(real)]
    return "\n".join(lines).rstrip() + "\n"


def _with_elsewhere(result: Result) -> Iterator[Result]:
    """A result, and what its network says where things move if it is told that they stand elsewhere."""
    yield result
    for name, errors in result.get("elsewhere", {}).items():
        yield {**result, "run": f"{ELSEWHERE}{name}", "errors": errors, "growth": None, "masks": None}


def _command(effort: Effort) -> str:
    usual = Effort()
    options = {name: getattr(effort, name) for name in ("seeds", "first", "steps", "width")}
    said = [f" --{name} {value:g}" for name, value in options.items() if value != getattr(usual, name)]
    return "depth-prompt study video" + "".join(said)


def _made(effort: Effort) -> str:
    height, width = effort.crop
    return (
        f"{effort.train} rendered clips of 16 frames of each kind of motion to learn from, {effort.test} of other "
        f"workspaces to test on; networks of {effort.width:g} of the published width, {effort.steps} steps of "
        f"{effort.batch} windows of {width}x{height} a stage, rates {effort.learning_rate:g} and, of second stages, "
        f"{effort.second_rate:g}, {effort.levels} adaptive levels, {effort.planes} planes, "
        f"poses given but where a row says otherwise, {_seeds(effort)}. Figures are mean relative errors of "
        "depth over frames; *scaled*: to the median of the static pixels. *Moving* pixels are those of things that "
        "move; *edges* are within two pixels of a step in depth."
    )


def _seeds(effort: Effort) -> str:
    if effort.seeds == 1:
        return "one seed"
    return f"{effort.seeds} seeds where a row has its standard deviation over them (±), else one"


def _depths(
    results: Sequence[Result], simple: Mapping[str, Mapping[str, Mapping[str, list[float]]]]
) -> list[str]:  # fmt: skip
    heads = [f"{part}{', scaled' if kind == 'scaled' else ''}" for kind in ("metric", "scaled") for part in PARTS]
    lines = table_head(["", *heads])
    for name, errors in simple.items():
        lines.append(_row(name, [errors]))
    for name in dict.fromkeys(result["run"] for result in results):
        lines.append(_row(name, [result["errors"] for result in results if result["run"] == name]))
    return lines


def _row(name: str, runs: Sequence[Mapping[str, Mapping[str, list[float]]]]) -> str:
    cells = []
    for kind in ("metric", "scaled"):
        for part in PARTS:
            means = [_mean(run[kind][part]) for run in runs]
            spread = f" ± {np.std(means):.3f}" if len(means) > 1 else ""
            cells.append(f"{np.mean(means):.3f}{spread}" if np.isfinite(means).all() else "")
    return f"| {name} | {' | '.join(cells)} |"


def _mean(values: Iterable[float]) -> float:
    kept = [value for value in values if np.isfinite(value)]
    return float(np.mean(kept)) if kept else float("nan")


def _masks(results: Sequence[Result]) -> list[str]:
    tables = [result["masks"] for result in results if result.get("masks")]
    if not tables:
        return []
    lines = table_head(["mask", "IoU", "precision", "recall"])
    for name in tables[0]:
        found = [[table[name][key] for table in tables] for key in ("iou", "precision", "recall")]
        lines.append(f"| {name} | {' | '.join(map(_mask_cell, found))} |")
    return lines


def _mask_cell(values: Sequence[float]) -> str:
    if not np.isfinite(values).all():
        return "none found"
    return f"{np.mean(values):.2f}" + (f" ± {np.std(values):.2f}" if len(values) > 1 else "")
