"""Nodes that are started with a bad parameter file: they stay, say why they cannot be configured, and can be mended."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import rclpy
from live import Live, succeeded

from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.ros.nodes.object_depth import ObjectDepthNode
from depth_prompt_ros.ros.parameter_files import beside, parameter_folders

OVERRIDES = getattr(rclpy, "OVERRIDES", {})
"""Of the stand-in, which reads no arguments."""


@pytest.fixture
def started():
    """A node started with these values."""
    running = []

    def start(**values):
        named = {name.replace("__", "."): value for name, value in values.items()}
        OVERRIDES.update(named)
        given = [text for name, value in named.items() for text in ("-p", f"{name}:={json.dumps(value)}")]
        running.append(Live(ObjectDepthNode, arguments=("--ros-args", *given)))
        return running[0].__enter__()

    yield start
    for live in running:
        live.__exit__()
    OVERRIDES.clear()


@pytest.mark.parametrize(
    ("values", "said", "mend"),
    [
        ({"stereo__block_size": 400}, "stereo.block_size: 400 was given, .*out of range", ("stereo.block_size", 5)),
        ({"stereo__block_size": 2.5}, "stereo.block_size: 2.5 was given, .*type", ("stereo.block_size", 5)),
        ({"rectified": "yes"}, "rectified: Input should be 'auto', 'true' or 'false'", ("rectified", True)),
        ({"segmentation__method": "magic"}, "segmentation.method: Input should be", ("segmentation.method", "labels")),
        ({"stereo__nonsense": 1}, "stereo.nonsense: there is no such parameter", None),
    ],
)
def test_what_a_replay_refuses_is_refused_at_configure_and_the_node_stays(
    started, caplog, capfd, values, said, mend
) -> None:
    live = started(**values)
    assert str(getattr(answer := live.node.trigger_configure(), "name", answer)).lower() == "failure"
    log = caplog.text + capfd.readouterr().err  # rclpy writes past Python
    assert "cannot configure: bad parameters" in log
    assert re.search(said, log)
    if mend:
        assert live.set(*mend).successful
        live.start(segmentation__method="labels", topics__labels="labels", device="cpu")


def test_whole_numbers_are_taken_where_others_are_meant(started) -> None:
    live = started(sync__tolerance=1, merge__agreement=0.07, use_sim_time=True, segmentation__target_point=[3.0, 4.0])
    live.start(segmentation__method="labels", topics__labels="labels", device="cpu")
    assert live.node.settings.sync.tolerance == 1.0
    assert live.node.settings.merge.agreement == 0.07
    assert live.node.settings.segmentation.target_point == (3.0, 4.0)


def test_files_are_relative_to_the_parameter_file_that_the_node_was_started_with(
    started, tmp_path, monkeypatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "graph.onnx").write_bytes(resource_path("models/object_depth.onnx").read_bytes())
    given = ["--ros-args", "--params-file", str(tmp_path / "mine" / "object_depth.yaml")]
    monkeypatch.setattr(sys, "argv", ["object_depth_node", *given])
    live = started(prompted_depth__graph="graph.onnx")
    live.start(segmentation__method="labels", topics__labels="labels", device="cpu")
    assert live.node.settings.prompted_depth.graph == str(tmp_path / "mine" / "graph.onnx")
    assert live.node.settings.tom.onnx == ""


def test_the_last_parameter_file_counts_most_and_other_arguments_not(tmp_path) -> None:
    files = [tmp_path / name / "p.yaml" for name in ("first", "second")]
    words = ["node", "--params-file", "/not/ours.yaml", "--ros-args", "-p", "x:=1"]
    words += [word for file in files for word in ("--params-file", str(file))] + ["--", "--params-file", "/after.yaml"]
    folders = parameter_folders(words)
    assert folders == [tmp_path / "second", tmp_path / "first"]
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "both.onnx").touch()
    (tmp_path / "first" / "one.onnx").touch()
    assert beside(folders, Path("both.onnx")) == tmp_path / "second" / "both.onnx"
    assert beside(folders, Path("one.onnx")) == tmp_path / "first" / "one.onnx"
    for path in (Path("none.onnx"), Path("models/things.onnx"), tmp_path / "none.onnx"):
        assert beside(folders, path) == path


@pytest.mark.skipif(hasattr(rclpy, "OVERRIDES"), reason="the stand-in overrides no QoS")
def test_a_picture_s_qos_that_cannot_be_is_said_on_activation_and_the_node_stays() -> None:
    override = "qos_overrides./left/image_rect.subscription.reliability:=sometimes"
    with Live(ObjectDepthNode, arguments=("--ros-args", "-p", override)) as live:
        live.listen("depth")
        succeeded(live.node.trigger_configure())
        assert str(getattr(live.node.trigger_activate(), "name", "")).lower() == "failure"
        assert live.node.inputs is None
        succeeded(live.node.trigger_cleanup())
