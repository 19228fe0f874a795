"""Drives of KITTI raw and sequences of Cityscapes, in their published layouts, made small."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from depth_prompt_ros.data.readers.driving import CityscapesSequences, KittiDrive
from depth_prompt_ros.data.sets.video import SpanRules, find_spans
from depth_prompt_ros.errors import BadInput


def numbers(name: str, values) -> str:
    return f"{name}: " + " ".join(f"{value:e}" for value in np.ravel(values))


@pytest.fixture
def drive(tmp_path):
    date = tmp_path / "2011_09_26"
    folder = date / "2011_09_26_drive_0001_sync"
    for camera in ("image_02", "image_03"):
        (folder / camera / "data").mkdir(parents=True)
        for number in range(3):
            image = np.full((30, 90, 3), 10 * number + (camera == "image_03"), np.uint8)
            cv2.imwrite(str(folder / camera / "data" / f"{number:010d}.png"), image)
    stamps = "\n".join(f"2011-09-26 13:02:25.{number}64389445" for number in range(3))
    (folder / "image_02" / "timestamps.txt").write_text(stamps + "\n")
    left = np.array([[70, 0, 45, 4.2], [0, 70, 15, 0], [0, 0, 1, 0]])
    right = left.copy()
    right[0, 3] = 4.2 - 70 * 0.54
    lines = [
        "calib_time: 09-Jan-2012 13:57:47",
        numbers("R_rect_00", np.eye(3)),
        numbers("P_rect_02", left),
        numbers("P_rect_03", right),
    ]
    (date / "calib_cam_to_cam.txt").write_text("\n".join(lines))
    turn = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]])  # x forward, z up to z forward, y down
    (date / "calib_velo_to_cam.txt").write_text(numbers("R", turn) + "\n" + numbers("T", [0, 0, 0.1]))
    (folder / "velodyne_points" / "data").mkdir(parents=True)
    points = np.array([[8, 0, 0, 1], [5, 0, 0, 1], [20, -2, 1, 1], [-5, 0, 0, 1]], np.float32)
    points.tofile(folder / "velodyne_points" / "data" / "0000000001.bin")
    return folder


def test_a_kitti_drive_has_its_camera_stamps_pair_and_laser_depth(drive) -> None:
    frames = list(KittiDrive(drive, pair=True))
    assert len(frames) == 3 and frames[2].image[0, 0, 0] == 20 and frames[2].right[0, 0, 0] == 21
    assert (frames[0].camera.fx, frames[0].camera.cx, frames[0].camera.width) == (70, 45, 90)
    assert frames[0].camera.baseline == pytest.approx(0.54)
    assert frames[1].stamp_ns - frames[0].stamp_ns == 100_000_000
    assert frames[0].depth is None
    depth = frames[1].depth
    assert np.isfinite(depth).sum() == 2  # of two points at one pixel the nearer counts, one is behind the camera
    assert depth[15, round(45 + 4.2 / 5.1)] == pytest.approx(5.1)
    column, row = round(45 + (70 * 2 + 4.2) / 20.1), round(15 - 70 / 20.1)
    assert depth[row, column] == pytest.approx(20.1)
    assert KittiDrive(drive).__iter__().__next__().right is None


def test_a_drive_without_calibration_or_with_other_stamps_is_one_line(drive) -> None:
    stamps = drive / "image_02" / "timestamps.txt"
    stamps.write_text("2011-09-26 13:02:25.1\n")
    with pytest.raises(BadInput, match="1 stamps for 3 pictures"):
        KittiDrive(drive)
    (drive.parent / "calib_cam_to_cam.txt").unlink()
    with pytest.raises(BadInput, match="cannot read KITTI's calibration"):
        KittiDrive(drive)
    with pytest.raises(BadInput, match="holds no picture"):
        KittiDrive(drive.parent)


def test_cityscapes_snippets_are_spans_with_the_camera_of_their_annotated_picture(tmp_path) -> None:
    left = tmp_path / "leftImg8bit_sequence" / "train" / "aachen"
    right = tmp_path / "rightImg8bit_sequence" / "train" / "aachen"
    cameras = tmp_path / "camera" / "train" / "aachen"
    for folder in (left, right, cameras):
        folder.mkdir(parents=True)
    image = np.zeros((32, 64, 3), np.uint8)
    for number in (*range(17, 23), *range(100, 104)):
        cv2.imwrite(str(left / f"aachen_000000_{number:06d}_leftImg8bit.png"), image)
        cv2.imwrite(str(right / f"aachen_000000_{number:06d}_rightImg8bit.png"), image + 1)
    content = {"intrinsic": {"fx": 2262.0, "fy": 2265.0, "u0": 1096.0, "v0": 513.0}, "extrinsic": {"baseline": 0.21}}
    (cameras / "aachen_000000_000019_camera.json").write_text(json.dumps(content))
    frames = list(CityscapesSequences(left, pair=True))
    assert frames[0].camera.fx == pytest.approx(2262 / 32) and frames[0].camera.baseline == 0.21
    assert frames[0].right[0, 0, 0] == 1 and frames[-1].camera is None
    spans, left_out = find_spans(frames, SpanRules())
    assert [len(span) for span in spans] == [6]
    assert [(each.reason, each.frames) for each in left_out] == [("no usable camera_info", 4)]
    assert CityscapesSequences(left).__iter__().__next__().camera.baseline == 0
