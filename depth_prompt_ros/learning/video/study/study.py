"""Run the study, or what is missing of it, and write its page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from depth_prompt_ros.data.readers.video_folder import Part, VideoFolder
from depth_prompt_ros.data.rendering.workspaces import Motion
from depth_prompt_ros.data.sets.video import SpanRules, gather
from depth_prompt_ros.learning.trainer import Schedule
from depth_prompt_ros.learning.video.learn import Told, learn_video
from depth_prompt_ros.learning.video.objective import VideoLearning
from depth_prompt_ros.learning.video.samples import Cuts, VideoSet
from depth_prompt_ros.learning.video.study.execute import RESULT, Errors, execute, simple_rows
from depth_prompt_ros.learning.video.study.plan import Effort, runs
from depth_prompt_ros.learning.video.study.real import real_rows
from depth_prompt_ros.learning.video.study.tables import page
from depth_prompt_ros.networks.video.depth_net import VideoSettings
from depth_prompt_ros.written_aside import write_text

SPLIT = 0.667
"""Share of a real video that is learned from."""

_REAL = Schedule(500, 4, 2e-4, 0, False, "halved")


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
    weights: dict[str, Path | None] = {"colour": None, "poses": None}
    if real is not None:
        for kind in weights:
            path = out / "real" / f"{kind}.safetensors"
            if learns and not path.exists():
                report(f"real/{kind}")
                _learn_real(real, path, kind == "poses")
            weights[kind] = path if path.exists() else None
    motions: tuple[Motion, ...] = ("bound", "random")
    there = [motion for motion in motions if any(each["motion"] == motion for each in found)]
    simple: dict[str, dict[str, dict[str, Errors]]] = {motion: simple_rows(motion, effort) for motion in there}
    rows = real_rows(real, SPLIT, weights["colour"], weights["poses"]) if real is not None else []
    notes = [f"Not run: {', '.join(missing)}."] if missing else []
    text = page(found, simple, rows, effort, notes)
    write_text(results, text)


def _learn_real(folder: Path, out: Path, poses: bool) -> None:
    """A quarter of the width; nothing moves there: one stage."""
    step, planes = 2, 17
    source = VideoFolder(folder, Part(0.0, SPLIT), poses)
    spans, left_out = gather([source], SpanRules(step=step), 320)
    ends = (0.15, 3.0) if poses else (0.005, 0.3)
    network = VideoSettings("adaptive", 0.25, 11, *ends)
    learning = VideoLearning(network, 0.25, Cuts((72, 96)), planes, given_motion=poses, warm_up=0.2)
    stages: Literal[1] = 1
    learn_video(
        VideoSet(spans, step), out, _REAL, learning, stages, told=Told((source.name,), tuple(left_out))
    )  # fmt: skip
