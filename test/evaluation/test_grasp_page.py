"""depth-prompt evaluate grasps on two small rendered tables: rows, intervals, page."""

from __future__ import annotations

import json

import commands
import numpy as np
import pytest

from depth_prompt_ros.data.rendering.tom_scenes import graspable_pair
from depth_prompt_ros.evaluation.grasps.clouds import CLOUDS, MERGED, STEREO, TRUTH
from depth_prompt_ros.evaluation.grasps.gripper import Gripper
from depth_prompt_ros.evaluation.grasps.page import page_json, write_page
from depth_prompt_ros.evaluation.grasps.rendered import (
    FOUND_MASKS,
    GIVEN_MASKS,
    RenderedScores,
    evaluate_rendered,
    rendered_scenes,
    row_name,
)
from depth_prompt_ros.evaluation.grasps.scores import KINDS, GraspSums
from depth_prompt_ros.evaluation.grasps.tables import checks, outcome_table, surface_table
from depth_prompt_ros.parameters import Parameters

GRIPPER = Gripper()
SIZE = (180, 240)


@pytest.fixture(scope="module")
def scores():
    return evaluate_rendered(2, 1, Parameters(), GRIPPER, show=1, size=SIZE)


def test_every_cloud_is_planned_on_with_masks_given_and_found(scores):
    assert list(scores.rows) == [TRUTH, *(row_name(c, m) for m in (GIVEN_MASKS, FOUND_MASKS) for c in CLOUDS)]
    targets = [[scene["all"].targets for scene in rows] for rows in scores.rows.values()]
    assert all(each == targets[0] for each in targets)  # the same things are asked for in every row
    truth = scores.rows[TRUTH]
    assert sum(scene["all"].found for scene in truth) > 0
    for scene in truth:
        sums = scene["all"]
        assert sums.coverage == pytest.approx(100 * sums.targets, abs=1e-6)
        assert (sums.outliers, sums.thickness) == (pytest.approx(0, abs=0.5), pytest.approx(0, abs=0.1))
        assert scene["tom"] + scene["opaque"] == sums


def test_the_page_has_every_row_and_a_picture(scores, tmp_path):
    page = write_page(scores, GRIPPER, tmp_path / "grasps", "depth-prompt evaluate grasps --scenes 2").read_text()
    for name in scores.rows:
        rows = page.count(f"\n| {name} |") + page.count(f"\n| **{name}** |")
        assert rows == 4  # three kinds of targets and the surfaces
    assert (tmp_path / "grasps/grasps.jpg").stat().st_size > 1000
    said = json.loads(page_json(scores, GRIPPER))
    assert said["tables"]["grasps_all"]["rows"][TRUTH]["best"] is not None
    assert len(said["scenes"][TRUTH]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grasps", "grasps.md"]


def made(best_by_row):
    """Scores of tables with one target each, whose best grasp holds or not."""
    rows = {
        name: [
            dict.fromkeys(KINDS, GraspSums(targets=1, found=1, best=int(b), holds=int(b), slips=1 - int(b)))
            for b in best
        ]
        for name, best in best_by_row.items()
    }
    return RenderedScores(0, rows)


def test_intervals_and_verdicts_are_over_tables():
    rng = np.random.default_rng(0)
    half = rng.permutation([True, False] * 50)
    names = [row_name(cloud, masks) for masks in (GIVEN_MASKS, FOUND_MASKS) for cloud in CLOUDS]
    ours = row_name(MERGED, GIVEN_MASKS)
    scores = made({name: np.ones(100, bool) if name == ours else half for name in names})
    row = next(row for row in outcome_table(scores, "all").rows if row.name == row_name(STEREO, GIVEN_MASKS))
    assert row.values["best"] == 50
    assert row.values["low"] == pytest.approx(50 - 1.96 * 5, abs=1.5)  # of a proportion: sqrt(0.5 * 0.5 / 100)
    assert row.values["high"] == pytest.approx(50 + 1.96 * 5, abs=1.5)
    words = {check.claim.split(": ")[1].split(" holds")[0]: check.word for check in checks(scores)}
    assert words["the best grasp on merged, masks given"] == "met"
    assert words["the best grasp on merged, masks found"] == "missed"
    assert surface_table(scores).rows[0].values["tom_thickness"] is None


def test_tables_are_the_same_however_many_there_are():
    first = next(rendered_scenes(1, 1, SIZE))[0]
    again, _ = list(rendered_scenes(2, 1, SIZE))
    again = again[0]
    assert np.array_equal(first.left, again.left)
    view, bodies = graspable_pair(np.random.default_rng(0), SIZE)
    things = [body for body in bodies if body.label]
    assert 2 <= len(things) <= 6
    extents = [float(np.ptp(body.mesh.vertices, axis=0).max()) for body in things]
    assert min(extents) > 0.03
    assert max(extents) < 0.17
    assert view.tom.any()


def test_a_bad_hand_is_refused(monkeypatch, capsys):
    assert commands.run(monkeypatch, ["evaluate", "grasps", "--opening", "3"]) == 2
    assert "--opening" in capsys.readouterr().err
