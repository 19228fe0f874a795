"""Recordings into frames: storages, pairing, damaged files, and each bad input with its message."""

from __future__ import annotations

import shutil
import struct
from dataclasses import replace

import bags
import cv2
import numpy as np
import pytest

from depth_prompt_ros.bag.messages import camera_info_message, compressed_image_message, image_message
from depth_prompt_ros.bag.reader import FrameReader, SkippedFrame, read_frames
from depth_prompt_ros.bag.recording import Recording
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Topics

TOLERANCE = 0.02


def read(path, topics=None, rectified=True):
    return list(read_frames(path, topics or Topics(), TOLERANCE, rectified))


def changed(records, topic, change):
    """The records with one topic's n-th message replaced by change(n, message), dropped where that is None."""
    result, number = [], 0
    for name, content, log in records:
        if name == topic:
            content_now = change(number, content)
            number += 1
            if content_now is not None:
                result.append((name, content_now, log))
        else:
            result.append((name, content, log))
    return result


def only_reason(items):
    assert all(isinstance(item, SkippedFrame) for item in items)
    (reason,) = {item.reason for item in items}
    return reason


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("lone", [False, True])
def test_every_frame_once_and_in_order(tmp_path, storage, lone):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(), storage)
    if lone:
        (bag,) = [file for file in bag.iterdir() if file.suffix in (".mcap", ".db3")]
    frames = read(bag)
    assert [frame.stamp_ns for frame in frames] == [bags.stamp(n) for n in range(4)]
    for number, frame in enumerate(frames):
        assert frame.frame_id == "left"
        assert frame.camera == bags.CAMERA
        np.testing.assert_array_equal(frame.image, bags.picture(number))
        np.testing.assert_array_equal(frame.right, bags.picture(number, 1))
        assert frame.depth is None
        assert frame.labels is None
        assert frame.tom is None
    assert frames[0].camera is frames[3].camera


def test_a_recording_split_over_files(tmp_path):
    """As ``ros2 bag record --max-bag-duration`` leaves it."""
    first = bags.write(tmp_path / "first", bags.stereo_records(4)[:8])
    second = bags.write(tmp_path / "second", bags.stereo_records(4)[8:])
    shutil.move(second / "second.mcap", first)
    metadata = first / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("  - first.mcap\n", "  - first.mcap\n  - second.mcap\n", 1))
    assert [frame.stamp_ns for frame in read(first)] == [bags.stamp(n) for n in range(4)]


def test_messages_that_come_late_and_out_of_order(tmp_path):
    records = bags.stereo_records()
    late = [
        (topic, content, log + (250_000_000 if topic == "/right/image_rect" else 0)) for topic, content, log in records
    ]
    bag = bags.write(tmp_path / "bag", sorted(late, key=lambda record: record[2]))
    frames = read(bag)
    assert [frame.stamp_ns for frame in frames] == [bags.stamp(n) for n in range(4)]
    np.testing.assert_array_equal(frames[1].right, bags.picture(1, 1))


def test_jitter_within_the_tolerance_pairs_and_a_drop_is_counted(tmp_path):
    jitter = (-19_000_000, 12_000_000, 0, 19_999_999)
    records = changed(
        bags.stereo_records(),
        "/right/image_rect",
        lambda n, _: None if n == 2 else image_message(bags.picture(n, 1), "rgb8", bags.stamp(n) + jitter[n], "right"),
    )
    items = read(bags.write(tmp_path / "bag", records))
    assert [isinstance(item, Frame) for item in items] == [True, True, False, True]
    np.testing.assert_array_equal(items[3].right, bags.picture(3, 1))
    assert items[2].stamp_ns == bags.stamp(2)
    assert items[2].reason == "no message on /right/image_rect within 0.02 s of the left image"
    assert items[2].gap_s == pytest.approx(0.088)


def test_an_offset_beyond_the_tolerance_says_how_far(tmp_path):
    records = changed(
        bags.stereo_records(),
        "/right/camera_info",
        lambda n, _: camera_info_message(bags.CAMERA, bags.stamp(n) + 40_000_000, "right", right=True),
    )
    items = read(bags.write(tmp_path / "bag", records))
    assert only_reason(items) == "no message on /right/camera_info within 0.02 s of the left image"
    assert {round(item.gap_s, 6) for item in items} == {0.04}


def test_messages_without_a_left_image_are_counted_by_topic(tmp_path):
    records = changed(bags.stereo_records(), "/left/image_rect", lambda n, content: None if n == 1 else content)
    reader = FrameReader(bags.write(tmp_path / "bag", records), Topics(), TOLERANCE)
    assert reader.frames == 3
    assert reader.unpaired == {"/right/image_rect": 1}
    assert len(list(reader.read())) == 3


