"""Depth that is not its picture's: registered by tf, refused with both frames, or taken for granted; and its unit."""

from __future__ import annotations

from dataclasses import replace

import bags
import numpy as np
import pytest

from depth_prompt_ros.bag.messages import camera_info_message, image_message, message, typestore
from depth_prompt_ros.bag.reader import SkippedFrame, read_frames
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import DepthParameters, Parameters, Topics
from depth_prompt_ros.rotation import rotation_matrix

OWN = CameraModel(width=16, height=12, fx=14.0, fy=14.0, cx=7.5, cy=5.5)
TOPICS = Topics(depth_image="/depth/image_rect")
WITH_INFO = Topics(depth_image="/depth/image_rect", depth_camera_info="/depth/camera_info")
FLAT = np.full((12, 16), 1.5, np.float32)


def rgbd(depth=FLAT, frame="depth", encoding="32FC1", own: CameraModel | None = None) -> list[bags.Record]:
    """One picture in the frame ``left`` with depth in another, and perhaps the depth camera's camera_info."""
    t = bags.stamp(0)
    records = [record for record in bags.stereo_records(1) if record[0].startswith("/left")]
    records.append(("/depth/image_rect", image_message(depth, encoding, t, frame), t + 9))
    if own is not None:
        records.append(("/depth/camera_info", camera_info_message(own, t, frame), t + 9))
    return records


def transform(parent: str, child: str, x: float, rotation=(0.0, 0.0, 0.0, 1.0)):
    types = typestore().types
    x_, y_, z_, w_ = rotation
    pose = message(
        "geometry_msgs/msg/Transform",
        translation=types["geometry_msgs/msg/Vector3"](x=x, y=0.0, z=0.0),
        rotation=types["geometry_msgs/msg/Quaternion"](x=x_, y=y_, z=z_, w=w_),
    )
    head = image_message(np.zeros((1, 1), np.uint8), "mono8", bags.stamp(0), parent).header
    return message("geometry_msgs/msg/TransformStamped", header=head, child_frame_id=child, transform=pose)


def static(*transforms) -> bags.Record:
    return "/tf_static", message("tf2_msgs/msg/TFMessage", transforms=list(transforms)), bags.stamp(0)


def read(tmp_path, records, topics=TOPICS, **depth):
    (item,) = read_frames(
        bags.write(tmp_path / "bag", records), Parameters(topics=topics, depth=DepthParameters(**depth))
    )
    return item


@pytest.mark.parametrize("size", [(12, 16), (6, 8)])
def test_depth_in_another_frame_is_refused_with_both_names(tmp_path, size):
    item = read(tmp_path, rgbd(np.full(size, 1.5, np.float32)))
    assert isinstance(item, SkippedFrame)
    assert "/depth/image_rect: depth is in frame depth, the picture in left: give the depth that the" in item.reason
    assert "topics.depth_camera_info" in item.reason
    assert "depth.aligned always" in item.reason


@pytest.mark.parametrize("frame", ["left", "/left", ""])
def test_depth_in_the_pictures_frame_or_in_none_is_taken_as_aligned(tmp_path, frame):
    np.testing.assert_array_equal(read(tmp_path, rgbd(frame=frame)).depth, FLAT)


def test_alignment_may_be_taken_for_granted(tmp_path):
    np.testing.assert_array_equal(read(tmp_path, rgbd(), aligned="always").depth, FLAT)
    (item,) = read_frames(
        bags.write(tmp_path / "small", rgbd(np.ones((6, 8), np.float32))),
        Parameters(topics=TOPICS, depth=DepthParameters(aligned="always")),
    )
    assert "/depth/image_rect is 8x6 but /left/camera_info says 16x12" in item.reason


