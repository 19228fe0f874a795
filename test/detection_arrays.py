"""Messages of a detector."""

from __future__ import annotations

import numpy as np

from depth_prompt_ros.bag.detections import DETECTIONS
from depth_prompt_ros.bag.messages import header, message


def array_message(boxes, stamp_ns, theta=0.0, results=None):
    """Of (x, y, width, height, class, score) each; ``results`` in place of the one class."""
    found = []
    for x, y, width, height, name, score in boxes:
        position = message("vision_msgs/msg/Point2D", x=x + width / 2, y=y + height / 2)
        centre = message("vision_msgs/msg/Pose2D", position=position, theta=theta)
        box = message("vision_msgs/msg/BoundingBox2D", center=centre, size_x=float(width), size_y=float(height))
        pose = message(
            "geometry_msgs/msg/PoseWithCovariance", covariance=np.zeros(36),
            pose=message(
                "geometry_msgs/msg/Pose", position=message("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0),
                orientation=message("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
            ),
        )  # fmt: skip
        likely = [
            message(
                "vision_msgs/msg/ObjectHypothesisWithPose", pose=pose,
                hypothesis=message("vision_msgs/msg/ObjectHypothesis", class_id=each, score=sure),
            )
            for each, sure in (results if results is not None else [(name, score)])
        ]  # fmt: skip
        head = header(stamp_ns, "left")
        found.append(message("vision_msgs/msg/Detection2D", header=head, results=likely, bbox=box, id=""))
    return message(DETECTIONS, header=header(stamp_ns, "left"), detections=found)