def test_a_single_camera_info_is_latched(tmp_path):
    records = changed(bags.stereo_records(), "/left/camera_info", lambda n, content: content if n == 0 else None)
    assert all(isinstance(item, Frame) for item in read(bags.write(tmp_path / "bag", records)))


@pytest.mark.parametrize("empty", ["/left/image_rect", "/right/image_rect", "/left/camera_info"])
def test_a_topic_with_no_message_at_all(tmp_path, empty):
    from rosbags.rosbag2 import Writer

    from depth_prompt_ros.bag.messages import typestore

    with Writer(tmp_path / "empty", version=8) as writer:
        for topic, content, log in bags.stereo_records():
            known = {connection.topic: connection for connection in writer.connections}
            connection = known.get(topic) or writer.add_connection(topic, content.__msgtype__, typestore=typestore())
            if topic != empty:
                writer.write(connection, log, typestore().serialize_cdr(content, content.__msgtype__))
    if empty == "/left/image_rect":
        with pytest.raises(BadInput, match=r"topic /left/image_rect in .*empty has no messages"):
            read(tmp_path / "empty")
        return
    items = read(tmp_path / "empty")
    assert only_reason(items) == f"no message on {empty}"
    assert items[0].gap_s is None


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_compressed_pictures(tmp_path, extension):
    def compress(n, content):
        done, data = cv2.imencode(extension, np.full((12, 16, 3), (0, 100, 200), np.uint8))
        assert done
        return compressed_image_message(data.tobytes(), "rgb8; jpeg compressed bgr8", bags.stamp(n), "left")

    records = changed(bags.stereo_records(2), "/left/image_rect", compress)
    frames = read(bags.write(tmp_path / "bag", records))
    np.testing.assert_allclose(frames[0].image, np.full((12, 16, 3), (200, 100, 0)), atol=4)


DEPTH = np.linspace(0.5, 2, 192, dtype=np.float32).reshape(12, 16)


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_depth_camera_instead_of_stereo(tmp_path, encoding):
    depth = DEPTH.copy()
    depth[0, 0] = 0
    stored = (depth * 1000).round().astype(np.uint16) if encoding == "16UC1" else depth
    bag = bags.write(tmp_path / "bag", bags.rgbd_records([stored, stored], encoding))
    frames = read(bag, Topics(depth_image="/depth/image_rect"))
    assert len(frames) == 2
    assert frames[0].right is None
    assert frames[0].camera.baseline == 0
    assert np.isnan(frames[0].depth[0, 0])
    np.testing.assert_allclose(frames[0].depth.ravel()[1:], DEPTH.ravel()[1:], atol=6e-4)


def test_compressed_depth_topic(tmp_path):
    done, data = cv2.imencode(".png", (DEPTH * 1000).round().astype(np.uint16))
    assert done
    compressed = struct.pack("<iff", 0, 0, 0) + data.tobytes()
    records = changed(
        bags.rgbd_records([DEPTH], "32FC1"),
        "/depth/image_rect",
        lambda n, _: compressed_image_message(compressed, "16UC1; compressedDepth png", bags.stamp(n), "left"),
    )
    (frame,) = read(bags.write(tmp_path / "bag", records), Topics(depth_image="/depth/image_rect"))
    np.testing.assert_allclose(frame.depth, DEPTH, atol=6e-4)


def test_labels_and_tom_from_outside(tmp_path):
    labels = np.zeros((12, 16), np.uint16)
    labels[2:5, 3:9] = 700
    tom = np.zeros((12, 16), np.uint8)
    tom[2:4] = 255
    records = bags.stereo_records(2)
    for n in range(2):
        t = bags.stamp(n)
        records.append(("/labels", image_message(labels, "mono16", t, "left"), t + 9))
        records.append(("/tom", image_message(tom, "mono8", t, "left"), t + 9))
    frames = read(bags.write(tmp_path / "bag", records), Topics(labels="/labels", tom_labels="/tom"))
    np.testing.assert_array_equal(frames[1].labels, labels)
    np.testing.assert_array_equal(frames[1].tom, tom > 0)
    assert frames[1].tom.dtype == np.bool_


def test_a_missing_topic_is_named_with_those_that_are_there(tmp_path):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(1))
    with pytest.raises(BadInput) as error:
        FrameReader(bag, Topics(right_image="/right/image"), TOLERANCE)
    assert str(error.value) == (
        f"topic /right/image (topics.right_image) is not in {bag}: set it to one of those there "
        "(sensor_msgs/msg/CameraInfo: /left/camera_info, /right/camera_info; "
        "sensor_msgs/msg/Image: /left/image_rect, /right/image_rect)"
    )


