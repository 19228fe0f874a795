"""The study of video: a run leaves a result and is done, and the page says what came out and what is missing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open3d")

from depth_prompt_ros.evaluation.video.errors import DepthErrors
from depth_prompt_ros.learning.video.study import execute
from depth_prompt_ros.learning.video.study.plan import ROWS, Effort, Run, runs
from depth_prompt_ros.learning.video.study.real import RealRow
from depth_prompt_ros.learning.video.study.tables import page

EFFORT = Effort(train=1, test=1, steps=2, batch=1, width=0.05, levels=3, crop=(32, 48), planes=5)


def test_a_run_is_learned_once_and_has_errors_by_part_and_masks(tmp_path, monkeypatch) -> None:
    torch.set_num_threads(1)
    whole = execute.clips
    monkeypatch.setattr(execute, "clips", lambda *which: tuple(clip[:4] for clip in whole(*which)))
    found = execute.execute(Run(ROWS[0], "bound", 0), EFFORT, tmp_path)
    assert all(
        np.isfinite(found["errors"][kind][part]).all() for kind in ("metric", "scaled") for part in ("all", "moving")
    )
    assert set(found["masks"]) == set(execute.MASKS)
    assert set(found["elsewhere"]) == {"SPIMO masks", "true masks"}
    assert found["growth"]["enlarged"] > 1 and np.isfinite(found["growth"]["disparity"])
    assert found["masks"]["geometric, depth camera"]["precision"] > 0.7
    before = (tmp_path / "bound/stage-1-0/learned.safetensors").stat().st_mtime_ns
    assert execute.execute(Run(ROWS[0], "bound", 0), EFFORT, tmp_path) == json.loads(json.dumps(found))
    assert (tmp_path / "bound/stage-1-0/learned.safetensors").stat().st_mtime_ns == before
    second = execute.execute(Run(ROWS[2], "bound", 0), EFFORT, tmp_path)
    assert second["run"] == "true masks (bound)" and "masks" not in second and "growth" not in second
    assert (tmp_path / "bound/true-masks--bound--0/learned-stage1.safetensors").exists()


def test_every_row_is_planned_where_motion_goes_with_the_place_and_seeds_differ() -> None:
    planned = list(runs(Effort(seeds=2)))
    assert len({run.folder for run in planned}) == len(planned) == 2 * (len(ROWS) + 3)
    assert {run.row.name for run in planned if run.motion == "random"} == {row.name for row in ROWS[:3]}
    again = [run for run in runs(Effort(seeds=2, first=2)) if run.seed == 1]
    assert [(run.row.name, run.motion) for run in again] == [
        ("stage 1", "bound"), ("SPIMO masks", "bound"), ("stage 1", "random"), ("SPIMO masks", "random"),
    ]  # fmt: skip
    fixed = EFFORT.learning(**ROWS[3].changes)
    assert (fixed.network.head, fixed.network.levels, fixed.planes) == ("levels", 33, 33)


def test_the_page_holds_rows_intervals_and_what_is_missing() -> None:
    def result(name: str, moving: float, masks: bool = False, seed: int = 0) -> dict:
        errors = {
            kind: {part: [moving, moving + 0.1] for part in ("all", "static", "moving", "edges")}
            for kind in ("metric", "scaled")
        }
        nothing = {"iou": 0.0, "precision": float("nan"), "recall": 0.0}
        figures = {"SPIMO": {"iou": 0.52, "precision": 0.6, "recall": 0.8}, "auto-mask": nothing} if masks else None
        growth = {"enlarged": 2.0, "disparity": 1.9} if masks else None
        return {"run": name, "motion": "bound", "seed": seed, "errors": errors, "masks": figures, "growth": growth}

    stage = result("stage 1", 0.4, True)
    stage["elsewhere"] = {"SPIMO masks": result("", 0.1)["errors"], "true masks": result("", 0.05)["errors"]}
    results = [stage, result("true masks (bound)", 0.2), result("SPIMO masks", 0.25)]
    real = [
        RealRow("constant", (DepthErrors(0.3, 0, 1, 1, 0, 0, 0),) * 3),
        RealRow("learned from colour", (DepthErrors(0.25, 0, 1, 1, 0, 0, 0),) * 3),
    ]
    simple = {"bound": {"constant": result("", 0.9)["errors"]}}
    text = page(results, simple, real, EFFORT, ["Not run: x."])
    assert "- Not run: x." in text and "`depth-prompt study video --steps 2 --width 0.05`" in text
    assert "| SPIMO | 0.52 | 0.60 | 0.80 |" in text and "| auto-mask | 0.00 | none found | 0.00 |" in text
    assert "| constant | 0.950 |" in text and "| stage 1 | 0.450 |" in text
    assert "true masks (bound): moving pixels' error -44 % against stage 1" in text
    assert "SPIMO masks: moving pixels' error -33 % against stage 1" in text and "75 % of the true masks' gain" in text
    assert "| stage 1, what moves seen elsewhere: true masks | 0.100 |" in text
    assert "86 % of the true masks' gain" in text
    assert "stage 1: static disparity grows 1.90 times where the picture is 2.00 times larger" in text
    assert "learned from colour less constant: -0.050 abs rel, 95 % interval over frames -0.050 to -0.050" in text
    again = page([*results, result("stage 1", 1.4, True, seed=1)], simple, real, replace(EFFORT, seeds=2), [])
    assert "| stage 1 | 0.950 ± 0.500 |" in again and "| SPIMO | 0.52 ± 0.00 | 0.60 ± 0.00 | 0.80 ± 0.00 |" in again
    assert "2 seeds where a row has its standard deviation" in again and "one seed." in text
    assert "true masks (bound): moving pixels' error -44 % against stage 1" in again  # over the seed that both have
