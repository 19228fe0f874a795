"""depth-prompt prepare pairs: recorded pairs as a set that stereo networks learn from."""

from __future__ import annotations

from pathlib import Path

import bags
import cv2
import numpy as np
import pytest
from booster_scenes import BASELINE_MM, FX, write_booster
from commands import run

from depth_prompt_ros.bag.layouts.pairs import read_booster_pairs
from depth_prompt_ros.bag.layouts.write import FRAME_ID, LayoutFrame, write_layout
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import RuntimeParameters
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.stages.classes import ClassMask


def written(tmp_path: Path, frames: list[LayoutFrame]) -> Path:
    write_layout(tmp_path / "recorded", frames)
    return tmp_path / "recorded"


def test_booster_becomes_a_set_with_its_truth_masks_and_camera(monkeypatch, capsys, tmp_path) -> None:
    frames = list(read_booster_pairs(write_booster(tmp_path / "booster")))
    bag, out = written(tmp_path, frames), tmp_path / "set"
    height = frames[0].frame.camera.height
    assert run(monkeypatch, ["prepare", "pairs", str(bag), "--out", str(out), "--size", str(height)]) == 0
    assert "4 pairs, true depth of /truth/depth, masks of /truth/tom_mask" in capsys.readouterr().out
    found = StereoSet.open(out)
    assert len(found) == 4
    for index, each in enumerate(frames):
        np.testing.assert_array_equal(found.lefts[index], each.frame.image)
        np.testing.assert_array_equal(found.rights[index], each.frame.right)
        np.testing.assert_array_equal(found.tom[index], each.frame.tom)
        np.testing.assert_allclose(found.depths[index], each.truth)
        np.testing.assert_array_equal(found.labels[index] > 0, each.frame.tom)
        assert found.cameras[index, [0, 4]] == pytest.approx((FX, BASELINE_MM / 1000))


def test_at_half_the_size_disparity_is_half(monkeypatch, tmp_path) -> None:
    frames = list(read_booster_pairs(write_booster(tmp_path / "booster")))[:1]
    bag, out, camera = written(tmp_path, frames), tmp_path / "set", frames[0].frame.camera
    words = ["prepare", "pairs", str(bag), "--out", str(out), "--size", str(camera.height // 2)]
    assert run(monkeypatch, words) == 0
    found = StereoSet.open(out)
    assert found.size == (camera.height // 2, camera.width // 2)
    whole = camera.disparity_from_depth(frames[0].truth)
    half = found.disparity(0)
    rows, columns = np.nonzero(np.isfinite(half))
    np.testing.assert_allclose(half[rows, columns], whole[2 * rows + 1, 2 * columns + 1] / 2, rtol=1e-4)


def test_a_right_camera_that_looks_aside_is_turned_back(monkeypatch, tmp_path) -> None:
    """With ``cx_right - cx_left`` of 3 pixels what lies at infinity is seen 3 pixels farther to the right."""
    wall = np.random.default_rng(0).integers(0, 255, (48, 128, 3), np.uint8)
    camera = CameraModel(64, 48, 60.0, 60.0, 31.5, 23.5, baseline=0.1, cx_offset=3.0)
    left, right, truth = wall[:, 20:84], wall[:, 22:86], np.full((48, 64), 60 * 0.1 / (2 + 3), np.float32)
    frame = Frame(1, FRAME_ID, left.copy(), camera, right=right.copy(), tom=np.zeros((48, 64), bool))
    bag = written(tmp_path, [LayoutFrame(frame, truth)])
    assert run(monkeypatch, ["prepare", "pairs", str(bag), "--out", str(tmp_path / "set"), "--size", "48"]) == 0
    found = StereoSet.open(tmp_path / "set")
    assert found.disparity(0)[20, 20] == pytest.approx(5)
    np.testing.assert_array_equal(found.rights[0][:, :59], found.lefts[0][:, 5:])


def test_masks_are_found_where_none_were_recorded_and_too_many_pairs_are_thinned(monkeypatch, capsys, tmp_path) -> None:
    rng = np.random.default_rng(1)
    camera = CameraModel(64, 48, 60.0, 60.0, 31.5, 23.5, baseline=0.1)
    pictures = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(3)]
    frames = [
        LayoutFrame(Frame(bags.stamp(number), FRAME_ID, picture, camera, right=picture))
        for number, picture in enumerate(pictures)
    ]
    bag, out = written(tmp_path, frames), tmp_path / "set"
    words = ["prepare", "pairs", str(bag), "--out", str(out), "--size", "48", "--limit", "2"]
    assert run(monkeypatch, words) == 0
    assert "2 pairs, no true depth: it cannot be validated on, masks found by tom_masks" in capsys.readouterr().out
    found = StereoSet.open(out)
    detect = ClassMask(str(resource_path("models/tom_masks.yaml")), (), "tom", RuntimeParameters())
    for index, picture in enumerate((pictures[0], pictures[2])):
        np.testing.assert_array_equal(found.lefts[index], picture)
        np.testing.assert_array_equal(found.tom[index], detect(picture))
        numbers = cv2.connectedComponents(detect(picture).astype(np.uint8))[0]
        assert set(np.unique(found.labels[index])) == set(range(numbers))
    assert np.isnan(found.depths).all()


def test_depth_in_place_of_a_right_picture_is_one_line(monkeypatch, capsys, tmp_path) -> None:
    camera = CameraModel(64, 48, 60.0, 60.0, 31.5, 23.5)
    picture, depth = np.zeros((48, 64, 3), np.uint8), np.ones((48, 64), np.float32)
    bag = written(tmp_path, [LayoutFrame(Frame(1, FRAME_ID, picture, camera, depth=depth))])
    words = ["prepare", "pairs", str(bag), "--out", str(tmp_path / "set")]
    assert run(monkeypatch, [*words, "--params", f"{bag}.yaml"]) == 2
    assert "a stereo network learns from pairs" in capsys.readouterr().err
    assert run(monkeypatch, words) == 2
    assert "/right/image_rect" in capsys.readouterr().err
    assert not (tmp_path / "set").exists()
