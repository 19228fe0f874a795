"""What depth-prompt view writes for Rerun, read back by Rerun itself."""

from __future__ import annotations

import resource
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
from depth_prompt_ros.view.layout import middle
from depth_prompt_ros.view.shown import Shown
from depth_prompt_ros.view.sources import frames_of
from depth_prompt_ros.view.viewer import viewer


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
    assert set(live[0].images) - set(written[0].images) == {"picture"}
    for before, after in zip(live, written, strict=True):
        assert before.lines == after.lines
        for name in ("merged", "labels", "tom", "provenance", "belief"):
            np.testing.assert_array_equal(before.images[name], after.images[name])
        assert before.camera.fx == after.camera.fx
        known = np.isfinite(before.images["measured"])
        np.testing.assert_array_equal(known, np.isfinite(after.images["measured"]))
        np.testing.assert_allclose(before.images["measured"][known], after.images["measured"][known], rtol=1e-5)
    assert live[0].lines[0].startswith("target 1: inside, ")


def test_what_run_wrote_is_shown(view, tmp_path) -> None:
    answer = ObjectDepth()(view.left, right=view.right, camera=TABLETOP_CAMERA, labels=view.labels)
    answer.save(tmp_path / "answers" / "one")
    for path in (tmp_path / "answers", tmp_path / "answers" / "one"):
        (shown,) = frames_of(path, Parameters())
        np.testing.assert_array_equal(shown.images["merged"], answer.depth)
        assert (shown.name, shown.stamp_ns) == ("one", None)
        assert len(shown.lines) == len(answer.targets) > 0
        np.testing.assert_array_equal(shown.images["labels"], answer.labels)


ENTITIES = (
    "/camera/picture", "/camera/labels", "/camera/measured", "/camera/merged", "/camera/provenance", "/points/measured",
    "/camera/merged/unknown", "/points/merged", "/targets",
)  # fmt: skip


def printed(path) -> str:
    """What Rerun itself finds in a recording."""
    words = [sys.executable, "-m", "rerun", "rrd", "print", str(path)]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=300).stdout


def test_the_command_writes_a_recording_that_rerun_reads(bag, tmp_path, monkeypatch, capsys) -> None:
    out = tmp_path / "out.rrd"
    assert commands.run(monkeypatch, ["view", str(bag), "--save", str(out), "--frames", "1"]) == 0
    assert f"1 frame in {out}: open it with rerun {out}" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.rrd"]
    found = printed(out)
    for name in ENTITIES:
        assert f" {name} " in found, found
    assert "log_time" not in found
    assert "Blueprint," in found


def test_a_replay_is_seen_while_it_is_made(bag, tmp_path, monkeypatch, capsys) -> None:
    out, seen = tmp_path / "out", tmp_path / "seen.rrd"
    assert commands.run(monkeypatch, ["replay", str(bag), "-o", str(out), "--view", "--save", str(seen)]) == 0
    said = capsys.readouterr().out
    assert f"2 frames in {seen}" in said
    assert f"-> {out}" in said
    assert len(list(frames_of(out, Parameters()))) == 2
    found = printed(seen)
    for name in ENTITIES:
        assert found.count(f" {name} ") >= 2, name


def test_a_replay_that_fails_leaves_no_recording_to_view(tmp_path, monkeypatch, capsys) -> None:
    parameters = tmp_path / "parameters.yaml"
    parameters.write_text("most_megapixels: 0.0001\n")
    bag = bags.write(tmp_path / "bag", bags.stereo_records(2))
    words = ["replay", str(bag), "-o", str(tmp_path / "out"), "--save", str(tmp_path / "seen.rrd")]
    assert commands.run(monkeypatch, [*words, "--params", str(parameters)]) == 2
    assert "no frame of" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bag", "parameters.yaml"]


def test_only_one_recording_is_viewed_while_it_is_replayed(bag, tmp_path, monkeypatch, capsys) -> None:
    assert commands.run(monkeypatch, ["replay", str(bag), str(bag), "-o", str(tmp_path / "out"), "--view"]) == 2
    assert "--view shows one recording" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_clouds_are_turned_around_the_targets_in_metres(view) -> None:
    images = {"merged": view.depth, "labels": view.labels}
    points = TABLETOP_CAMERA.back_project(view.depth)[(view.labels > 0) & np.isfinite(view.depth)]
    found = middle(Shown(None, TABLETOP_CAMERA, images))
    np.testing.assert_allclose(found, np.median(points, axis=0), atol=1e-6)
    nothing = {"merged": np.full_like(view.depth, np.nan)}
    np.testing.assert_array_equal(middle(Shown(None, TABLETOP_CAMERA, nothing)), [0, 0, 1])


def test_without_a_display_it_says_what_to_do(bag, monkeypatch, capsys, tmp_path) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for words in (["view", str(bag)], ["replay", str(bag), "-o", str(tmp_path / "out"), "--view"]):
        assert commands.run(monkeypatch, words) == 2
        assert "give --save FILE.rrd" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(BadInput, match="there is no folder"), viewer("x", tmp_path / "none" / "x.rrd"):
        pass


def test_a_recording_that_does_not_fit_is_refused_and_not_left_half(view, tmp_path) -> None:
    image = np.random.default_rng(0).integers(0, 256, view.left.shape).astype(np.uint8)
    shown = Shown(None, TABLETOP_CAMERA, {"picture": image, "merged": view.depth})

    def show() -> None:
        with viewer("x", tmp_path / "x.rrd") as shows:
            for _ in range(3):
                shows.show(shown)

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(BadInput, match="cannot write .*x.rrd .*make room"):
            show()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_nothing_to_show_is_said_with_the_reason(tmp_path) -> None:
    bag = bags.write(tmp_path / "bag", bags.stereo_records(2))
    with pytest.raises(BadInput, match=r"no frame of .*bag can be shown: .*depth-prompt doctor"):
        list(frames_of(bag, Parameters.checked({"most_megapixels": 0.0001}, "the test")))
