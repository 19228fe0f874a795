"""Sizes, encodings and calibration of a recorded camera, and how near a pair can see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from depth_prompt_ros.bag.encodings.images import image_size, is_compressed
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.camera_info import read_calibration
from depth_prompt_ros.doctor.finding import Finding, note, ok, wrong
from depth_prompt_ros.doctor.topics import Recorded
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.rectification import said_rectified

_NEAR = (0.3, 0.5, 1.0, 2.0)
"""Metres: where a table is."""


def look_at_calibration(
    camera: dict[str, str], found: dict[str, Recorded], parameters: Parameters
) -> Iterator[Finding]:
    """Of the first message of each of the camera's topics."""
    first = {role: found[topic].message for role, topic in camera.items() if topic in found and found[topic].message}
    yield from _images(camera, first)
    if "left_camera_info" not in first:
        return
    right = first.get("right_camera_info") if "depth_image" not in first else None
    rectified = said_rectified(parameters.rectified, camera.get("left_image", ""))
    try:
        model = CameraModel.from_camera_info(first["left_camera_info"], right, rectified)
    except BadFrame as error:
        yield wrong(str(error), "calibrate again, or mend the driver")
        return
    yield ok(
        f"camera: {model.width}x{model.height}, fx {model.fx:.1f}, fy {model.fy:.1f}, cx {model.cx:.1f}, "
        f"cy {model.cy:.1f}"
    )
    yield from _rectified(camera, first, rectified)
    if model.baseline:
        yield from _reach(model, parameters)


def _images(camera: dict[str, str], first: dict[str, Any]) -> Iterator[Finding]:
    sizes: dict[str, tuple[int, int]] = {}
    for role, message in first.items():
        if role.endswith("camera_info"):
            sizes[role] = (int(message.width), int(message.height))
            continue
        try:
            sizes[role] = image_size(message)
        except BadFrame as error:
            yield wrong(f"{camera[role]}: {error}", "record it again")
            continue
        kind = message.format if is_compressed(message) else message.encoding
        yield ok(f"{camera[role]}: {sizes[role][0]}x{sizes[role][1]}, {kind}, frame_id {message.header.frame_id!r}")
    left = sizes.get("left_image")
    for role, size in sizes.items():
        if left and size != left and not (role.startswith("depth") and "depth_camera_info" in sizes):
            yield wrong(
                f"{camera[role]} is {size[0]}x{size[1]} but {camera['left_image']} is {left[0]}x{left[1]}",
                "give topics of one size, or topics.depth_camera_info for depth of another",
            )


def _rectified(camera: dict[str, str], first: dict[str, Any], rectified: bool) -> Iterator[Finding]:
    try:
        calibration = read_calibration(first["left_camera_info"], "left")
    except BadFrame:
        return
    raw_name = "image_raw" in camera.get("left_image", "")
    bent = calibration.distorted or calibration.turned
    if not rectified:
        yield ok(
            "raw pictures: they are rectified here" if bent else "raw pictures without distortion: nothing to rectify"
        )
    elif raw_name and bent:
        yield wrong(
            "the pictures look unrectified (image_raw, with distortion in camera_info) and are taken for rectified",
            "set rectified: auto or false in --params, or name the image_rect topics",
        )
    else:
        yield ok("pictures are taken for rectified: P is used" + (", D is the raw picture's" if bent else ""))


def _reach(model: CameraModel, parameters: Parameters) -> Iterator[Finding]:
    stereo = parameters.stereo
    highest = stereo.min_disparity + stereo.num_disparities - 1
    at = {distance: float(model.disparity_from_depth(np.float32(distance))) for distance in _NEAR}
    nearest = model.fx * model.baseline / max(highest + model.cx_offset, 1e-6)
    said = ", ".join(f"{value:.0f} px at {distance:g} m" for distance, value in at.items())
    yield ok(f"baseline {model.baseline * 1e3:.1f} mm: disparity {said}")
    step = 1 / (model.fx * model.baseline)
    yield note(f"one sixteenth of a pixel is {step / 16 * 1e3:.2f} mm of depth at 1 m")
    if stereo.matcher != "sgbm":
        return
    if at[_NEAR[0]] > highest:
        wanted = int(np.ceil((at[_NEAR[0]] - stereo.min_disparity + 1) / 16) * 16)
        yield note(
            f"stereo.num_disparities {stereo.num_disparities} sees from {nearest:.2f} m on, nothing nearer",
            f"{wanted} sees from {_NEAR[0]:g} m on, and takes {wanted / stereo.num_disparities:.1f} times as long",
        )
    else:
        yield ok(f"stereo.num_disparities {stereo.num_disparities} sees from {nearest:.2f} m on")
