"""The last stage by itself: clouds of any depth with labels and confidence."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from depth_prompt_ros.bag.messages import cloud_message
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.ros.convert import CloudMemory, ros_message
from depth_prompt_ros.ros.handed_over import handed_over, stage_topics
from depth_prompt_ros.ros.inputs.topics import Topic
from depth_prompt_ros.ros.nodes.stage_node import StageNode
from depth_prompt_ros.ros.spin import spin
from depth_prompt_ros.ros.transforms import Transforms
from depth_prompt_ros.stages.cloud import object_points, organised_cloud


class PointCloudNode(StageNode):
    """Picture, depth, confidence and labels to clouds."""

    outputs: ClassVar[Mapping[str, str]] = {
        "points": "sensor_msgs/msg/PointCloud2",
        "object_points": "sensor_msgs/msg/PointCloud2",
    }
    serves_captures = True

    def __init__(self) -> None:
        super().__init__("point_cloud")
        self._transforms = Transforms(self)
        self._memory = CloudMemory()

    def topics(self, settings: Parameters) -> dict[str, Topic]:
        """See :meth:`StageNode.topics`."""
        return stage_topics(settings, ("image", "depth", "confidence", "labels"))

    def process(self, messages: Mapping[str, Any], wanted: Collection[str]) -> Iterator[tuple[str, Any]]:
        """See :meth:`StageNode.process`."""
        given = handed_over(messages, self.settings, self.takes_rectified())
        found, stamp, frame_id = given.arrays, given.stamp_ns, given.frame_id
        cloud = organised_cloud(
            given.camera, found["depth"], found["image"], found["labels"], found["confidence"],
            self._memory(found["depth"].shape),
        )  # fmt: skip
        pixels = zip(*np.unique(found["labels"], return_counts=True), strict=True)
        targets = [{"label": int(value), "pixels": int(count)} for value, count in pixels if value]
        self.described = {"targets": targets, "no_target": "" if targets else "the labels are all 0"}
        to = self.settings.output_frame
        if to and to != frame_id:
            self._transforms.lookup(to, frame_id, stamp).move(cloud)
            frame_id = to
        if "points" in wanted:
            yield "points", cloud_message(cloud, stamp, frame_id, ros_message)
        if "object_points" in wanted:
            yield "object_points", cloud_message(object_points(cloud, found["labels"]), stamp, frame_id, ros_message)


def main() -> None:
    """Run the node."""
    spin(PointCloudNode)


if __name__ == "__main__":
    main()
