"""Boxes out of ``vision_msgs/Detection2DArray``, as any detector sends them."""

from __future__ import annotations

from typing import Any

import numpy as np

from depth_prompt_ros.frame import Detection

DETECTIONS = "vision_msgs/msg/Detection2DArray"
_FARTHEST = 1e6
_NOWHERE = (0.0, 0.0, 0.0, 0.0)

DEFINITIONS = {
    "vision_msgs/msg/Point2D": "float64 x\nfloat64 y\n",
    "vision_msgs/msg/Pose2D": "vision_msgs/Point2D position\nfloat64 theta\n",
    "vision_msgs/msg/BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    "vision_msgs/msg/ObjectHypothesis": "string class_id\nfloat64 score\n",
    "vision_msgs/msg/ObjectHypothesisWithPose": (
        "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n"
    ),
    "vision_msgs/msg/Detection2D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox2D bbox\nstring id\n"
    ),
    DETECTIONS: "std_msgs/Header header\nvision_msgs/Detection2D[] detections\n",
}
"""Of vision_msgs 4, which Humble and later distributions have; rosbags knows the common interfaces alone."""


def detections_of(message: Any) -> tuple[Detection, ...]:
    """The boxes of a ``vision_msgs/Detection2DArray`` in its order, each with the likeliest of its classes.

    A box that is turned becomes the upright one around it. One that is not finite is empty, and so no target, but keeps
    its place: labels count from 1 in the message's order.
    """
    return tuple(_detection(each) for each in message.detections)


def _detection(detection: Any) -> Detection:
    centre, box = detection.bbox.center, detection.bbox
    values = np.array([centre.position.x, centre.position.y, centre.theta, box.size_x, box.size_y], np.float64)
    likeliest = max((each.hypothesis for each in detection.results), key=lambda each: each.score, default=None)
    name, score = (str(likeliest.class_id), float(likeliest.score)) if likeliest is not None else ("", 0.0)
    if not np.isfinite(values).all() or np.abs(values).max() > _FARTHEST:
        return Detection(_NOWHERE, name, score)
    x, y, theta, width, height = (float(value) for value in values)
    across, along = abs(np.cos(theta)), abs(np.sin(theta))
    upright = (float(across * width + along * height), float(along * width + across * height))
    return Detection((x - upright[0] / 2, y - upright[1] / 2, *upright), name, score)
