"""Spans of video that depth can be learned from, what is left out and why, and folders of video."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.readers.video_folder import Part, VideoFolder
from depth_prompt_ros.data.sets.video import SpanRules, VideoFrame, find_spans, gather, median_parallax
from depth_prompt_ros.errors import BadInput

CAMERA = CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5)
STEP_NS = 33_000_000


def textured(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 255, (30, 60, 3), np.uint8)
    return cv2.resize(noise, (400, 200), interpolation=cv2.INTER_CUBIC)


def video(count: int = 12, parallax: float = 3.0, start: int = 0, **known) -> list[VideoFrame]:
    """A near lower half that slides over a far upper half."""
    wide, frames = textured(), []
    for number in range(start, start + count):
        shift = round(20 + parallax * number)
        image = np.concatenate([wide[:60, 20:180], wide[60:120, shift : shift + 160]])
        frames.append(VideoFrame(f"{number:04d}", number * STEP_NS, image, CAMERA, **known))
    return frames


def pose(x: float) -> np.ndarray:
    moved = np.eye(4)
    moved[0, 3] = x
    return moved


def test_a_video_in_order_is_one_span() -> None:
    spans, left_out = find_spans(video(), SpanRules())
    assert [len(span) for span in spans] == [12] and not left_out


def test_what_cannot_be_learned_from_is_cut_left_out_counted_and_named() -> None:
    frames = video(40)
    frames[10] = replace(frames[10], camera=None)
    frames[11] = replace(frames[11], camera=None)
    late = [replace(frame, stamp_ns=frame.stamp_ns + 2_000_000_000) for frame in frames[20:30]]
    other = [
        replace(frame, stamp_ns=frame.stamp_ns + 2_000_000_000, camera=replace(CAMERA, fx=140.0))
        for frame in frames[30:]
    ]
    spans, left_out = find_spans([*frames[:20], *late, *other[:8], other[7], *other[8:]], SpanRules())
    assert [len(span) for span in spans] == [10, 8, 10, 10]
    assert [str(each) for each in left_out] == [
        "left out 2 frames, 0010 to 0011: no usable camera_info",
        "cut between 0019 and 0020: gap of 2.03 s",
        "cut between 0029 and 0030: intrinsics or the picture's size change",
        "left out 1 frames, 0037 to 0037: recorded twice",
    ]


def test_a_clock_that_goes_back_cuts_and_a_remnant_is_too_short() -> None:
    frames = video(14)
    frames = [*frames[:12], *(replace(frame, stamp_ns=frame.stamp_ns - 10**9) for frame in frames[12:])]
    spans, left_out = find_spans(frames, SpanRules())
    assert [len(span) for span in spans] == [12]
    assert [each.reason for each in left_out] == ["time goes back by 0.967 s", "shorter than 3 frames"]


def test_a_still_camera_teaches_nothing_but_a_pair_does_and_so_does_not_a_turning_one() -> None:
    spans, left_out = find_spans(video(parallax=0.0), SpanRules())
    assert not spans and left_out[0].reason.startswith("no motion: the median parallax is 0.0")
    spans, _ = find_spans(video(parallax=0.0, right=textured()[:120, :160]), SpanRules())
    assert [len(span) for span in spans] == [12]
    turning = []
    K = CAMERA.K
    for number in range(8):
        angle = 0.01 * number
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        image = cv2.warpPerspective(textured(), K @ turn @ np.linalg.inv(K), (160, 120), borderMode=cv2.BORDER_REFLECT)
        turning.append(VideoFrame(f"{number}", number * STEP_NS, image, CAMERA))
    assert np.abs(turning[0].image.astype(int) - turning[2].image).mean() > 5
    assert median_parallax(turning, 2) < 0.3 < 1.5 < median_parallax(video(), 2)


def test_a_pose_that_jumps_or_is_lost_cuts() -> None:
    frames = [replace(frame, pose=pose(0.01 * number)) for number, frame in enumerate(video(21))]
    frames[7:] = [replace(frame, pose=pose(frame.pose[0, 3] + 1)) for frame in frames[7:]]
    frames[14:] = [replace(frame, pose=None) for frame in frames[14:]]
    spans, left_out = find_spans(frames, SpanRules())
    assert [len(span) for span in spans] == [7, 7, 7]
    assert left_out[0].reason == "the pose jumps by 1.01 m and 0 degrees"
    assert left_out[1].reason == "the pose is known on one side alone"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "right").mkdir()
    (tmp_path / "depth").mkdir()
    for frame in video(4):
        cv2.imwrite(str(tmp_path / "images" / f"{frame.name}.png"), frame.image[..., ::-1])
        cv2.imwrite(str(tmp_path / "right" / f"{frame.name}.png"), frame.image)
        cv2.imwrite(str(tmp_path / "depth" / f"{frame.name}.png"), np.full((120, 160), 1500, np.uint16))
    own = np.zeros((120, 160), np.uint8)
    own[100:] = 255
    cv2.imwrite(str(tmp_path / "own.png"), own)
    sizes = {"width": 320, "height": 240, "fx": 300.0, "fy": 300.0, "cx": 159.5, "cy": 119.5, "baseline": 0.1}
    (tmp_path / "calib.json").write_text(json.dumps(sizes))
    lines = [f"{0.5 + 0.1 * number},{0.2 * number},0,0,0,0,{np.sqrt(0.5)},{np.sqrt(0.5)}" for number in range(4)]
    (tmp_path / "frames.csv").write_text("t,tx,ty,tz,qx,qy,qz,qw\n" + "\n".join(lines))
    return tmp_path


def test_a_folder_has_pictures_their_camera_poses_and_what_is_beside_them(folder) -> None:
    frames = list(VideoFolder(folder))
    assert [frame.name for frame in frames] == ["0000", "0001", "0002", "0003"]
    np.testing.assert_array_equal(frames[1].image, video(4)[1].image)
    np.testing.assert_array_equal(frames[1].right, video(4)[1].image[..., ::-1])
    assert frames[1].stamp_ns == 600_000_000
    assert frames[0].camera == CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5, 0.1)
    np.testing.assert_allclose(frames[3].pose[:3], [[0, -1, 0, 0.6], [1, 0, 0, 0], [0, 0, 1, 0]], atol=1e-9)
    assert frames[0].own[100:].all() and not frames[0].own[:100].any()
    assert (frames[0].depth == 1.5).all()
    assert VideoFolder(folder, Part.parsed("0.5:1"), poses=False).__iter__().__next__().pose is None
    assert [frame.name for frame in VideoFolder(folder, Part.parsed("0.5:1"))] == ["0002", "0003"]


def test_a_distorted_camera_is_rectified(folder) -> None:
    content = json.loads((folder / "calib.json").read_text())
    (folder / "calib.json").write_text(json.dumps(content | {"dist_k1k2p1p2k3": [0.3, 0, 0, 0, 0]}))
    straight = video(1)[0].image
    bent = next(iter(VideoFolder(folder))).image
    assert np.abs(bent[50:70, 70:90].astype(int) - straight[50:70, 70:90]).mean() < 12
    assert np.abs(bent[:20, :20].astype(int) - straight[:20, :20]).mean() > 20


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "calib.json").unlink(), "cannot read .*calib.json"),
        (lambda folder: (folder / "calib.json").write_text('{"width": 0}'), "cannot read .*calib.json"),
        (lambda folder: (folder / "frames.csv").write_text("t\n1\n"), "1 lines for 4 pictures"),
        (lambda folder: (folder / "images" / "0001.png").write_bytes(b"x"), "0001.png: it is missing or damaged"),
        (lambda folder: (folder / "images").rename(folder / "pictures"), "is no video"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_line(folder, break_it, message) -> None:
    break_it(folder)
    with pytest.raises(BadInput, match=message) as error:
        list(VideoFolder(folder))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["0", "a:b", "0.5:0.5", "-1:1", "0:2"])
def test_a_part_that_is_none_is_refused(text) -> None:
    with pytest.raises(BadInput, match="part"):
        Part.parsed(text)


def test_pictures_are_shrunk_with_all_that_belongs_to_them_and_the_own_mask_is_everyones(folder, tmp_path) -> None:
    spans, _ = gather([VideoFolder(folder)], SpanRules(parallax=0), 80, folder / "own.png")
    frame = spans[0][0]
    assert frame.image.shape == (60, 80, 3) and frame.right.shape == (60, 80, 3)
    assert frame.depth.shape == frame.own.shape == (60, 80) and frame.own[50:].all() and not frame.own[:50].any()
    assert (frame.camera.width, frame.camera.fx) == (80, 75.0)
    with pytest.raises(BadInput, match=r"cannot read .*nothing.png"):
        gather([VideoFolder(folder)], SpanRules(), 80, folder / "nothing.png")
