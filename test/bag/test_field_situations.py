"""What cameras and recorders send: two situations of each kind that public reports of similar software name.

Kinds that need a live node, a full disk or a network are in test/ros, test/cli/test_full_disk.py and test/runtime.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bags
import cv2
import numpy as np
import pytest
from mcap.writer import Writer

from depth_prompt_ros.bag.messages import (
    camera_info_message,
    compressed_image_message,
    image_message,
    message,
    typestore,
)
from depth_prompt_ros.bag.reader import FrameReader, SkippedFrame
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.stages.sensor_depth import measure_sensor_depth
from depth_prompt_ros.stages.stereo import make_stereo_matcher

CAMERA = bags.CAMERA
RGBD = {"right_image": "", "right_camera_info": "", "depth_image": "/depth/image_rect"}
DEPTH = np.linspace(0.6, 2.0, 192, dtype=np.float32).reshape(12, 16)


def read(path: Path, topics: dict[str, str] | None = None, **settings: Any) -> list[Frame | SkippedFrame]:
    """Every frame of a recording."""
    given = Parameters.model_validate({"topics": topics or {}, **settings})
    return [recorded.content for recorded in FrameReader(path, given).read()]


def changed(records: list[bags.Record], topic: str, change: Any) -> list[bags.Record]:
    """The records with each message of a topic (or of those that end so) replaced by ``change(number, message)``."""
    found, count = [], 0
    for name, content, log in records:
        if name.endswith(topic):
            content, count = change(count, content), count + 1  # noqa: PLW2901
        found.append((name, content, log))
    return found


def window(left: int, top: int, width: int, height: int) -> Any:
    return message(
        "sensor_msgs/msg/RegionOfInterest", x_offset=left, y_offset=top, width=width, height=height, do_rectify=True
    )


def full_sensor(width: int, height: int, roi: Any, binning: tuple[int, int] = (1, 1)) -> Any:
    """Change a camera_info to one of the whole sensor, of which the picture is a window, binned."""

    def change(_: int, info: Any) -> Any:
        p, k = info.p.copy(), info.k.copy()
        for values, columns in ((p, 4), (k, 3)):
            rows = values.reshape(3, columns)
            rows[0] *= binning[0]
            rows[1] *= binning[1]
            rows[0, 2] += roi.x_offset
            rows[1, 2] += roi.y_offset
        return replace(info, width=width, height=height, roi=roi, binning_x=binning[0], binning_y=binning[1], p=p, k=k)

    return change


# 1, 3: windows and binning (REP 104)


@pytest.mark.parametrize(
    ("roi", "binning"),
    [
        (window(5, 3, 16, 12), (1, 1)),  # a window off the middle
        (window(48, 36, 0, 0), (1, 1)),  # without a size: the rest of the sensor
        (window(8, 4, 32, 24), (2, 2)),  # a window, then binned
        (window(0, 0, 0, 0), (4, 4)),  # the whole sensor, binned
        (window(6, 0, 48, 12), (3, 1)),  # columns alone
    ],
)
def test_infos_of_the_whole_sensor_give_the_camera_of_the_picture(tmp_path, roi, binning) -> None:
    records = bags.stereo_records(2)
    sensor = (64, 48)
    records = changed(records, "camera_info", full_sensor(*sensor, roi, binning))
    for frame in read(bags.write(tmp_path / "bag", records)):
        assert isinstance(frame, Frame)
        np.testing.assert_allclose(frame.camera.intrinsics, CAMERA.intrinsics)
        assert frame.camera.baseline == pytest.approx(CAMERA.baseline)


# 4: signs of the baseline


@pytest.mark.parametrize(
    ("left", "right", "baseline"),
    [(-5.0, -7.0, 0.1), (5.0, 3.0, 0.1), (0.0, 2.0, None), (-2.0, 0.0, None)],
)
def test_the_baseline_is_between_both_cameras_and_a_wrong_sign_is_one_reason(tmp_path, left, right, baseline) -> None:
    """Multi-camera rigs give both P a translation to a common origin; drivers with the wrong sign give one circle."""

    def at(tx: float) -> Any:
        def change(_: int, info: Any) -> Any:
            p = info.p.copy()
            p[3] = tx
            return replace(info, p=p)

        return change

    records = changed(bags.stereo_records(3), "left/camera_info", at(left))
    items = read(bags.write(tmp_path / "bag", changed(records, "right/camera_info", at(right))))
    if baseline is None:
        assert len({item.reason for item in items}) == 1
        assert "0.1 m to the left of the left one" in items[0].reason
        assert "wrong sign" in items[0].reason
    else:
        assert [item.camera.baseline for item in items] == [pytest.approx(baseline)] * 3


# 6: camera_info at other rates


@pytest.mark.parametrize("kind", ["late", "one side slow"])
def test_camera_info_that_starts_late_or_comes_slowly_on_one_side(tmp_path, kind) -> None:
    records = bags.stereo_records(9)
    if kind == "late":
        kept = [record for record in records if not record[0].endswith("info") or record[2] > bags.stamp(4)]
    else:
        kept = [record for record in records if record[0] != "/left/camera_info" or (record[2] // bags.PERIOD) % 4 == 0]
    assert len(kept) < len(records)
    assert all(isinstance(item, Frame) for item in read(bags.write(tmp_path / "bag", kept)))


# 8: stamps


@pytest.mark.parametrize("side", ["/left/image_rect", "/right/image_rect"])
def test_one_camera_that_does_not_stamp_is_paired_by_the_times_of_recording(tmp_path, side, caplog) -> None:
    def unstamp(_: int, image: Any) -> Any:
        head = replace(image.header, stamp=replace(image.header.stamp, sec=0, nanosec=0))
        return replace(image, header=head)

    items = read(bags.write(tmp_path / "bag", changed(bags.stereo_records(4), side, unstamp)))
    assert all(isinstance(item, Frame) for item in items)
    for number, frame in enumerate(items):
        np.testing.assert_array_equal(frame.right, bags.picture(number, 1))
    assert sum("does not set header.stamp" in text for text in caplog.messages) == 1


# 9, 27: pictures


@pytest.mark.parametrize("encoding", ["nv21", "yuv422", "bayer_gbrg8"])
def test_a_pair_of_two_encodings_with_padded_rows(tmp_path, encoding) -> None:
    """Left as the sensor gives it, right in grey."""
    channels = {"yuv422": 2}.get(encoding, 1)
    rows = {"nv21": 18}.get(encoding, 12)

    def left(number: int, image: Any) -> Any:
        data = np.zeros((rows, 48), np.uint8)
        data[:, : 16 * channels] = np.random.default_rng(number).integers(0, 256, (rows, 16 * channels))
        return replace(image, encoding=encoding, step=48, data=data.reshape(-1))

    records = changed(bags.stereo_records(2), "left/image_rect", left)
    grey = np.full((12, 16), 7, np.uint8)
    records = changed(records, "right/image_rect", lambda n, _: image_message(grey, "mono8", bags.stamp(n), "right"))
    for frame in read(bags.write(tmp_path / "bag", records)):
        assert isinstance(frame, Frame)
        assert frame.image.shape == (12, 16, 3)
        assert frame.image.std() > 10
        assert (frame.right == 7).all()


@pytest.mark.parametrize(
    ("kind", "data", "says"),
    [
        ("av1", b"\x12\x00\x0a\x0b\x00\x00\x00\x42", "av1"),
        ("h265", b"\x00\x00\x00\x01\x40\x01\x0c\x01", "h265"),
        ("bgr8; ffmpeg", b"\x00\x00\x00\x01\x67\x42", "ffmpeg"),
        ("jpeg", b"\x00\x00\x00\x01\x67\x42\x00\x1f", "jpeg"),  # the wrong word for h264
    ],
)
def test_video_inside_a_compressed_image_is_named_and_each_frame_skipped(tmp_path, kind, data, says) -> None:
    records = changed(
        bags.stereo_records(2), "left/image_rect",
        lambda n, _: compressed_image_message(data, kind, bags.stamp(n), "left"),
    )  # fmt: skip
    items = read(bags.write(tmp_path / "bag", records))
    assert all(isinstance(item, SkippedFrame) for item in items)
    assert says in items[0].reason
    assert len({item.reason for item in items}) == 1


# 11, 12: depth


def compressed_depth(depth: np.ndarray, kind: str, header: bytes = b"") -> bytes:
    return header + cv2.imencode(kind, depth)[1].tobytes()


@pytest.mark.parametrize(
    ("kind", "header"),
    [("16UC1; compressedDepth png", b""), ("16UC1; compressedDepth", bytes(12)), ("16UC1; png compressed ", b"")],
)
def test_compressed_depth_as_three_publishers_send_it(tmp_path, kind, header) -> None:
    stored = np.round(DEPTH * 1000).astype(np.uint16)
    records = bags.rgbd_records([DEPTH, DEPTH], "32FC1")
    records = changed(
        records, "/depth/image_rect",
        lambda n, _: compressed_image_message(compressed_depth(stored, ".png", header), kind, bags.stamp(n), "left"),
    )  # fmt: skip
    for frame in read(bags.write(tmp_path / "bag", records), RGBD):
        assert isinstance(frame, Frame)
        np.testing.assert_allclose(frame.depth, DEPTH, atol=6e-4)


@pytest.mark.parametrize(
    ("encoding", "metres", "settings"),
    [
        ("16UC1", 0.00025, {"unit": 0.00025}),  # L515
        ("mono16", 0.0001, {"unit": 0.0001}),  # D405, under the name of a grey picture
        ("32FC1", 0.001, {"float_unit": 0.001}),
    ],
)
def test_depth_in_the_units_of_three_cameras(tmp_path, encoding, metres, settings, caplog) -> None:
    kind = np.float32 if encoding == "32FC1" else np.uint16
    stored = np.round(DEPTH / metres).astype(kind)
    records = bags.rgbd_records([stored, stored], encoding)
    for frame in read(bags.write(tmp_path / "bag", records), RGBD, depth=settings):
        assert isinstance(frame, Frame)
        np.testing.assert_allclose(measure_sensor_depth(frame).depth, DEPTH, atol=metres)
    assert not caplog.messages


# 13: depth of another camera


@pytest.mark.parametrize("slash", ["", "/"])
def test_depth_of_another_camera_with_tf_that_was_recorded_without_a_slash(tmp_path, slash) -> None:
    depth = np.full((12, 16), 1.5, np.float32)
    own = CameraModel(16, 12, 10.0, 10.0, 7.5, 5.5)
    records = bags.rgbd_records([depth], "32FC1")
    records = [(name, content, log) for name, content, log in records if not name.startswith("/depth")]
    stamp = bags.stamp(0)
    records += [
        ("/depth/image_rect", image_message(depth, "32FC1", stamp, f"{slash}left"), stamp + 9),
        ("/depth/camera_info", camera_info_message(own, stamp, f"{slash}left"), stamp + 9),
        bags.transform_record("tf_static", 0, stamp),
    ]
    (frame,) = read(bags.write(tmp_path / "bag", records), {**RGBD, "depth_camera_info": "/depth/camera_info"})
    assert isinstance(frame, Frame)
    known = np.isfinite(frame.depth)
    assert known.all()  # the depth camera sees twice as wide
    np.testing.assert_allclose(frame.depth[known], 1.5)


# 14, 16: recordings


@pytest.mark.parametrize(("encoding", "profile"), [("json", ""), ("flatbuffer", "ros2")])
def test_a_wanted_topic_of_another_encoding_is_named_with_it(tmp_path, encoding, profile) -> None:
    path = tmp_path / "foreign.mcap"
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(profile=profile)
        for number, (topic, content, log) in enumerate(bags.stereo_records(2)):
            ours = topic != "/right/image_rect"
            schema = writer.register_schema(
                content.__msgtype__ if ours else "Image", "ros2msg" if ours else encoding, b""
            )
            channel = writer.register_channel(topic, "cdr" if ours else encoding, schema)
            raw = bytes(typestore().serialize_cdr(content, content.__msgtype__)) if ours else b"{}"
            writer.add_message(channel, log, raw, log, number)
        writer.finish()
    with pytest.raises(BadInput, match=rf"topic /right/image_rect .* is encoded as '{encoding}'"):
        read(path)


@pytest.mark.parametrize("bare", ["camera_info", "image_rect"])
def test_a_recording_in_which_some_topics_have_a_slash_and_some_not(tmp_path, bare) -> None:
    records = [
        (name.lstrip("/") if name.endswith(bare) else name, content, log)
        for name, content, log in bags.stereo_records(2)
    ]
    assert all(isinstance(item, Frame) for item in read(bags.write(tmp_path / "bag", records)))


# 24: sizes


@pytest.mark.parametrize(("width", "height"), [(1, 12), (1, 1), (2, 2)])
def test_pictures_of_a_few_pixels_are_matched_or_skipped_with_a_reason(tmp_path, width, height) -> None:
    camera = replace(CAMERA, width=width, height=height, cx=0.0, cy=0.0)
    tiny = np.zeros((height, width, 3), np.uint8)
    records = []
    for name, content, log in bags.stereo_records(1):
        side = "right" if "right" in name else "left"
        made = (
            camera_info_message(camera, bags.stamp(0), side, right=side == "right")
            if name.endswith("info") else image_message(tiny, "rgb8", bags.stamp(0), side)
        )  # fmt: skip
        assert content is not None
        records.append((name, made, log))
    (item,) = read(bags.write(tmp_path / "bag", records))
    if isinstance(item, Frame):
        assert make_stereo_matcher(Parameters().stereo)(item).depth.shape == (height, width)
    else:
        assert not item.unexpected
