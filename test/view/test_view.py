"""What depth-prompt view writes for Rerun, read back by Rerun itself."""

from __future__ import annotations

import subprocess
import sys

import bags
import commands
import numpy as np
import pytest

rerun = pytest.importorskip("rerun")
pytest.importorskip("open3d")

from depth_prompt_ros import ObjectDepth
from depth_prompt_ros.bag.messages import camera_info_message, image_message
from depth_prompt_ros.bag.replay import replay
from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA, render_tabletop_sequence
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.view.shown import Viewer
from depth_prompt_ros.view.sources import frames_of


@pytest.fixture(scope="module")
def view():
    return next(render_tabletop_sequence(frames=1, seed=4))


@pytest.fixture(scope="module")
def bag(view, tmp_path_factory):
    records = []
    for number in range(2):
        t = bags.stamp(number)
        records += [
            ("/left/image_rect", image_message(view.left, "rgb8", t, "left"), t),
            ("/right/image_rect", image_message(view.right, "rgb8", t, "right"), t),
            ("/left/camera_info", camera_info_message(TABLETOP_CAMERA, t, "left"), t),
            ("/right/camera_info", camera_info_message(TABLETOP_CAMERA, t, "right", right=True), t),
        ]
    return bags.write(tmp_path_factory.mktemp("bags") / "in", records)


def test_a_cameras_bag_and_its_replay_show_the_same_depth(bag, tmp_path) -> None:
    live = list(frames_of(bag, Parameters()))
    replay(bag, tmp_path / "out", Parameters())
    written = list(frames_of(tmp_path / "out", Parameters()))
    assert [each.stamp_ns for each in live] == [each.stamp_ns for each in written] == [bags.stamp(0), bags.stamp(1)]
    assert set(live[0].images) - set(written[0].images) == {"picture", "measured"}
    for before, after in zip(live, written, strict=True):
        for name in ("depth", "labels", "tom", "provenance", "belief"):
            np.testing.assert_array_equal(before.images[name], after.images[name])
        assert before.camera.fx == after.camera.fx
    assert live[0].lines[0].startswith("target 1: ")


def test_what_run_wrote_is_shown(view, tmp_path) -> None:
    answer = ObjectDepth()(view.left, right=view.right, camera=TABLETOP_CAMERA, labels=view.labels)
    answer.save(tmp_path / "answers" / "one")
    for path in (tmp_path / "answers", tmp_path / "answers" / "one"):
        (shown,) = frames_of(path, Parameters())
        np.testing.assert_array_equal(shown.images["depth"], answer.depth)
        np.testing.assert_array_equal(shown.images["labels"], answer.labels)


def test_the_command_writes_a_recording_that_rerun_reads(bag, tmp_path, monkeypatch, capsys) -> None:
    out = tmp_path / "out.rrd"
    assert commands.run(monkeypatch, ["view", str(bag), "--save", str(out), "--frames", "1"]) == 0
    assert "1 frames in" in capsys.readouterr().out
    words = [sys.executable, "-m", "rerun", "rrd", "print", str(out)]
    printed = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300).stdout
    for name in ("/camera/picture", "/camera/provenance", "/points/measured", "/points/merged", "/targets"):
        assert name in printed, printed


def test_without_a_display_it_says_what_to_do(bag, monkeypatch, capsys, tmp_path) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert commands.run(monkeypatch, ["view", str(bag)]) == 2
    assert "give --save FILE.rrd" in capsys.readouterr().err
    with pytest.raises(BadInput, match="there is no folder"):
        Viewer("x", tmp_path / "none" / "x.rrd")


def test_nothing_to_show_is_said_with_the_reason(tmp_path) -> None:
    bag = bags.write(tmp_path / "bag", bags.stereo_records(2))
    with pytest.raises(BadInput, match=r"no frame of .*bag can be shown: .*depth-prompt doctor"):
        list(frames_of(bag, Parameters.checked({"most_megapixels": 0.0001}, "the test")))
