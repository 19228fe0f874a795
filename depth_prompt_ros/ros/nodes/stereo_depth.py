"""The first stage by itself: stereo matching, or the depth camera's checked depth."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, ClassVar

from depth_prompt_ros.bag.frames import FrameBuilder
from depth_prompt_ros.bag.messages import camera_info_message, disparity_message, image_message
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.ros.convert import ros_message
from depth_prompt_ros.ros.cv_bridge_pictures import live_picture
from depth_prompt_ros.ros.inputs.topics import Topic
from depth_prompt_ros.ros.nodes.object_depth import camera_topics
from depth_prompt_ros.ros.nodes.stage_node import StageNode
from depth_prompt_ros.ros.spin import spin
from depth_prompt_ros.ros.transforms import Transforms
from depth_prompt_ros.stages.sensor_depth import measure_sensor_depth
from depth_prompt_ros.stages.stereo import StereoMatcher, make_stereo_matcher


class StereoDepthNode(StageNode):
    """Camera messages to measured depth and its confidence."""

    outputs: ClassVar[Mapping[str, str]] = {
        "image": "sensor_msgs/msg/Image",
        "depth": "sensor_msgs/msg/Image",
        "confidence": "sensor_msgs/msg/Image",
        "depth/camera_info": "sensor_msgs/msg/CameraInfo",
        "disparity": "stereo_msgs/msg/DisparityImage",
    }
    next_stage = "segmentation"

    def __init__(self) -> None:
        super().__init__("stereo_depth")
        self._transforms = Transforms(self)
        self._match: StereoMatcher | None = None

    def topics(self, settings: Parameters) -> dict[str, Topic]:
        """See :meth:`StageNode.topics`."""
        return {role: named for role, named in camera_topics(settings).items() if role not in ("labels", "tom_labels")}

    def load(self, settings: Parameters) -> None:
        """See :meth:`StageNode.load`."""
        self._match = make_stereo_matcher(settings.stereo, settings)
        names = {role: self.resolve_topic_name(topic.name) for role, topic in self.topics(settings).items()}
        self._build = FrameBuilder(names, settings, self._transforms.lookup, live_picture)

    def change(self, settings: Parameters) -> Callable[[], None]:
        """See :meth:`StageNode.change`."""
        match = make_stereo_matcher(settings.stereo, settings)
        return lambda: setattr(self, "_match", match)

    def unload(self) -> None:
        """See :meth:`StageNode.unload`."""
        self._match = None

    def on_time_jump(self) -> None:
        """See :meth:`StageNode.on_time_jump`."""
        self._transforms.reset()

    def process(self, messages: Mapping[str, Any], wanted: Collection[str]) -> Iterator[tuple[str, Any]]:
        """See :meth:`StageNode.process`."""
        assert self._match is not None
        frame = self._build(messages)
        measured = self._match(frame) if frame.depth is None else measure_sensor_depth(frame)
        stamp, frame_id = frame.stamp_ns, frame.frame_id
        if "image" in wanted:
            yield "image", image_message(frame.image, "rgb8", stamp, frame_id, ros_message)
        if "depth" in wanted:
            yield "depth", image_message(measured.depth, "32FC1", stamp, frame_id, ros_message)
        if "confidence" in wanted:
            yield "confidence", image_message(measured.confidence, "32FC1", stamp, frame_id, ros_message)
        if "depth/camera_info" in wanted:
            yield "depth/camera_info", camera_info_message(frame.camera, stamp, frame_id, make=ros_message)
        if "disparity" in wanted and measured.disparity is not None:
            search = (self.settings.stereo.min_disparity, self.settings.stereo.num_disparities)
            yield "disparity", disparity_message(measured.disparity, frame.camera, search, stamp, frame_id, ros_message)


def main() -> None:
    """Run the node."""
    spin(StereoDepthNode)


if __name__ == "__main__":
    main()
