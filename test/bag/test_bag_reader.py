"""Recordings into frames: storages, pairing, damaged files, and each bad input with its message."""

from __future__ import annotations

import errno
import io
import re
import shutil
import struct
from dataclasses import replace
from functools import partialmethod

import bags
import cv2
import numpy as np
import pytest

from depth_prompt_ros.bag.frames import FrameBuilder
from depth_prompt_ros.bag.messages import camera_info_message, compressed_image_message, image_message
from depth_prompt_ros.bag.reader import FrameReader, SkippedFrame, read_frames
from depth_prompt_ros.bag.storage import spill
from depth_prompt_ros.bag.storage.recording import RawMessage, Recording
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters, Topics

START = bags.START


def read(path, topics=None, rectified=True):
    return list(read_frames(path, Parameters(topics=topics or Topics(), rectified=rectified)))


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
        "/right/image_rect",
        lambda n, _: image_message(bags.picture(n, 1), "rgb8", bags.stamp(n) + 40_000_000, "right"),
    )
    items = read(bags.write(tmp_path / "bag", records))
    assert only_reason(items) == "no message on /right/image_rect within 0.02 s of the left image"
    assert {round(item.gap_s, 6) for item in items} == {0.04}


def test_messages_without_a_left_image_are_counted_by_topic(tmp_path):
    records = changed(bags.stereo_records(), "/left/image_rect", lambda n, content: None if n == 1 else content)
    reader = FrameReader(bags.write(tmp_path / "bag", records), Parameters())
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
        FrameReader(bag, Parameters(topics=Topics(right_image="/right/image")))
    assert str(error.value) == (
        f"topic /right/image (topics.right_image) is not in {bag}: by its name set topics.right_image: "
        "/right/image_rect (sensor_msgs/msg/CameraInfo: /left/camera_info, /right/camera_info; "
        "sensor_msgs/msg/Image: /left/image_rect, /right/image_rect)"
    )


def test_a_topic_of_the_wrong_type(tmp_path):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(1))
    with pytest.raises(
        BadInput, match=r"/left/camera_info \(topics.left_image\) is sensor_msgs/msg/CameraInfo, not sens"
    ):
        FrameReader(bag, Parameters(topics=Topics(left_image="/left/camera_info")))


@pytest.mark.parametrize(
    ("topics", "text"),
    [
        (Topics(left_image=""), "parameter topics.left_image is empty"),
        (Topics(right_image=""), "name the right camera's topics or a depth image's"),
    ],
)
def test_topics_that_cannot_work(tmp_path, topics, text):
    with pytest.raises(BadInput, match=text):
        FrameReader(bags.write(tmp_path / "bag", bags.stereo_records(1)), Parameters(topics=topics))


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
        return image_message(
            array.astype(np.float32) if encoding == "32FC1" else array, encoding, bags.stamp(n), "left"
        )

    depth = topic == "/depth/image_rect"
    records = bags.rgbd_records([DEPTH], "32FC1") if depth else bags.stereo_records(1)
    if topic == "/labels":
        records.append((topic, image_message(small, "mono8", bags.stamp(0), "x"), bags.stamp(0)))
    topics = Topics(depth_image=topic if depth else "", labels=topic if topic == "/labels" else "")
    bag = bags.write(tmp_path / "bag", changed(records, topic, shrink))
    assert only_reason(read(bag, topics)) == (
        f"{topic} is 8x6 but /left/camera_info says 16x12: give pictures and camera_info of one size"
        + (", or topics.depth_camera_info for depth of another" if depth else "")
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
        (
            "/left/camera_info",
            set_field("p", 0, 0.0),
            "left camera_info's P has focal length fx=0 fy=20 for a picture of 16x12",
        ),
        ("/left/camera_info", set_field("k", 2, np.nan), "left camera_info has NaN or infinite values in K, P"),
        ("/right/camera_info", set_field("p", 3, 0.0), "right camera_info has no baseline"),
        (
            "/right/camera_info",
            set_field("p", 3, 2.0),
            "right camera_info has P[0,3] = 2, left 0: the right camera would be 0.1 m to the left",
        ),
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


@pytest.mark.parametrize(("rectified", "warnings"), [(True, 1), (False, 0), ("auto", 0)])
def test_image_raw_is_warned_about_once(tmp_path, caplog, rectified, warnings):
    records = [(topic.replace("left/image_rect", "left/image_raw"), *rest) for topic, *rest in bags.stereo_records()]
    bag = bags.write(tmp_path / "bag", records)
    assert len(read(bag, Topics(left_image="/left/image_raw"), rectified)) == 4
    assert sum("looks unrectified" in record.getMessage() for record in caplog.records) == warnings


def test_distortion_is_ignored_beside_image_rect_only(tmp_path):
    records = changed(bags.stereo_records(1), "/left/camera_info", set_field("d", 0, 0.3))
    bag = bags.write(tmp_path / "bag", records)
    as_it_is, rectified = read(bag)[0], read(bag, rectified=False)[0]
    np.testing.assert_array_equal(as_it_is.image, bags.picture(0))
    assert rectified.camera == as_it_is.camera
    expected = cv2.undistort(bags.picture(0), bags.CAMERA.K, np.array([0.3, 0, 0, 0, 0]))
    assert np.abs(rectified.image.astype(int) - expected).max() <= 8
    assert np.abs(rectified.image.astype(int) - bags.picture(0)).mean() > 5
    np.testing.assert_array_equal(rectified.right, bags.picture(0, 1))


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
    with pytest.raises(BadInput, match=r"neither metadata.yaml nor an .mcap, .db3 or .bag file"):
        Recording(tmp_path)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("damaged", [False, True])
def test_a_folder_whose_metadata_is_gone(tmp_path, storage, damaged):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(), storage)
    (bag / "metadata.yaml").unlink()
    if damaged:
        (bag / "metadata.yaml").write_text("rosbag2_bagfile_information: [")
    reader = FrameReader(bag, Parameters())
    assert len(list(reader.read())) == 4
    assert ("cannot be read" if damaged else "has no metadata.yaml") in reader.recording.damage


