"""What single-stage nodes are handed: the camera's raw picture is rectified as the first stage did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from bags import CAMERA, picture, stamp

from depth_prompt_ros.bag.messages import camera_info_message, image_message
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.rectification import rectify
from depth_prompt_ros.ros.handed_over import handed_over


def test_the_left_picture_is_rectified_and_what_stages_made_is_not() -> None:
    depth = np.full((12, 16), 1.5, np.float32)
    info = replace(camera_info_message(CAMERA, stamp(0), "left"), d=np.array([0.3, 0, 0, 0, 0]))
    messages = {
        "image": image_message(picture(0), "rgb8", stamp(0), "left"),
        "depth": image_message(depth, "32FC1", stamp(0), "left"),
        "left_camera_info": info,
        "right_camera_info": camera_info_message(CAMERA, stamp(0), "right", right=True),
    }
    itself = Parameters.checked({"stages": {"image": "left/image_rect"}}, "the test")
    raw = handed_over(messages, itself, rectified=False)
    np.testing.assert_array_equal(raw.arrays["image"], rectify(picture(0), info, "left", pair=True))
    np.testing.assert_array_equal(raw.arrays["depth"], depth)
    assert raw.camera == CAMERA
    for settings, rectified in ((itself, True), (Parameters(), False)):
        np.testing.assert_array_equal(handed_over(messages, settings, rectified).arrays["image"], picture(0))
