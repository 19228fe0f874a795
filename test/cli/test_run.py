"""depth-prompt run on rendered pictures, and the same options of depth-prompt replay."""

from __future__ import annotations

import json
from pathlib import Path

import bags
import commands
import cv2
import numpy as np
import pytest

pytest.importorskip("open3d")

from depth_prompt_ros.bag.messages import camera_info_message, image_message
from depth_prompt_ros.data.rendering.scenes import TABLETOP_CAMERA, render_tabletop_sequence

NUMBERS = ["--fx", "570", "--fy", "570", "--cx", "319.5", "--cy", "239.5"]
PAIR = ["left.png", "right.png", *NUMBERS, "--baseline", "0.06"]


@pytest.fixture(scope="module")
def view():
    return next(render_tabletop_sequence(frames=1, seed=4))


@pytest.fixture
def folder(view, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, array in (("left", view.left), ("right", view.right)):
        cv2.imwrite(f"{name}.png", array[..., ::-1])
    cv2.imwrite("depth.png", np.nan_to_num(view.depth * 1000).astype(np.uint16))
    cv2.imwrite("labels.png", view.labels)
    cv2.imwrite("glass.png", view.tom.astype(np.uint8) * 255)
    return tmp_path


def box_of(view, label: int) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(view.labels == label)
    return columns.min() - 4, rows.min() - 4, np.ptp(columns) + 8, np.ptp(rows) + 8


def test_a_pair_becomes_a_folder_of_files_and_what_was_found_is_printed(folder, monkeypatch, capsys) -> None:
    assert commands.run(monkeypatch, ["run", *PAIR, "--labels", "labels.png", "--tom", "glass.png", "-o", "out"]) == 0
    said = capsys.readouterr().out
    assert "were measured" in said
    assert "see out/overview.png, out/scene.ply" in said
    assert "support" in said
    assert {"scene.ply", "target_1.ply", "depth.png", "overview.png"} <= {path.name for path in Path("out").iterdir()}
    assert len(json.loads(Path("out/targets.json").read_text())["targets"]) == 6


def test_the_offset_of_the_principal_points_brings_everything_nearer(folder, monkeypatch) -> None:
    for name, more in (("none", []), ("some", ["--cx-offset", "8"])):
        assert commands.run(monkeypatch, ["run", *PAIR, "--labels", "labels.png", *more, "-o", name]) == 0
    far, near = (np.load(f"{name}/answer.npz")["measured"] for name in ("none", "some"))
    both = np.isfinite(far) & np.isfinite(near)
    np.testing.assert_allclose(1 / near[both] - 1 / far[both], 8 / (570 * 0.06), atol=0.02)


def test_one_target_in_a_picture_with_depth(view, folder, monkeypatch, capsys) -> None:
    box = ",".join(map(str, box_of(view, 1)))
    assert commands.run(monkeypatch, ["run", "left.png", "--depth", "depth.png", *NUMBERS, "--box", box]) == 0
    targets = json.loads(Path("depth-prompt-out/targets.json").read_text())["targets"]
    assert [target["label"] for target in targets] == [1]
    assert targets[0]["distance"] == pytest.approx(np.median(view.depth[view.labels == 1]), rel=0.05)


def test_folders_go_by_name_and_one_bad_picture_costs_itself_alone(view, folder, monkeypatch, capsys) -> None:
    for name in ("lefts", "rights", "masks"):
        Path(name).mkdir()
    for number in ("000", "001", "002"):
        cv2.imwrite(f"lefts/{number}.jpg", view.left[..., ::-1])
        cv2.imwrite(f"rights/{number}.png", view.right[..., ::-1])
        cv2.imwrite(f"masks/{number}.png", view.labels)
    Path("rights/001.png").write_bytes(b"nothing")
    words = ["run", "lefts", "rights", *NUMBERS, "--baseline", "0.06", "--labels", "masks", "-o", "out"]
    assert commands.run(monkeypatch, words) == 2
    said = capsys.readouterr()
    assert "lefts/001.jpg: right: cannot read picture rights/001.png" in said.err
    assert "1 of 3 pictures failed" in said.err
    assert sorted(path.name for path in Path("out").iterdir()) == ["000", "002"]
    assert "out/000: depth on" in said.out


REFUSED = {
    "neither right nor depth": (["left.png", *NUMBERS], "give the right picture, or --depth"),
    "both": ([*PAIR, "--depth", "depth.png"], "give the right picture, or --depth"),
    "no camera": (["left.png", "right.png"], "give the camera once: --camera FILE, or --fx"),
    "two cameras": ([*PAIR, "--camera", "camera.yaml"], "give the camera once"),
    "half a camera": (["left.png", "right.png", "--fx", "570"], "--fy, --cx, --cy is missing"),
    "no baseline": (["left.png", "right.png", *NUMBERS], "give baseline in metres"),
    "offset beside a file": (
        ["left.png", "right.png", "--camera", "camera.yaml", "--cx-offset", "3"],
        "a camera file says cx_offset itself",
    ),
    "no right picture": (["left.png", "nothing.png", *NUMBERS], "there is no nothing.png, which was given as right"),
    "no picture": (["nothing.png", "right.png", *NUMBERS], "there is no nothing.png, which was given as picture"),
    "no labels": ([*PAIR, "--labels", "nothing.png"], "there is no nothing.png, which was given as labels"),
    "words for a box": ([*PAIR, "--box", "here"], "--box is 'here': expected numbers"),
    "box and point": ([*PAIR, "--box", "1,2,3,4", "--point", "1,2"], "given by box and point"),
    "a folder and a file": ([".", "right.png", *NUMBERS], "give two of a kind"),
    "an output that exists": ([*PAIR, "-o", "."], "output . exists already"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_one_line_and_leaves_nothing(case, folder, monkeypatch, capsys) -> None:
    before = sorted(folder.iterdir())
    words, said = REFUSED[case]
    assert commands.run(monkeypatch, ["run", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert sorted(folder.iterdir()) == before


def test_pictures_of_folders_without_a_partner_are_named(folder, monkeypatch, capsys) -> None:
    for name in ("lefts", "rights"):
        Path(name).mkdir()
    Path("lefts/7.png").write_bytes(Path("left.png").read_bytes())
    assert commands.run(monkeypatch, ["run", "lefts", "rights", *NUMBERS]) == 2
    assert "rights has no right for 7 of lefts" in capsys.readouterr().err
    Path("lefts/7.jpg").write_bytes(b"")
    assert commands.run(monkeypatch, ["run", "lefts", "rights", *NUMBERS]) == 2
    assert "lefts has 7.jpg and 7.png: which one is meant?" in capsys.readouterr().err


def records(view):
    t = bags.stamp(0)
    return [
        ("/left/image_rect", image_message(view.left, "rgb8", t, "left"), t),
        ("/right/image_rect", image_message(view.right, "rgb8", t, "right"), t),
        ("/left/camera_info", camera_info_message(TABLETOP_CAMERA, t, "left"), t),
        ("/right/camera_info", camera_info_message(TABLETOP_CAMERA, t, "right", right=True), t),
        ("/things", image_message(view.labels, "mono16", t, "left"), t),
        ("/glass", image_message(view.tom, "mono8", t, "left"), t),
    ]


def test_replay_takes_the_same_options_with_topics_for_masks(view, folder, monkeypatch, capsys) -> None:
    bags.write(folder / "in", records(view))
    box = ",".join(map(str, box_of(view, 1)))
    assert commands.run(monkeypatch, ["replay", "in", "-o", "boxed", "--box", box, "--topics", "labels"]) == 0
    words = ["replay", "in", "-o", "labelled", "--labels", "/things", "--tom", "glass", "--topics", "labels,tom_mask"]
    assert commands.run(monkeypatch, words) == 0
    (boxed,) = [content for _, _, content in bags.read_with_rosbags(folder / "boxed")]
    assert set(np.unique(boxed.data)) == {0, 1}
    found = {topic: content for topic, _, content in bags.read_with_rosbags(folder / "labelled")}
    labels = found["/object_depth/labels"].data.view(np.uint16)
    assert set(np.unique(labels)) == set(np.unique(view.labels))
    tom = found["/object_depth/tom_mask"].data.reshape(view.tom.shape) > 0
    assert (tom & view.tom).sum() > 0.8 * view.tom.sum()
    assert commands.run(monkeypatch, ["replay", "in", "-o", "no", "--box", "1,2"]) == 2
    assert "expected pixels x, y, width, height" in capsys.readouterr().err
