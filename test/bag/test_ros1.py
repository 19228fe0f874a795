"""ROS 1 bags are read as the same recording of ROS 2 is."""

from __future__ import annotations

import bags
import numpy as np
import pytest

from depth_prompt_ros.bag.reader import FrameReader
from depth_prompt_ros.bag.replay import replay
from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters


def ros1_bag(path, records):
    """The records as rosbag of ROS Noetic writes them."""
    from rosbags.convert.converter import migrate_message
    from rosbags.rosbag1 import Writer
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    ours, noetic = get_typestore(Stores.ROS2_HUMBLE), get_typestore(Stores.ROS1_NOETIC)
    noetic.register(get_types_from_msg("geometry_msgs/TransformStamped[] transforms", "tf2_msgs/msg/TFMessage"))
    with Writer(path) as writer:
        connections = {}
        for topic, content, log_ns in records:
            kind = content.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=noetic)
            message = migrate_message(ours, noetic, kind, kind, {}, content)
            writer.write(connections[topic], log_ns, noetic.serialize_ros1(message, kind))
    return path


def frames_of(path):
    return [each.content for each in FrameReader(path, Parameters()).read() if isinstance(each.content, Frame)]


def test_frames_are_those_of_the_same_rosbag2(tmp_path):
    records = bags.stereo_records(4)
    old, new = frames_of(ros1_bag(tmp_path / "old.bag", records)), frames_of(bags.write(tmp_path / "new", records))
    assert len(old) == len(new) == 4
    for before, after in zip(old, new, strict=True):
        assert (before.stamp_ns, before.frame_id, before.camera) == (after.stamp_ns, after.frame_id, after.camera)
        np.testing.assert_array_equal(before.image, after.image)
        np.testing.assert_array_equal(before.right, after.right)


def test_a_replay_is_the_same_and_keeps_the_transforms(tmp_path):
    records = [*bags.stereo_records(3), bags.transform_record("/tf_static", 0, bags.stamp(0))]
    paths = ros1_bag(tmp_path / "old.bag", records), bags.write(tmp_path / "new", records)
    for number, path in enumerate(paths):
        report = replay(path, tmp_path / f"out{number}", Parameters(), pipeline=bags.fake_pipeline, topics=["depth"])
        assert report.frames == 3
    of_old, of_new = (bags.read_with_rosbags(tmp_path / f"out{number}") for number in range(2))
    assert [(topic, log) for topic, log, _ in of_old] == [(topic, log) for topic, log, _ in of_new]
    transforms = [content for topic, _, content in of_old if topic == "/tf_static"]
    assert transforms[0].transforms[0].child_frame_id == "left"


def test_a_folder_with_a_lone_bag_is_read(tmp_path):
    (tmp_path / "folder").mkdir()
    ros1_bag(tmp_path / "folder" / "old.bag", bags.stereo_records(2))
    assert len(frames_of(tmp_path / "folder")) == 2


def test_types_that_ros_2_does_not_have_are_foreign(tmp_path):
    from rosbags.rosbag1 import Writer
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS1_NOETIC)
    store.register(get_types_from_msg("float32 grip", "ours/msg/Gripper"))
    other = get_typestore(Stores.EMPTY)
    other.register(get_types_from_msg("float32 width\nfloat32 height", "std_msgs/msg/Bool"))
    with Writer(tmp_path / "old.bag") as writer:
        for topic, kind, known in (("/grip", "ours/msg/Gripper", store), ("/other", "std_msgs/msg/Bool", other)):
            definition, digest = known.generate_msgdef(kind)
            writer.add_connection(topic, kind, msgdef=definition, md5sum=digest)
    recording = Recording(tmp_path / "old.bag")
    assert recording.types == {}
    assert set(recording.foreign) == {"/grip", "/other"}


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.95])
def test_a_cut_bag_is_one_line(tmp_path, keep):
    path = ros1_bag(tmp_path / "old.bag", bags.stereo_records(4))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(BadInput, match=r"cannot read bag .*old.bag.*rosbag reindex"):
        FrameReader(path, Parameters())


def test_a_damaged_message_costs_its_frame(tmp_path):
    path = ros1_bag(tmp_path / "old.bag", bags.stereo_records(4))
    content = path.read_bytes()
    spot = content.index(bags.picture(2).tobytes()[:64])
    before = content[:spot].rindex(b"rgb8")
    path.write_bytes(content[: before - 4] + b"\xff\xff\xff\x7f" + content[before:])
    contents = [each.content for each in FrameReader(path, Parameters()).read()]
    assert [isinstance(each, Frame) for each in contents] == [True, True, False, True]
