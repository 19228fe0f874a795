"""Crops that metric prompts learn from, and learning one on a few rendered tables."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open3d")

from depth_prompt_ros.cli import main as command
from depth_prompt_ros.data.sets.crop_set import CropSet
from depth_prompt_ros.data.sets.table_set import TableSet, open_or_render_tables
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.learning.metric.crops import WAYS, cut, open_or_cut, target_window
from depth_prompt_ros.learning.metric.learn import calibrated, learn_metric, load_crops, look, metric_losses
from depth_prompt_ros.learning.trainer import Schedule
from depth_prompt_ros.networks.prompted import load_prompted, new_metric_prompt
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime.tensorrt.engine_file import file_sha256
from depth_prompt_ros.stages.metric_inputs import METRIC_INPUTS
from depth_prompt_ros.stages.prompted_depth import GRAPH_INPUTS
from depth_prompt_ros.work.run import Where

PROMPT = resource_path("models/background.safetensors")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tables") / "set"
    open_or_render_tables(folder, 5, (210, 280), seed=5, where=Where(1))
    return folder


@pytest.fixture(scope="module")
def crops(tables, tmp_path_factory) -> CropSet:
    return open_or_cut(tmp_path_factory.mktemp("crops") / "set", [tables], 24, 160, 3, where=Where(1))


def test_a_crop_is_what_the_pipeline_would_have_cut(tables) -> None:
    opened, ways, left = TableSet.open(tables), set(), {}
    for seed in range(70):
        sample = cut(np.random.default_rng(seed), opened, seed % len(opened), 160)
        if sample is None:
            continue
        assert set(sample.inputs) == {*GRAPH_INPUTS, *METRIC_INPUTS}
        inside = sample.inputs["mask"][0, 0] > 0
        measured = sample.inputs["measured"][0, 0] * cv_eroded(inside)
        left.setdefault(WAYS[sample.way], []).append(bool(measured.any()))
        if not measured.any():  # what it is scaled to is its block
            both = inside & (sample.inputs["trusted"][0, 0] > 0)
            np.testing.assert_array_equal(sample.inputs["trusted"][0, 0][both], sample.inputs["block"][0, 0][both])
        elif (sample.inputs["trusted"] != sample.inputs["block"]).any():  # measured: what the sensor makes of the truth
            known = (sample.inputs["trusted"][0, 0] > 0) & (sample.truth > 0)
            off = np.abs(sample.truth[known] / sample.inputs["trusted"][0, 0][known] - 1)
            assert not known.any() or np.median(off) < 0.05
        assert 0 < np.count_nonzero(sample.truth) < sample.truth.size
        ways.add(sample.way)
    assert {WAYS[way] for way in ways} >= {"whole", "side", "blobs"}
    assert not any(left["whole"])
    assert np.mean(left["side"] + left["blobs"]) > 0.85  # of some the sensor has nothing, or nothing that is believed


def test_the_picture_cuts_off_part_of_some_targets_on_every_side() -> None:
    mask = np.zeros((200, 300), np.bool_)
    mask[80:140, 100:180] = True
    lost = {"above": 0.0, "below": 0.0, "left": 0.0, "right": 0.0}
    whole = 0
    for seed in range(300):
        rows, columns = target_window(np.random.default_rng(seed), mask)
        left = mask[rows, columns].sum() / mask.sum()
        whole += left == 1
        assert left >= 0.49
        gone = {
            "above": rows.start > 0, "below": rows.stop < 200, "left": columns.start > 0, "right": columns.stop < 300,
        }  # fmt: skip
        assert sum(gone.values()) == (left < 1)
        for side, there in gone.items():
            lost[side] = max(lost[side], (1 - left) * there)
    assert 0.65 < whole / 300 < 0.85
    assert min(lost.values()) > 0.25


def cv_eroded(mask: np.ndarray) -> np.ndarray:
    """The mask without its rim, where nearest pixels of what is beside it may be."""
    import cv2

    return cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8))


def test_a_set_is_of_its_seed_and_no_other_is_taken_for_it(tables, crops, tmp_path) -> None:
    again = open_or_cut(tmp_path / "again", [tables], 24, 160, 3, where=Where(1))
    for name in ("images", "trusted", "truth", "scalars"):
        np.testing.assert_array_equal(getattr(again, name), getattr(crops, name))
    with pytest.raises(BadInput, match="holds a set made with"):
        open_or_cut(tmp_path / "again", [tables], 24, 160, 4, where=Where(1))


def test_mirrored_crops_cost_the_same_where_nothing_was_learned(crops) -> None:
    """The correction is zero: what is left is the frozen network's own shape, whose error a mirror hardly changes."""
    network = new_metric_prompt(PROMPT, "scene-net")
    some = load_crops(crops, np.arange(8), CPU)
    with torch.no_grad():
        plain, mirrored = (metric_losses(network, each)["error"] for each in (some, some.mirrored()))
    torch.testing.assert_close(mirrored, plain, rtol=0.1, atol=0)