@pytest.mark.parametrize("lone", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.75, 0.95])
def test_a_truncated_mcap_is_read_as_far_as_it_goes(tmp_path, share, lone):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(8))
    file = bag / "bag.mcap"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    reader = FrameReader(file if lone else bag, Parameters())
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
        FrameReader(bag, Parameters())


def test_of_an_mcap_damaged_in_the_middle_the_rest_is_read(tmp_path):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(8))
    file = bag / "bag.mcap"
    content = bytearray(file.read_bytes())
    middle = content.index(b"left", len(content) // 3)
    content[middle - 200 : middle + 2000] = b"\xff" * 2200
    file.write_bytes(content)
    recording = Recording(bag)
    messages = list(recording.messages(recording.types))
    assert 26 <= len(messages) < 32
    assert {bags.stamp(0), bags.stamp(7)} <= {message.log_ns // 10**8 * 10**8 for message in messages}
    assert re.search(r"bag.mcap is damaged, \d of its 32 chunks were left out", recording.damage)


def test_a_sqlite3_bag_cut_in_the_middle(tmp_path):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(40), "sqlite3")
    file = bag / "bag.db3"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(BadInput, match=r"cannot read bag .* malformed"):
        Recording(bag)


@pytest.mark.parametrize(
    ("topic", "expected", "reason"),
    [
        ("/left/image_rect", [1, 0, 1, 1], "a message of topic /left/image_rect is no sensor_msgs/msg/Image: "),
        ("/right/image_rect", [1, 0, 1, 1], "no message on /right/image_rect within 0.02 s of the left image"),
        ("/left/camera_info", [1, 1, 1, 1], None),
    ],
)
def test_one_damaged_message_costs_its_own_frame_at_most(tmp_path, caplog, topic, expected, reason):
    from depth_prompt_ros.bag.storage.writer import BagWriter

    with BagWriter(tmp_path / "bag") as bag:
        seen = 0
        for name, content, log in bags.stereo_records():
            seen += name == topic
            if name == topic and seen == 2:
                bag.write_raw(name, content.__msgtype__, b"\x00\x01\x00\x00\x01", log)
            else:
                bag.write(name, content, log)
    reader = FrameReader(tmp_path / "bag", Parameters())
    items = [recorded.content for recorded in reader.read()]
    assert [isinstance(item, Frame) for item in items] == expected
    if reason:
        assert items[1].reason.startswith(reason)
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"a message of topic {topic} is no sensor_msgs/msg/")
    if "right" in topic:
        assert reader.unpaired == {topic: 1}


@pytest.mark.parametrize("keep", [{0, 5, 10}, {3}, {11}])
def test_camera_info_slower_than_the_pictures_holds_until_the_next(tmp_path, keep):
    records = bags.stereo_records(12)
    for side in ("left", "right"):
        records = changed(records, f"/{side}/camera_info", lambda n, content: content if n in keep else None)
    assert all(isinstance(item, Frame) for item in read(bags.write(tmp_path / "bag", records)))


def test_a_calibration_that_changes_in_mid_run_takes_effect_at_its_stamp(tmp_path):
    def change(n, content):
        if n not in (0, 5):
            return None
        return content if n == 0 else set_field("p", 0, 21.0)(n, set_field("p", 5, 21.0)(n, content))

    records = changed(bags.stereo_records(8), "/left/camera_info", change)
    frames = read(bags.write(tmp_path / "bag", records))
    assert [frame.camera.fx for frame in frames] == [20.0] * 5 + [21.0] * 3


def test_camera_info_repeated_at_a_split_and_one_that_is_latched_with_stamp_zero(tmp_path):
    def early(n, content):
        return camera_info_message(bags.CAMERA, 0, "left") if n in (0, 4) else None

    frames = read(bags.write(tmp_path / "bag", changed(bags.stereo_records(8), "/left/camera_info", early)))
    assert [frame.camera for frame in frames] == [bags.CAMERA] * 8