def test_a_topic_of_the_wrong_type(tmp_path):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(1))
    with pytest.raises(
        BadInput, match=r"/left/camera_info \(topics.left_image\) is sensor_msgs/msg/CameraInfo, not sens"
    ):
        FrameReader(bag, Topics(left_image="/left/camera_info"), TOLERANCE)


@pytest.mark.parametrize(
    ("topics", "text"),
    [
        (Topics(left_image=""), "parameter topics.left_image is empty"),
        (Topics(right_image=""), "name the right camera's topics or a depth image's"),
    ],
)
def test_topics_that_cannot_work(tmp_path, topics, text):
    with pytest.raises(BadInput, match=text):
        FrameReader(bags.write(tmp_path / "bag", bags.stereo_records(1)), topics, TOLERANCE)


def test_wrong_encoding(tmp_path):
    records = changed(
        bags.stereo_records(), "/right/image_rect", lambda n, _: image_message(DEPTH, "32FC1", bags.stamp(n), "right")
    )
    reason = only_reason(read(bags.write(tmp_path / "bag", records)))
    assert reason.startswith("/right/image_rect: encoding 32FC1 is depth, not a picture: give rgb8")


@pytest.mark.parametrize("topic", ["/left/image_rect", "/right/image_rect", "/depth/image_rect", "/labels"])
def test_sizes_that_differ(tmp_path, topic):
    small = np.ones((6, 8), np.uint8)

    def shrink(n, content):
        array, encoding = {"/depth/image_rect": (small * 1.5, "32FC1"), "/labels": (small, "mono8")}.get(
            topic, (np.dstack([small] * 3), "rgb8")
        )
        return image_message(array.astype(np.float32) if encoding == "32FC1" else array, encoding, bags.stamp(n), "x")

    depth = topic == "/depth/image_rect"
    records = bags.rgbd_records([DEPTH], "32FC1") if depth else bags.stereo_records(1)
    if topic == "/labels":
        records.append((topic, image_message(small, "mono8", bags.stamp(0), "x"), bags.stamp(0)))
    topics = Topics(depth_image=topic if depth else "", labels=topic if topic == "/labels" else "")
    bag = bags.write(tmp_path / "bag", changed(records, topic, shrink))
    assert only_reason(read(bag, topics)) == (
        f"{topic} is 8x6 but /left/camera_info says 16x12: give pictures and camera_info of one size"
    )


def set_field(name, index, value):
    def change(n, info):
        values = getattr(info, name).copy()
        values[index] = value
        return replace(info, **{name: values})

    return change


@pytest.mark.parametrize(
    ("topic", "change", "text"),
    [
        ("/left/camera_info", set_field("p", 0, 0.0), "left camera_info's P has focal length fx=0 fy=20 for a picture of 16x12"),
        ("/left/camera_info", set_field("k", 2, np.nan), "left camera_info has NaN or infinite values in K, P"),
        ("/right/camera_info", set_field("p", 3, 0.0), "right camera_info has no baseline"),
        ("/right/camera_info", set_field("p", 3, 2.0), "right camera_info has P[0,3] = 2, left 0: the right camera would be 0.1 m to the left"),
        ("/right/camera_info", lambda n, info: replace(info, width=8), "left camera_info is 16x12 but right is 8x12"),
    ],
)
def test_bad_calibration_skips_the_frames(tmp_path, topic, change, text):
    items = read(bags.write(tmp_path / "bag", changed(bags.stereo_records(2), topic, change)))
    assert text in only_reason(items)
    assert len(items) == 2


def test_one_bad_frame_does_not_stop_the_others(tmp_path):
    def damage(n, content):
        return replace(content, data=content.data[:50]) if n == 1 else content

    items = read(bags.write(tmp_path / "bag", changed(bags.stereo_records(), "/left/image_rect", damage)))
    assert [isinstance(item, Frame) for item in items] == [True, False, True, True]
    assert "has 50 bytes of data but 16x12 rgb8 with its row step needs 576" in items[1].reason


@pytest.mark.parametrize(("rectified", "warnings"), [(True, 1), (False, 0)])
def test_image_raw_is_warned_about_once(tmp_path, caplog, rectified, warnings):
    records = [(topic.replace("left/image_rect", "left/image_raw"), *rest) for topic, *rest in bags.stereo_records()]
    bag = bags.write(tmp_path / "bag", records)
    assert len(read(bag, Topics(left_image="/left/image_raw"), rectified)) == 4
    assert sum("looks unrectified" in record.getMessage() for record in caplog.records) == warnings


