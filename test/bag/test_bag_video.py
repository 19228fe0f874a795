"""Video out of recordings: what belongs to a picture, poses by tf, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from bags import (
    CAMERA,
    LOG_DELAY,
    PERIOD,
    START,
    picture,
    stamp,
    stereo_records,
    transform_record,
    write,
    write_with_damage,
)

from depth_prompt_ros.bag.messages import image_message, message, typestore
from depth_prompt_ros.bag.sources.video import RecordedVideo, VideoTopics
from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.bag.tf.transforms import TransformTree
from depth_prompt_ros.data.sets.video import SpanRules, find_spans
from depth_prompt_ros.errors import BadInput

PAIR = VideoTopics(right="right/image_rect", right_info="right/camera_info")


def transform(parent: str, child: str, x: float, turn: float, stamp_ns: int, topic: str = "/tf"):
    types = typestore().types
    pose = message(
        "geometry_msgs/msg/Transform",
        translation=types["geometry_msgs/msg/Vector3"](x=x, y=0.0, z=0.0),
        rotation=types["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=np.sin(turn / 2), w=np.cos(turn / 2)),
    )
    head = image_message(np.zeros((1, 1), np.uint8), "mono8", stamp_ns, parent).header
    stamped = message("geometry_msgs/msg/TransformStamped", header=head, child_frame_id=child, transform=pose)
    return topic, message("tf2_msgs/msg/TFMessage", transforms=[stamped]), stamp_ns


def test_pictures_come_with_camera_right_picture_own_mask_and_pose(tmp_path) -> None:
    records = stereo_records(4)
    own = np.zeros((CAMERA.height, CAMERA.width), np.uint8)
    own[8:] = 7
    records += [("/own", image_message(own, "mono8", stamp(number), "left"), stamp(number)) for number in range(4)]
    records += [transform_record("/tf", number, stamp(number)) for number in range(4)]
    bag = write(tmp_path / "bag", sorted(records, key=lambda record: record[2]))
    topics = VideoTopics(right=PAIR.right, right_info=PAIR.right_info, own="own", fixed_frame="map")
    frames = list(RecordedVideo(bag, topics))
    assert [frame.stamp_ns for frame in frames] == [stamp(number) for number in range(4)]
    np.testing.assert_array_equal(frames[2].image, picture(2))
    np.testing.assert_array_equal(frames[2].right, picture(2, 1))
    assert frames[2].camera == CAMERA and frames[2].own[8:].all() and not frames[2].own[:8].any()
    assert frames[2].pose[0, 3] == 2.0


def test_a_damaged_picture_is_left_out_and_named_and_camera_info_holds_until_the_next(tmp_path) -> None:
    records = [record for record in stereo_records(6) if record[0].startswith("/left")]
    blind = [record for record in records if record[0] != "/left/camera_info" or record[2] != stamp(2) + LOG_DELAY]
    damaged = image_message(picture(4), "rgb8", stamp(4), "left")
    damaged.data = damaged.data[:100]
    blind = [
        (topic, damaged, log)
        if topic == "/left/image_rect" and log == stamp(4) + LOG_DELAY + 1
        else (topic, content, log)
        for topic, content, log in blind
    ]
    bag = write(tmp_path / "bag", blind)
    _, left_out = find_spans(RecordedVideo(bag, VideoTopics()), SpanRules(parallax=0))
    missing = [each for each in left_out if each.reason == "no usable camera_info"]
    assert [(each.first, each.frames) for each in missing] == [(str(stamp(4)), 1)]
    images = [record for record in records if "image" in record[0]]
    spans, left_out = find_spans(RecordedVideo(write(tmp_path / "no_info", images), VideoTopics()), SpanRules())
    assert not spans and [(each.reason, each.frames) for each in left_out] == [("no usable camera_info", 6)]


def test_tf_is_chained_interpolated_and_not_extrapolated(tmp_path) -> None:
    records = [
        transform("arm", "left", 0.5, 0.0, START, "/tf_static"),
        transform("map", "arm", 1.0, 0.0, START),
        transform("map", "arm", 2.0, np.pi / 2, START + PERIOD),
    ]
    tree = TransformTree(Recording(write(tmp_path / "bag", records)))
    np.testing.assert_allclose(
        tree.pose("left", "map", START), [[1, 0, 0, 1.5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    )
    half = tree.pose("left", "map", START + PERIOD // 2)
    np.testing.assert_allclose(half[:3, 3], [1.5 + 0.5 * np.sqrt(0.5), 0.5 * np.sqrt(0.5), 0])
    np.testing.assert_allclose(half[:2, 0], np.sqrt([0.5, 0.5]))
    assert tree.pose("left", "map", START + PERIOD + 1) is None
    assert tree.pose("left", "map", START - 1) is None
    assert tree.pose("left", "nowhere", START) is None
    np.testing.assert_array_equal(tree.pose("left", "left", START), np.eye(4))


def test_a_topic_that_is_missing_or_of_another_type_is_one_line(tmp_path) -> None:
    bag = write(tmp_path / "bag", stereo_records(2))
    for topics, words in (
        (VideoTopics(image="nowhere"), "/nowhere is not there"),
        (VideoTopics(image="left/camera_info"), "is sensor_msgs/msg/CameraInfo, not"),
        (VideoTopics(right="right/camera_info"), "is sensor_msgs/msg/CameraInfo, not"),
    ):
        with pytest.raises(BadInput, match=words) as error:
            RecordedVideo(bag, topics)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("topic", ["/left/image_rect", "/right/image_rect", "/left/camera_info"])
def test_one_message_of_damaged_bytes_costs_its_own_frame_at_most(tmp_path, topic) -> None:
    bag = write_with_damage(tmp_path / "bag", stereo_records(4), topic, 2)
    frames = list(RecordedVideo(bag, PAIR))
    assert [frame.stamp_ns for frame in frames] == [
        0 if topic == "/left/image_rect" and number == 2 else stamp(number) for number in range(4)
    ]
    assert [frame.camera is not None for frame in frames] == [
        topic != "/left/image_rect" or number != 2 for number in range(4)
    ]
    assert [frame.right is not None for frame in frames] == [topic[-4:] == "info" or number != 2 for number in range(4)]


def test_topics_without_a_slash_and_partners_that_lie_far_apart(tmp_path) -> None:
    """All left pictures first: more than one waits, whatever the order."""
    records = [(topic.lstrip("/"), content, log) for topic, content, log in stereo_records(4)]
    records.sort(key=lambda record: record[0])
    records = [(topic, content, START + place) for place, (topic, content, _) in enumerate(records)]
    frames = list(RecordedVideo(write(tmp_path / "bag", records), PAIR))
    assert len(frames) == 4
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.right, picture(number, 1))