@pytest.mark.parametrize("stamp", [0, -5_000_000_000, 1_700_000_000_000_000_000])
@pytest.mark.parametrize("dropped", [None, 3])
def test_stamps_that_are_all_the_same_give_way_to_the_times_of_recording(tmp_path, caplog, stamp, dropped):
    records = []
    for topic, content, log in bags.stereo_records(12):
        where = replace(content.header.stamp, sec=stamp // 10**9, nanosec=stamp % 10**9)
        records.append((topic, replace(content, header=replace(content.header, stamp=where)), log))
    records = changed(records, "/right/image_rect", lambda n, content: None if n == dropped else content)
    items = read(bags.write(tmp_path / "bag", records))
    assert [isinstance(item, Frame) for item in items] == [n != dropped for n in range(12)]
    for number, item in enumerate(items):
        if number != dropped:
            np.testing.assert_array_equal(item.right, bags.picture(number, 1))
            assert item.stamp_ns == stamp
    said = [record.getMessage() for record in caplog.records]
    assert len([text for text in said if "stamps on /left/image_rect are" in text]) == 1
    assert len([text for text in said if "does not set header.stamp" in text]) == 2


def test_stamps_before_1970_are_stamps(tmp_path):
    records = []
    for topic, content, log in bags.stereo_records(3):
        where = replace(content.header.stamp, sec=content.header.stamp.sec - 1_700_000_100)
        records.append((topic, replace(content, header=replace(content.header, stamp=where)), log))
    frames = read(bags.write(tmp_path / "bag", records))
    assert [frame.stamp_ns for frame in frames] == [-100 * 10**9 + n * bags.PERIOD for n in range(3)]
    assert all(frame.seed >= 0 for frame in frames)


@pytest.mark.parametrize("written", ["left/image_rect", "/left/image_rect"])
@pytest.mark.parametrize("named", ["left/image_rect", "/left/image_rect"])
def test_topics_are_found_with_and_without_a_leading_slash(tmp_path, written, named):
    records = [(topic if written.startswith("/") else topic[1:], *rest) for topic, *rest in bags.stereo_records(2)]
    bag = bags.write(tmp_path / "bag", records)
    assert len([item for item in read(bag, Topics(left_image=named)) if isinstance(item, Frame)]) == 2


def test_partners_that_lie_far_apart_wait_on_the_disk(tmp_path, monkeypatch):
    records = sorted(bags.stereo_records(40), key=lambda record: "right/image" in record[0])
    bag = bags.write(tmp_path / "bag", [(topic, content, START + n) for n, (topic, content, _) in enumerate(records)])
    held = []
    put = spill.Spill.put
    monkeypatch.setattr(spill, "_IN_MEMORY", 5000)
    monkeypatch.setattr(spill.Spill, "__init__", partialmethod(spill.Spill.__init__, in_memory=5000))
    monkeypatch.setattr(spill.Spill, "put", lambda self, *given: (put(self, *given), held.append(in_memory(self)))[0])
    frames = read(bag)
    assert max(held) <= 5000 < sum(content.data.nbytes for topic, content, _ in records if topic == "/left/image_rect")
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.image, bags.picture(number))
        np.testing.assert_array_equal(frame.right, bags.picture(number, 1))
    assert len(frames) == 40


def in_memory(waiting):
    return sum(len(message.data) for messages in waiting._waiting.values() for message in messages.values())


def test_a_full_disk_under_what_waits_is_one_error():
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    with spill.Spill(in_memory=0) as waiting:
        waiting._file = Full()
        with pytest.raises(BadInput, match="do not fit on the disk .*No space left .* partners lie far apart"):
            waiting.put(0, "left_image", RawMessage("/t", "x", 0, b"data"))


@pytest.mark.parametrize("megapixels", [1e-4, 64])
def test_pictures_larger_than_the_limit_are_refused(tmp_path, megapixels):
    bag = bags.write(tmp_path / "bag", bags.stereo_records(1))
    (item,) = read_frames(bag, Parameters(most_megapixels=megapixels))
    if megapixels == 64:
        assert isinstance(item, Frame)
    else:
        assert item.reason == (
            "/left/camera_info says 16x12: pictures of more than 0.0001 megapixels are not read "
            "(parameter most_megapixels)"
        )


def test_an_exception_that_nothing_was_prepared_for_costs_one_frame(tmp_path):
    def build(messages):
        if messages["left_image"].header.stamp.nanosec == 100_000_000:
            raise ZeroDivisionError("division\nby zero")
        return FrameBuilder({}, Parameters())(messages)

    items = [
        recorded.content
        for recorded in FrameReader(bags.write(tmp_path / "bag", bags.stereo_records()), Parameters(), build).read()
    ]
    assert [isinstance(item, Frame) for item in items] == [True, False, True, True]
    assert items[1] == SkippedFrame(bags.stamp(1), "ZeroDivisionError: division", unexpected=True)
