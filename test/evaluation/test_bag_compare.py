"""Two evaluations side by side: equal ones, one frame's difference, a real change, other recordings."""

from __future__ import annotations

import json

import commands
import numpy as np
import pytest

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.bags.compare import compare, pair_frames, read_evaluation
from depth_prompt_ros.evaluation.bags.regions import regions_of
from depth_prompt_ros.evaluation.bags.sums import SUM_NAMES, score_regions

FRAMES = 40


def evaluation(camera, worse=(), by=0.03, digest="a", frames=range(FRAMES)):
    """Depth of a plane, 10 mm off on average, ``by`` metres farther off in the frames ``worse``."""
    lines, labels = [], np.zeros((12, 16), np.uint16)
    labels[3:8, 4:9] = 1
    for number in frames:
        random = np.random.default_rng(number)
        truth = np.full((12, 16), 1.0, np.float32)
        answer = truth + random.normal(0.01, 0.002, truth.shape).astype(np.float32)
        answer += np.float32(by * (number in worse))
        regions = regions_of(truth, labels == 2, labels)
        sums = score_regions(answer, truth, {name: m for name, m in regions.items() if m.any()}, camera)
        lines.append({"number": number, "sums": {"ours": {name: s.numbers() for name, s in sums.items()}}})
    return {
        "format": "depth_prompt_ros evaluation of recordings, 1",
        "sum_names": list(SUM_NAMES),
        "bags": [{"name": f"bag_{digest}", "input": {"bag": digest}, "frames": lines}],
    }


@pytest.fixture
def camera():
    from bags import CAMERA

    return CAMERA


def by_metric(first, second, region="all", **options):
    return {each.metric: each for each in compare(pair_frames(first, second), **options) if each.region == region}


def test_equal_runs_are_the_same(camera):
    found = list(compare(pair_frames(evaluation(camera), evaluation(camera))))
    assert {each.verdict for each in found} == {"same"}
    assert {each.region for each in found} == {"all", "other", "edges", "targets"}
    assert not any(each.regression for each in found)
    assert all(each.low == each.high == 0 for each in found)


def test_one_frames_difference_is_open(camera):
    found = by_metric(evaluation(camera), evaluation(camera, worse={7}))
    assert found["mae"].verdict == found["rmse"].verdict == "open"
    assert found["mae"].second - found["mae"].first == pytest.approx(30 / FRAMES, rel=1e-4)
    assert found["mae"].low == 0 < found["mae"].high
    assert found["coverage"].verdict == "same"
    assert not found["mae"].regression


def test_what_is_worse_everywhere_is_a_regression_past_the_threshold_only(camera):
    first, second = evaluation(camera), evaluation(camera, worse=range(FRAMES), by=0.001)
    found = by_metric(first, second)
    assert found["mae"].verdict == "worse"
    assert found["mae"].regression
    assert (found["mae"].low, found["mae"].high) == pytest.approx((1, 1), rel=1e-3)
    assert not by_metric(first, second, threshold=0.5)["mae"].regression
    assert by_metric(second, first)["mae"].verdict == "better"


def test_few_frames_decide_nothing(camera):
    first, second = (evaluation(camera, worse=worse, frames=range(8)) for worse in ((), range(8)))
    assert by_metric(first, second)["mae"].verdict == "open"  # four blocks of two frames
    first, second = (evaluation(camera, worse=worse, frames=range(12)) for worse in ((), range(12)))
    assert by_metric(first, second)["mae"].verdict == "worse"


def test_neighbours_that_err_together_widen_the_interval(camera):
    """Eight bad frames in a row say less than eight spread ones."""
    first = evaluation(camera)
    row = by_metric(first, evaluation(camera, worse=range(8)))["mae"]
    spread = by_metric(first, evaluation(camera, worse=range(0, FRAMES, 5)))["mae"]
    assert row.second == pytest.approx(spread.second)
    assert row.high - row.low > 1.3 * (spread.high - spread.low)


def test_frames_of_one_alone_are_left_out(camera):
    paired = pair_frames(evaluation(camera), evaluation(camera, frames=range(5, FRAMES)))
    assert (paired.frames, paired.alone) == (FRAMES - 5, (5, 0))
    with pytest.raises(BadInput, match="share no frame"):
        pair_frames(evaluation(camera, frames=range(3)), evaluation(camera, frames=range(5, 9)))


def test_the_command(tmp_path, camera, monkeypatch, capsys):
    files = {
        "was": evaluation(camera),
        "one": evaluation(camera, worse={7}),
        "worse": evaluation(camera, worse=range(FRAMES)),
        "other": evaluation(camera, digest="b"),
        "old": {**evaluation(camera), "sum_names": ["pixels"]},
        "no": {"bags": []},
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))

    def run(name):
        code = commands.run(monkeypatch, ["compare", str(tmp_path / "was"), str(tmp_path / name)])
        return code, capsys.readouterr()

    assert run("was")[0] == 0
    code, said = run("one")
    assert code == 0
    assert "regressions past 2 %: 0" in said.out
    assert "--every lists the figures" in said.out
    code, said = run("worse")
    assert code == 1
    assert "worse, a regression" in said.out
    code, said = run("other")
    assert code == 2
    assert "only the first has bag_a, only the second bag_b" in said.err
    assert len(said.err.splitlines()) == 1
    assert "another version" in run("old")[1].err
    assert "cannot read" in run("no")[1].err
    assert run("missing")[0] == 2
    assert read_evaluation(tmp_path / "was")["bags"]
