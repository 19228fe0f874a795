"""Published pictures with metric depth, and recordings: what is read, cut, left out."""

from __future__ import annotations

from pathlib import Path

import bags
import cv2
import numpy as np
import pytest
from commands import run

from depth_prompt_ros.bag.sources.metric_pictures import RecordedMetricPictures
from depth_prompt_ros.data.readers.metric_layouts import EIGEN_COLUMNS, EIGEN_ROWS, GARG, METRIC_LAYOUTS
from depth_prompt_ros.data.readers.prepare import prepare
from depth_prompt_ros.data.sets.metric_set import MetricSet
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput


def image(height: int, width: int, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)


def depth_png(path: Path, depth: np.ndarray, scale: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.round(depth * scale).astype(np.uint16))


def picture_file(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels[..., ::-1])


def test_nyu_pngs_are_millimetres_with_0_unknown(tmp_path) -> None:
    depth = np.full((60, 80), 2.5)
    depth[:, 40:] = 0
    picture_file(tmp_path / "kitchen" / "rgb_00001.jpg", image(60, 80))
    depth_png(tmp_path / "kitchen" / "sync_depth_00001.png", depth, 1000)
    picture_file(tmp_path / "kitchen" / "rgb_00002.jpg", image(60, 80))
    prepared = prepare("nyu-png", tmp_path, tmp_path / "set", 30)
    assert sum(prepared.skipped.values()) == 1
    found = MetricSet.open(tmp_path / "set")
    assert found.size == (30, 40) and len(found) == 1
    assert np.allclose(found.depths[0, :, :20], 2.5) and np.isnan(found.depths[0, :, 20:]).all()
    assert np.abs(found.images[0, 3, 3].astype(int) - image(60, 80)[6, 6]).max() < 20


@pytest.mark.parametrize("part", ["train", "test"])
def test_nyus_labelled_file_is_read_by_its_splits(tmp_path, part) -> None:
    h5py = pytest.importorskip("h5py")
    io = pytest.importorskip("scipy.io")
    rng = np.random.default_rng(1)
    images, depths = rng.integers(0, 255, (3, 480, 640, 3), np.uint8), rng.uniform(1, 9, (3, 480, 640))
    with h5py.File(tmp_path / "nyu_depth_v2_labeled.mat", "w") as file:
        file["images"], file["depths"] = images.transpose(0, 3, 2, 1), depths.transpose(0, 2, 1).astype(np.float32)
    io.savemat(tmp_path / "splits.mat", {"trainNdxs": np.array([[1], [3]]), "testNdxs": np.array([[2]])})
    prepare(f"nyu-{part}", tmp_path, tmp_path / "set", 480)
    found = MetricSet.open(tmp_path / "set")
    chosen = [0, 2] if part == "train" else [1]
    assert np.array_equal(found.images, images[chosen])
    measured = np.zeros((480, 640), bool)
    measured[(EIGEN_ROWS, EIGEN_COLUMNS) if part == "test" else slice(None)] = True
    assert np.array_equal(np.isfinite(found.depths[0]), measured)
    assert np.allclose(found.depths[:, measured], depths[chosen][:, measured])


@pytest.mark.parametrize("layout", ["kitti", "kitti-test"])
def test_kitti_is_cut_to_one_size_and_measured_where_garg_does(tmp_path, layout) -> None:
    drive, (height, width) = "2011_09_26_drive_0001_sync", (375, 1242)
    depth = np.add.outer(np.arange(height), np.arange(width)) / 64 + 1
    pixels = image(height, width)
    picture_file(tmp_path / "2011_09_26" / drive / "image_02" / "data" / "0000000005.png", pixels)
    truth = tmp_path / "train" / drive / "proj_depth" / "groundtruth" / "image_02"
    depth_png(truth / "0000000005.png", depth, 256)
    depth_png(truth / "0000000006.png", depth, 256)  # without a picture
    prepared = prepare(layout, tmp_path, tmp_path / "set", 352)
    assert sum(prepared.skipped.values()) == 1
    found = MetricSet.open(tmp_path / "set")
    assert found.size == (352, 1216)
    window = (slice(23, 375), slice(13, 1229))
    assert np.array_equal(found.images[0], pixels[window])
    known = np.zeros((height, width), bool)
    if layout == "kitti":
        known[:] = True
    else:
        known[int(GARG[0] * height) : int(GARG[1] * height), int(GARG[2] * width) : int(GARG[3] * width)] = True
    assert np.array_equal(np.isfinite(found.depths[0]), known[window])
    assert np.allclose(found.depths[0][known[window]], depth[window][known[window]], atol=1 / 256)


@pytest.mark.parametrize("layout", sorted(METRIC_LAYOUTS))
def test_a_folder_of_something_else_is_refused(tmp_path, layout) -> None:
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(BadInput, match=f"is not {layout}: expected .*, found readme.txt"):
        prepare(layout, tmp_path, tmp_path / "set", 48)


def test_a_damaged_labelled_file_is_one_clear_error(tmp_path) -> None:
    pytest.importorskip("h5py")
    io = pytest.importorskip("scipy.io")
    (tmp_path / "nyu_depth_v2_labeled.mat").write_bytes(b"\x89HDF\r\n\x1a\n torn")
    io.savemat(tmp_path / "splits.mat", {"testNdxs": np.array([[1]])})
    with pytest.raises(BadInput, match="damaged or not all there"):
        prepare("nyu-test", tmp_path, tmp_path / "set", 48)
    with pytest.raises(BadInput, match="has no trainNdxs"):
        prepare("nyu-train", tmp_path, tmp_path / "set", 48)


def test_a_recording_with_depth_becomes_a_set(tmp_path, monkeypatch, capsys) -> None:
    depths = [np.full((12, 16), number + 1.0, np.float32) for number in range(4)]
    depths[2][:] = np.nan
    bags.write(tmp_path / "bag", bags.rgbd_records(depths, "32FC1"))
    assert len(list(RecordedMetricPictures(tmp_path / "bag", "/left/image_rect", "/depth/image_rect"))) == 3
    words = ["prepare", "bag", str(tmp_path / "bag"), "--out"]
    assert run(monkeypatch, [*words, str(tmp_path / "set"), "--size", "24"]) == 0
    found = MetricSet.open(tmp_path / "set")
    assert found.size == (24, 32)
    assert found.depths[:, 0, 0].tolist() == [1.0, 2.0, 4.0]
    assert "left out 1: no pixel of its depth is known" in capsys.readouterr().out
    assert run(monkeypatch, [*words, str(tmp_path / "other"), "--depth", "/no"]) == 2
    assert "topic /no is not there" in capsys.readouterr().err


def test_other_sets_open_as_metric_ones(tmp_path) -> None:
    def fill(aside: Path) -> None:
        PictureSet.open(aside, mode="r+").depths[:] = 3.0

    PictureSet.open_or_make(tmp_path / "set", {}, 2, (8, 8), fill)
    found = MetricSet.open(tmp_path / "set")
    assert found.size == (8, 8) and float(found.depths[1, 2, 3]) == 3.0
    with pytest.raises(BadInput, match="no picture set"):
        MetricSet.open(tmp_path)