def test_distortion_is_ignored_beside_image_rect_only(tmp_path):
    records = changed(bags.stereo_records(1), "/left/camera_info", set_field("d", 0, 0.3))
    bag = bags.write(tmp_path / "bag", records)
    assert isinstance(read(bag)[0], Frame)
    assert "lens distortion and rectified is false" in only_reason(read(bag, rectified=False))


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("missing", None, "does not exist: give a rosbag2 folder"),
        ("notes.txt", b"", "is no bag"),
        ("empty.mcap", b"", "cannot read bag"),
        ("text.mcap", b"this is no MCAP file at all, but long enough", "cannot read bag"),
        ("text.db3", b"this is no database", "cannot read bag"),
    ],
)
def test_what_is_no_bag(tmp_path, name, content, text):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=text):
        Recording(tmp_path / name)


def test_a_folder_without_a_bag(tmp_path):
    with pytest.raises(BadInput, match=r"neither metadata.yaml nor an .mcap or .db3 file"):
        Recording(tmp_path)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("damaged", [False, True])
def test_a_folder_whose_metadata_is_gone(tmp_path, storage, damaged):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(), storage)
    (bag / "metadata.yaml").unlink()
    if damaged:
        (bag / "metadata.yaml").write_text("rosbag2_bagfile_information: [")
    reader = FrameReader(bag, Topics(), TOLERANCE)
    assert len(list(reader.read())) == 4
    assert ("cannot be read" if damaged else "has no metadata.yaml") in reader.recording.damage


@pytest.mark.parametrize("lone", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.75, 0.95])
def test_a_truncated_mcap_is_read_as_far_as_it_goes(tmp_path, share, lone):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(8))
    file = bag / "bag.mcap"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    reader = FrameReader(file if lone else bag, Topics(), TOLERANCE)
    items = list(reader.read())
    complete = [item.content for item in items if isinstance(item.content, Frame)]
    assert 0 < len(complete) < 8 or share == 0.95
    assert [frame.stamp_ns for frame in complete] == [bags.stamp(n) for n in range(len(complete))]
    assert len(items) - len(complete) <= 1  # the last left image may have lost its partner
    assert "is truncated: it was read as far as it goes" in reader.recording.damage
    assert reader.recording.types["/right/image_rect"] == "sensor_msgs/msg/Image"


def test_each_later_cut_yields_at_least_as_many_messages(tmp_path):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(3))
    content = (bag / "bag.mcap").read_bytes()
    cut = tmp_path / "cut.mcap"
    counts = []
    for size in range(9, len(content), 97):
        cut.write_bytes(content[:size])
        recording = Recording(cut)
        counts.append(sum(1 for _ in recording.messages(recording.types)))
        assert "truncated" in recording.damage
    assert counts == sorted(counts)
    assert counts[-1] == 12


def test_an_mcap_cut_before_its_first_message(tmp_path):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(1))
    (bag / "bag.mcap").write_bytes((bag / "bag.mcap").read_bytes()[:60])
    with pytest.raises(BadInput, match=r"/left/image_rect \(topics.left_image\) is not in .* \(none\)"):
        FrameReader(bag, Topics(), TOLERANCE)


def test_an_mcap_damaged_in_the_middle_is_read_up_to_there(tmp_path):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(8))
    file = bag / "bag.mcap"
    content = bytearray(file.read_bytes())
    middle = content.index(b"left", len(content) // 3)
    content[middle - 200 : middle + 2000] = b"\xff" * 2200
    file.write_bytes(content)
    recording = Recording(bag)
    messages = list(recording.messages(recording.types))
    assert 4 <= len(messages) < 32
    assert "is damaged, it was read up to there" in recording.damage


def test_a_sqlite3_bag_cut_in_the_middle(tmp_path):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(40), "sqlite3")
    file = bag / "bag.db3"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(BadInput, match=r"cannot read bag .* malformed"):
        Recording(bag)


def test_a_message_that_cannot_be_deserialised(tmp_path):
    from depth_prompt_ros.bag.writer import BagWriter

    with BagWriter(tmp_path / "bag") as bag:
        for topic, content, log in bags.stereo_records(1):
            if topic != "/left/image_rect":
                bag.write(topic, content, log)
        bag.write_raw("/left/image_rect", "sensor_msgs/msg/Image", b"\x00\x01\x00\x00\x01", bags.stamp(0))
    with pytest.raises(BadInput, match="message 0 of topic /left/image_rect is no sensor_msgs/msg/Image"):
        FrameReader(tmp_path / "bag", Topics(), TOLERANCE)