def test_learning_leaves_a_file_whose_network_is_better_and_whose_interval_holds(crops, tmp_path) -> None:
    out = tmp_path / "metric.safetensors"
    before = {
        name: value.clone() for name, value in new_metric_prompt(PROMPT, "scene-net").network.state_dict().items()
    }
    schedule = Schedule(8, 8, 3e-3, 0, False, validate_every=8)
    figures = learn_metric(crops, crops, out, schedule, PROMPT)
    assert sum(way["crops"] for way in figures.values()) <= len(crops)
    learned, untouched = load_prompted(out, "scene-net"), new_metric_prompt(PROMPT, "scene-net")
    found, own = (np.mean([row.error for row in look(each, crops, CPU)]) for each in (learned, untouched))
    assert found < own
    held = np.mean([row.held for row in look(learned, crops, CPU)])
    assert 0.85 < held < 0.95  # calibrated on these very crops
    assert calibrated(learned, crops, CPU) == pytest.approx(learned.interval, rel=0.02)
    for name, value in learned.network.state_dict().items():
        assert torch.equal(value, before[name]), name
    with pytest.raises(BadModel, match="without a metric prompt"):
        learn_metric(crops, crops, tmp_path / "b.safetensors", schedule, PROMPT, start=PROMPT)


def test_the_mean_of_what_is_learned_and_another_prompt_is_calibrated_anew(crops, tmp_path) -> None:
    """What is learned is what was started from here, for the rate is next to nothing."""
    out, shipped = tmp_path / "mean.safetensors", resource_path("models/metric.safetensors")
    learn_metric(crops, crops, out, Schedule(1, 2, 1e-12, 0, False, validate_every=1), PROMPT, average=shipped)
    torch.manual_seed(0)
    first = dict(new_metric_prompt(PROMPT, "scene-net").metric.named_parameters())
    other, network = load_prompted(shipped, "scene-net"), load_prompted(out, "scene-net")
    others = dict(other.metric.named_parameters())
    for name, value in network.metric.named_parameters():
        torch.testing.assert_close(value, (first[name] + others[name]) / 2, rtol=1e-4, atol=1e-6)
    assert calibrated(network, crops, CPU) == pytest.approx(network.interval, rel=0.02)
    assert json.loads(out.with_suffix(".json").read_text())["averaged_with"] == file_sha256(shipped)


def test_the_command_cuts_crops_and_learns(tables, tmp_path, monkeypatch, capsys) -> None:
    out = tmp_path / "metric.safetensors"
    arguments = ["learn", "metric", str(tables), "--validation", str(tables), "--out", str(out)]
    arguments += ["--cache", str(tmp_path / "crops"), "--crops", "8", "--test-crops", "6"]
    arguments += ["--steps", "2", "--batch", "4", "--validate-every", "2"]
    monkeypatch.setattr(sys, "argv", ["depth-prompt", *arguments])
    with pytest.raises(SystemExit) as end:
        command.main()
    assert not end.value.code
    assert "rmse_mm" in capsys.readouterr().out
    assert (tmp_path / "metric.json").exists()


def test_crops_of_another_size_are_refused(tables, tmp_path) -> None:
    small = open_or_cut(tmp_path / "small", [tables], 2, 96, 1, where=Where(1))
    with pytest.raises(BadInput, match="96 pixels wide"):
        learn_metric(small, small, tmp_path / "x.safetensors", Schedule(1, 2, 1e-3), PROMPT)
