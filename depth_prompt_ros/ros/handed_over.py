"""What the single-stage nodes hand over to each other as topics, and how it comes back to arrays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.encodings.images import depth_metres, label_image
from depth_prompt_ros.bag.frames import seen_rectified
from depth_prompt_ros.bag.messages import stamp_of
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import DepthMeasurement, Detection, Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.rectification import rectify
from depth_prompt_ros.ros.cv_bridge_pictures import live_picture
from depth_prompt_ros.ros.found import FOUND, Found, found_in
from depth_prompt_ros.ros.inputs.topics import INFO, Topic, image_topic

_CONVERT: dict[str, Callable[[Any], NDArray[Any]]] = {
    "image": live_picture,
    "depth": depth_metres,
    "confidence": lambda message: np.nan_to_num(depth_metres(message)),
    "labels": label_image,
    "tom_mask": lambda message: label_image(message) > 0,
    "mono_depth": depth_metres,
    "mono_uncertainty": depth_metres,
    "outside_labels": label_image,
    "outside_tom_labels": label_image,
}


@dataclass(frozen=True, eq=False)
class HandedOver:
    """One set of inputs as arrays.

    Attributes:
        stamp_ns, frame_id: of the left image, which all stages keep.
        camera: the left camera, with its baseline if it is a stereo pair's.
        arrays: (H, W[, 3]) by role.
        detections: boxes on the rectified left picture, None where nobody detects.
        found: how the segmentation found the targets; None where ``stages.targets`` is empty.
    """

    stamp_ns: int
    frame_id: str
    camera: CameraModel
    arrays: dict[str, NDArray[Any]]
    detections: tuple[Detection, ...] | None = None
    found: Found | None = None

    def frame(self) -> Frame:
        """As the pipeline takes it, with what other stages found."""
        found = self.arrays
        tom = found["outside_tom_labels"] > 0 if "outside_tom_labels" in found else found.get("tom_mask")
        return Frame(
            self.stamp_ns, self.frame_id, found["image"], self.camera, depth=found["depth"],
            labels=found.get("outside_labels", found.get("labels")), tom=tom, detections=self.detections,
        )  # fmt: skip

    def measurement(self) -> DepthMeasurement:
        """Measured depth; disparity is that of the depth."""
        depth, confidence = self.arrays["depth"], self.arrays["confidence"]
        disparity = self.camera.disparity_from_depth(depth) if self.camera.baseline > 0 else None
        return DepthMeasurement(depth, np.where(np.isfinite(depth), confidence, np.float32(0)), disparity)


def stage_topics(settings: Parameters, roles: Collection[str]) -> dict[str, Topic]:
    """Name and type by role: camera_info of the camera, and the images of these roles, the first of them first.

    Role ``targets`` is no image, and is left out where the labels are someone else's.
    """
    names = settings.stages.model_dump()
    used = {role: image_topic(names[role], reliable=True) for role in roles if role != "targets"}
    if "targets" in roles and names["targets"]:
        used["targets"] = Topic(names["targets"], FOUND, reliable=True)
    if "image" in roles and names["image"] == settings.topics.left_image:
        used["image"] = image_topic(names["image"], transport=settings.transport.left_image)
    used["left_camera_info"] = Topic(settings.topics.left_camera_info, INFO)
    if not settings.topics.depth_image:
        used["right_camera_info"] = Topic(settings.topics.right_camera_info, INFO)
    return used


def handed_over(messages: Mapping[str, Any], settings: Parameters, rectified: bool) -> HandedOver:
    """Convert and check; what stages hand over is rectified, the camera's raw picture and what lies on it are here.

    Args:
        messages: by role.
        settings: whose picture it is.
        rectified: whether the camera's pictures are.

    Raises:
        BadFrame: an encoding that cannot be used, or sizes that differ.
    """
    camera = CameraModel.from_camera_info(messages["left_camera_info"], messages.get("right_camera_info"), rectified)
    arrays = {role: convert(messages[role]) for role, convert in _CONVERT.items() if role in messages}
    for role, array in arrays.items():
        height, width = array.shape[:2]
        if (width, height) != (camera.width, camera.height):
            raise BadFrame(f"{role} is {width}x{height} but camera_info says {camera.width}x{camera.height}")
    if not rectified:
        raw = {"outside_labels", "outside_tom_labels"}
        if settings.stages.image == settings.topics.left_image:
            raw.add("image")
        info, pair = messages["left_camera_info"], "right_camera_info" in messages
        for role in raw & arrays.keys():
            arrays[role] = rectify(arrays[role], info, "left", pair, nearest=role != "image")
    first = next(iter(messages.values()))
    found = found_in(messages["targets"]) if "targets" in messages else None
    detections = found.detections if found else seen_rectified(messages, rectified)
    return HandedOver(stamp_of(first), first.header.frame_id, camera, arrays, detections, found)
