"""Data sets as recordings: made-up samples in the published layouts, read back."""

from __future__ import annotations

import json

import bags
import commands
import cv2
import numpy as np
import pytest

from depth_prompt_ros.bag.layouts.folders import read_cleargrasp_frames, read_scene_frames
from depth_prompt_ros.bag.layouts.tum import CAMERAS, read_tum
from depth_prompt_ros.bag.layouts.write import write_layout
from depth_prompt_ros.bag.reader import read_frames
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters

SIZE = (12, 16)
CALIBRATION = {"fx": 20.0, "fy": 21.0, "cx": 7.5, "cy": 5.5}


def picture(path, number=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), bags.picture(number)[..., ::-1])


def counts(path, value, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = np.full(size, value, np.uint16)
    content[0] = 0
    cv2.imwrite(str(path), content)


@pytest.fixture
def tum(tmp_path):
    """As published: the second picture has no depth within 20 ms."""
    folder = tmp_path / "rgbd_dataset_freiburg1_made_up"
    stamps = ("1305031453.359684", "1305031453.459684", "1305031453.559684")
    depths = ("1305031453.374112", "1305031453.404816", "1305031453.562000")
    for number, (one, two) in enumerate(zip(stamps, depths, strict=True)):
        picture(folder / f"rgb/{one}.png", number)
        counts(folder / f"depth/{two}.png", 5000 + 500 * number)
    for name, listed in (("rgb", stamps), ("depth", depths)):
        lines = [f"# {name}", "# timestamp filename", *(f"{each} {name}/{each}.png" for each in listed)]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return folder


def read_back(path):
    found = list(read_frames(path, Parameters.from_yaml(path.with_name(f"{path.name}.yaml"))))
    assert all(isinstance(each, Frame) for each in found)
    return found


def test_tum_as_published(tmp_path, tum):
    written = write_layout(tmp_path / "out", read_tum(tum))
    one, two = read_back(tmp_path / "out")
    assert (written.frames, written.options()) == (2, "")
    assert [one.stamp_ns, two.stamp_ns] == [1305031453359684000, 1305031453559684000]
    assert (one.camera.fx, one.camera.fy, one.camera.cx, one.camera.cy) == CAMERAS["freiburg1"]
    assert np.array_equal(two.image, bags.picture(2))
    assert np.isnan(two.depth[0]).all()
    assert np.all(two.depth[1:] == np.float32(1.2))


def test_numbered_pictures_with_a_calibration(tmp_path):
    folder = tmp_path / "mine"
    for number in range(3):
        picture(folder / f"rgb/{number:04d}.png", number)
        counts(folder / f"depth/{number:04d}.png", 1500)
    (folder / "calib.json").write_text(json.dumps({**CALIBRATION, "depth_units": "mm"}))
    write_layout(tmp_path / "out", read_tum(folder))
    frames = read_back(tmp_path / "out")
    assert [frame.stamp_ns for frame in frames] == [10**9, 10**9 + 33_333_333, 10**9 + 66_666_666]
    assert frames[0].camera.fy == 21
    assert frames[0].depth[5, 5] == np.float32(1.5)


def test_scenes(tmp_path):
    for number, name in enumerate(("a", "b")):
        folder = tmp_path / "scenes" / name
        picture(folder / "image.png", number)
        counts(folder / "depth.png", 700)
        counts(folder / "truth.png", 710)
        (folder / "camera.json").write_text(json.dumps(CALIBRATION))
    cv2.imwrite(str(tmp_path / "scenes/a/tom.png"), np.full(SIZE, 255, np.uint8))
    written = write_layout(tmp_path / "out", read_scene_frames(tmp_path / "scenes"))
    assert written.frames == 2
    assert written.options() == "--truth-topic /truth/depth --tom-topic /truth/tom_mask --labels-topic /labels"
    messages = [(topic, content) for topic, _, content in bags.read_with_rosbags(tmp_path / "out")]
    masks = [content.data for topic, content in messages if topic == "/truth/tom_mask"]
    assert [int(mask.max()) for mask in masks] == [255, 0]
    truths = [content.data.view(np.float32) for topic, content in messages if topic == "/truth/depth"]
    assert [float(np.nanmax(truth)) for truth in truths] == pytest.approx([0.71, 0.71])


def test_a_pair_among_depth_is_refused_and_nothing_is_left(tmp_path):
    for name in ("a", "b"):
        folder = tmp_path / "scenes" / name
        picture(folder / "image.png")
        (folder / "camera.json").write_text(json.dumps({**CALIBRATION, "baseline": 0.1}))
    counts(tmp_path / "scenes/a/depth.png", 700)
    picture(tmp_path / "scenes/b/right.png", 1)
    with pytest.raises(BadInput, match="one recording holds one kind"):
        write_layout(tmp_path / "out", read_scene_frames(tmp_path / "scenes"))
    assert [path.name for path in tmp_path.iterdir()] == ["scenes"]


def test_cleargrasp(tmp_path):
    exr = pytest.importorskip("OpenEXR")
    folder, (height, width) = tmp_path / "real", SIZE
    picture(folder / "000000080-transparent-rgb-img.jpg")
    mask = np.zeros(SIZE, np.uint8)
    mask[4:8, 3:7] = 255
    cv2.imwrite(str(folder / "000000080-mask.png"), mask)
    for name, metres in (("transparent", 0.9), ("opaque", 0.8)):
        header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
        with exr.File(header, {"R": np.full(SIZE, metres, np.float32)}) as file:
            file.write(str(folder / f"000000080-{name}-depth-img.exr"))
    lines = [f"{name}: {value}" for name, value in {**CALIBRATION, "xres": width, "yres": height}.items()]
    (folder / "camera_intrinsics.yaml").write_text("\n".join(lines))
    write_layout(tmp_path / "out", read_cleargrasp_frames(folder))
    (frame,) = read_back(tmp_path / "out")
    assert frame.depth[0, 0] == np.float32(0.9)
    (truth,) = [m for topic, _, m in bags.read_with_rosbags(tmp_path / "out") if topic == "/truth/depth"]
    assert truth.data.view(np.float32)[0] == np.float32(0.8)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "rgb.txt").write_text("1305031453.359684\n"), "line 1 of"),
        (lambda f: (f / "rgb.txt").write_text("soon rgb/a.png\n"), "is not STAMP FILE"),
        (lambda f: next((f / "depth").iterdir()).unlink() or [p.unlink() for p in (f / "depth").iterdir()], "missing"),
        (lambda f: [counts(p, 1, (5, 5)) for p in (f / "depth").iterdir()], "depth of 5x5 with"),
        (lambda f: (f / "calib.json").write_text("{}"), "does not say fx"),
        (lambda f: f.rename(f.with_name("nameless")), "no TUM sequence"),
        (lambda f: (f / "depth.txt").unlink() or (f / "rgb").rename(f / "gone"), "no TUM sequence"),
    ],
)
def test_damage_gets_one_line_and_leaves_nothing(tmp_path, tum, monkeypatch, capsys, damage, said):
    damage(tum)
    assert commands.run(monkeypatch, ["to-bag", "tum", str(tum), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_command_says_how_to_evaluate_and_keeps_what_is_there(tmp_path, tum, monkeypatch, capsys):
    words = ["to-bag", "tum", str(tum), "--out", str(tmp_path / "out")]
    assert commands.run(monkeypatch, words) == 0
    out = tmp_path / "out"
    assert f"depth-prompt evaluate bag {out} --params {out}.yaml --out {out}-evaluation" in capsys.readouterr().out
    before = sorted((path.name, path.stat().st_mtime_ns) for path in out.iterdir())
    assert commands.run(monkeypatch, words) == 2
    assert "exists already" in capsys.readouterr().err
    assert sorted((path.name, path.stat().st_mtime_ns) for path in out.iterdir()) == before
