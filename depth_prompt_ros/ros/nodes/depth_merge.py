"""The fourth stage by itself: measured depth where it can be believed, the monocular shapes elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

from depth_prompt_ros.bag.messages import camera_info_message, image_message
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.ros.convert import ros_message
from depth_prompt_ros.ros.handed_over import handed_over, stage_topics
from depth_prompt_ros.ros.inputs.topics import Topic
from depth_prompt_ros.ros.nodes.stage_node import StageNode
from depth_prompt_ros.ros.spin import spin
from depth_prompt_ros.stages.boxes import targets_in
from depth_prompt_ros.stages.merge import merge
from depth_prompt_ros.stages.tom.regions import surfaces_in


class DepthMergeNode(StageNode):
    """Measured and monocular depth, labels and ToM mask to one depth."""

    outputs: ClassVar[Mapping[str, str]] = {
        "depth": "sensor_msgs/msg/Image",
        "confidence": "sensor_msgs/msg/Image",
        "depth/camera_info": "sensor_msgs/msg/CameraInfo",
        "provenance": "sensor_msgs/msg/Image",
    }
    next_stage = "point_cloud"

    def __init__(self) -> None:
        super().__init__("depth_merge")

    def topics(self, settings: Parameters) -> dict[str, Topic]:
        """See :meth:`StageNode.topics`."""
        return stage_topics(settings, ("depth", "confidence", "labels", "tom_mask", "mono_depth", "mono_uncertainty"))

    def process(self, messages: Mapping[str, Any], wanted: Collection[str]) -> Iterator[tuple[str, Any]]:
        """See :meth:`StageNode.process`."""
        given = handed_over(messages, self.settings, self.takes_rectified())
        found, stamp, frame_id = given.arrays, given.stamp_ns, given.frame_id
        surfaces = surfaces_in(found["tom_mask"], found["labels"], self.settings.tom.min_area)
        merged = merge(
            given.camera, given.measurement(), found["mono_depth"], [*targets_in(found["labels"]), *surfaces],
            found["tom_mask"], self.settings.merge, found["mono_uncertainty"],
        )  # fmt: skip
        if "depth" in wanted:
            yield "depth", image_message(merged.depth, "32FC1", stamp, frame_id, ros_message)
        if "confidence" in wanted:
            yield "confidence", image_message(merged.confidence, "32FC1", stamp, frame_id, ros_message)
        if "depth/camera_info" in wanted:
            yield "depth/camera_info", camera_info_message(given.camera, stamp, frame_id, make=ros_message)
        if "provenance" in wanted:
            yield "provenance", image_message(merged.provenance, "mono8", stamp, frame_id, ros_message)


def main() -> None:
    """Run the node."""
    spin(DepthMergeNode)


if __name__ == "__main__":
    main()