@pytest.mark.parametrize("moving", [False, True])
def test_depth_is_registered_by_the_transforms_of_the_recording(tmp_path, moving):
    """The box that fills columns 8 to 11 of the depth camera, seen 0.1 m aside through two frames."""
    depth = np.full((12, 16), 2.0, np.float32)
    depth[:, 8:12] = 0.5
    joints = [static(transform("body", "left", 0.3)), static(transform("body", "depth", 0.4))]
    if moving:
        joints[1] = ("/tf", *joints[1][1:])
    frame = read(tmp_path, [*rgbd(depth, own=OWN), *joints], WITH_INFO)
    assert isinstance(frame, Frame)
    columns = np.nonzero(frame.depth[6] == np.float32(0.5))[0]
    ends = [20 * ((edge - 7.5) / 14 * 0.5 + 0.1) / 0.5 + 7.5 for edge in (7.5, 11.5)]
    expected = [column for column in range(16) if ends[0] <= column <= ends[1]]
    assert columns.tolist() == expected


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_depth_of_another_size_in_the_same_frame_is_registered_by_its_camera_info(tmp_path, scale):
    small = bags.CAMERA.scaled(int(16 * scale), int(12 * scale))
    frame = read(tmp_path, rgbd(np.full((small.height, small.width), 1.5, np.float32), "left", own=small), WITH_INFO)
    np.testing.assert_allclose(frame.depth, FLAT)


def test_depth_whose_camera_is_the_pictures_is_not_touched(tmp_path):
    depth = np.random.default_rng(0).uniform(0.5, 2, (12, 16)).astype(np.float32)
    same = replace(bags.CAMERA, baseline=0.0)
    np.testing.assert_array_equal(read(tmp_path, rgbd(depth, "left", own=same), WITH_INFO).depth, depth)


@pytest.mark.parametrize(
    ("transforms", "text"),
    [
        ([], "no transform from depth to left: it has no /tf or /tf_static"),
        ([static(transform("body", "left", 0.3))], "from depth to left: tf of this recording does not join"),
    ],
)
def test_frames_that_are_not_joined_are_named(tmp_path, transforms, text):
    item = read(tmp_path, [*rgbd(own=OWN), *transforms], WITH_INFO)
    assert text in item.reason


def test_a_turned_depth_camera(tmp_path):
    """Turned by 180 degrees about its axis: the picture of depth is upside down."""
    depth = np.full((12, 16), 1.0, np.float32)
    depth[:3, :5] = 0.5
    turned = static(transform("left", "depth", 0.0, (0.0, 0.0, 1.0, 0.0)))
    own = replace(bags.CAMERA, baseline=0.0)
    frame = read(tmp_path, [*rgbd(depth, own=own), turned], WITH_INFO)
    np.testing.assert_allclose(frame.depth, depth[::-1, ::-1])


def test_a_quaternion_of_any_length():
    expected = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    for length in (1e-3, 1.0, 50.0):
        half = length * np.sqrt(0.5)
        np.testing.assert_allclose(rotation_matrix(0, 0, half, half), expected, atol=1e-12)
    np.testing.assert_array_equal(rotation_matrix(0, 0, 0, 0), np.eye(3))


@pytest.mark.parametrize(
    ("encoding", "factor", "name", "unit"),
    [("16UC1", 10_000, "unit", 0.0001), ("16UC1", 4000, "unit", 0.00025), ("32FC1", 1000, "float_unit", 0.001)],
)
def test_depth_in_another_unit_is_said_and_mended_by_a_parameter(tmp_path, caplog, encoding, factor, name, unit):
    stored = (FLAT * factor).astype(np.uint16 if encoding == "16UC1" else np.float32)
    wrong = read(tmp_path, rgbd(stored, "left", encoding))
    assert wrong.depth.mean() > 5
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("depth of /depth/image_rect is ")
    assert "depth.unit" in said
    assert "depth.float_unit" in said
    caplog.clear()
    (right,) = read_frames(tmp_path / "bag", Parameters(topics=TOPICS, depth=DepthParameters(**{name: unit})))
    np.testing.assert_allclose(right.depth, FLAT, rtol=1e-4)
    assert not caplog.records
