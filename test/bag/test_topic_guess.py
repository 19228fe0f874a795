"""Topics of common cameras' recordings are told by their names."""

from __future__ import annotations

import bags
import numpy as np
import pytest

from depth_prompt_ros.bag.reader import FrameReader
from depth_prompt_ros.bag.topic_guess import guess_topics
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters

IMAGE, INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"
COMPRESSED = "sensor_msgs/msg/CompressedImage"


def types(images=(), infos=(), compressed=()):
    return dict.fromkeys(images, IMAGE) | dict.fromkeys(infos, INFO) | dict.fromkeys(compressed, COMPRESSED)


CAMERAS = {
    "realsense": (
        types(
            ["/camera/color/image_raw", "/camera/aligned_depth_to_color/image_raw", "/camera/depth/image_rect_raw"],
            ["/camera/color/camera_info", "/camera/aligned_depth_to_color/camera_info", "/camera/depth/camera_info"],
            ["/camera/color/image_raw/compressed"],
        ),
        {
            "left_image": "/camera/color/image_raw",
            "left_camera_info": "/camera/color/camera_info",
            "depth_image": "/camera/aligned_depth_to_color/image_raw",
        },
    ),
    "realsense, infrared": (
        types(
            ["/camera/infra1/image_rect_raw", "/camera/infra2/image_rect_raw"],
            ["/camera/infra1/camera_info", "/camera/infra2/camera_info"],
        ),
        {
            "left_image": "/camera/infra1/image_rect_raw",
            "left_camera_info": "/camera/infra1/camera_info",
            "right_image": "/camera/infra2/image_rect_raw",
            "right_camera_info": "/camera/infra2/camera_info",
        },
    ),
    "zed, raw and rectified": (
        types(
            [
                f"/zed/zed_node/{side}/{kind}"
                for side in ("left", "right")
                for kind in ("image_raw", "image_rect_color")
            ],
            [f"/zed/zed_node/{side}/camera_info" for side in ("left", "right")],
        ),
        {
            "left_image": "/zed/zed_node/left/image_rect_color",
            "left_camera_info": "/zed/zed_node/left/camera_info",
            "right_image": "/zed/zed_node/right/image_rect_color",
            "right_camera_info": "/zed/zed_node/right/camera_info",
        },
    ),
    "kinect, depth of its own": (
        types(["/rgb/image_rect_color", "/depth/image_raw"], ["/rgb/camera_info", "/depth/camera_info"]),
        {
            "left_image": "/rgb/image_rect_color",
            "left_camera_info": "/rgb/camera_info",
            "depth_image": "/depth/image_raw",
            "depth_camera_info": "/depth/camera_info",
        },
    ),
    "names that say nothing": (types(["/a", "/b"], ["/c"]), {}),
    "what we wrote": (types(["/object_depth/depth", "/object_depth/labels"], ["/object_depth/depth/camera_info"]), {}),
}


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_cameras_topics_are_told_by_their_names(camera) -> None:
    there, expected = CAMERAS[camera]
    assert guess_topics(there) == expected


def test_a_bag_of_a_depth_camera_says_what_to_set(tmp_path) -> None:
    records = bags.rgbd_records([np.full((12, 16), 800, np.uint16)], "16UC1")
    renamed = [
        (topic.replace("/left/image_rect", "/camera/color/image_raw").replace("/left", "/camera/color"), *more)
        for topic, *more in records
    ]
    bags.write(tmp_path / "bag", renamed)
    with pytest.raises(BadInput) as error:
        FrameReader(tmp_path / "bag", Parameters())
    said = str(error.value)
    assert "topics.depth_image: /depth/image_rect" in said
    assert "topics.left_image: /camera/color/image_raw, topics.left_camera_info: /camera/color/camera_info" in said


def test_a_bag_with_the_default_picture_and_depth_says_depth_image_too(tmp_path) -> None:
    bags.write(tmp_path / "bag", bags.rgbd_records([np.full((12, 16), 800, np.uint16)], "16UC1"))
    with pytest.raises(BadInput, match=r"topics.right_image\) is not in .*topics.depth_image: /depth/image_rect"):
        FrameReader(tmp_path / "bag", Parameters())
