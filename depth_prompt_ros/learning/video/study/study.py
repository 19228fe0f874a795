"""Run the study, or what is missing of it, and write its page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from depth_prompt_ros.data.rendering.workspaces import Motion
from depth_prompt_ros.learning.video.study.execute import RESULT, Errors, execute, simple_rows
from depth_prompt_ros.learning.video.study.plan import Effort, runs
from depth_prompt_ros.learning.video.study.real import real_rows
from depth_prompt_ros.learning.video.study.real_learning import learn_found, learn_neighbours
from depth_prompt_ros.learning.video.study.tables import page
from depth_prompt_ros.written_aside import write_text

SPLIT = 0.667
"""Share of a real video that is learned from."""

_REAL: dict[str, Callable[[Path, Path], None]] = {
    "colour": lambda folder, out: learn_neighbours(folder, out, SPLIT, False),
    "found": lambda folder, out: learn_found(folder, out, SPLIT),
    "poses": lambda folder, out: learn_neighbours(folder, out, SPLIT, True),
}
"""What is learned from a real video, by the names of :data:`depth_prompt_ros.learning.video.study.real.LEARNED`."""


def study_video(
    effort: Effort,
    out: Path,
    results: Path,
    real: Path | None = None,
    learns: bool = True,
    report: Callable[[str], None] = lambda _: None,
) -> None:
    """Learn all runs that have no result yet, then write the page ``results`` from those that have.

    Args:
        out: folder of runs.
        real: folder of a real video with depth; None: no such table.
        learns: False: write the page from what is there.
        report: told what is done.
    """
    planned = list(runs(effort))
    done = sum((out / run.folder / RESULT).exists() for run in planned)
    report(f"{done} of {len(planned)} runs are done, {len(planned) - done} are left")
    for number, run in enumerate(planned if learns else [], start=1):
        report(f"{number} of {len(planned)}: {run.folder}")
        execute(run, effort, out)
    found: list[dict[str, Any]] = []
    missing = []
    for run in planned:
        path = out / run.folder / RESULT
        if path.exists():
            found.append(json.loads(path.read_text()))
        else:
            missing.append(run.folder)
    weights = {}
    for kind, learn in _REAL.items():
        path = out / "real" / f"{kind}.safetensors"
        if learns and real is not None and not path.exists():
            report(f"real/{kind}")
            learn(real, path)
        if path.exists():
            weights[kind] = path
        elif real is not None:
            missing.append(f"real/{kind}")
    motions: tuple[Motion, ...] = ("bound", "random")
    there = [motion for motion in motions if any(each["motion"] == motion for each in found)]
    simple: dict[str, dict[str, dict[str, Errors]]] = {motion: simple_rows(motion, effort) for motion in there}
    rows = real_rows(real, SPLIT, weights) if real is not None else []
    notes = [f"Not run: {', '.join(missing)}."] if missing else []
    text = page(found, simple, rows, effort, notes)
    write_text(results, text)
