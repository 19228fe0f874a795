"""The whole pipeline in one process: camera messages in, clouds for the grasp planner out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.frames import FrameBuilder
from depth_prompt_ros.bag.outputs import output_messages
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters, fixed_frame
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.ros.convert import CloudMemory, ros_message
from depth_prompt_ros.ros.cv_bridge_pictures import live_picture
from depth_prompt_ros.ros.inputs.topics import INFO, Topic, image_topic
from depth_prompt_ros.ros.nodes.stage_node import StageNode
from depth_prompt_ros.ros.spin import spin
from depth_prompt_ros.ros.targets import TargetChoice
from depth_prompt_ros.ros.transforms import Transforms

_CLOUDS = {"points", "object_points"}


class ObjectDepthNode(StageNode):
    """Rectified stereo pair, or picture and aligned depth, to metric object depth."""

    outputs: ClassVar[Mapping[str, str]] = {
        "points": "sensor_msgs/msg/PointCloud2",
        "object_points": "sensor_msgs/msg/PointCloud2",
        "depth": "sensor_msgs/msg/Image",
        "depth/camera_info": "sensor_msgs/msg/CameraInfo",
        "labels": "sensor_msgs/msg/Image",
        "tom_mask": "sensor_msgs/msg/Image",
        "disparity": "stereo_msgs/msg/DisparityImage",
        "prompted_image": "sensor_msgs/msg/Image",
        "provenance": "sensor_msgs/msg/Image",
        "belief": "sensor_msgs/msg/Image",
        "anchors": "diagnostic_msgs/msg/DiagnosticArray",
        "mono_depth": "sensor_msgs/msg/Image",
        "uncertainty": "sensor_msgs/msg/Image",
        "moving_mask": "sensor_msgs/msg/Image",
    }
    serves_captures = True
    has_stages = False

    def __init__(self) -> None:
        super().__init__("object_depth")
        self._transforms = Transforms(self)
        self._targets = TargetChoice(self, self._transforms)
        self._pipeline: ObjectDepthPipeline | None = None
        self._memory = CloudMemory()

    def topics(self, settings: Parameters) -> dict[str, Topic]:
        """See :meth:`StageNode.topics`."""
        return camera_topics(settings)

    def load(self, settings: Parameters) -> None:
        """See :meth:`StageNode.load`."""
        self._pipeline = ObjectDepthPipeline(settings)
        names = {role: self.resolve_topic_name(topic.name) for role, topic in camera_topics(settings).items()}
        self._build = FrameBuilder(names, settings, self._transforms.lookup, live_picture)
        self._targets.hear_detections(settings.topics.detections)

    def change(self, settings: Parameters) -> Callable[[], None]:
        """See :meth:`StageNode.change`."""
        assert self._pipeline is not None
        return self._pipeline.change(settings)

    def unload(self) -> None:
        """See :meth:`StageNode.unload`."""
        self._pipeline = None

    def on_time_jump(self) -> None:
        """See :meth:`StageNode.on_time_jump`."""
        self._transforms.reset()
        if self._pipeline is not None:
            self._pipeline.reset()

    def process(self, messages: Mapping[str, Any], wanted: Collection[str]) -> Iterator[tuple[str, Any]]:
        """See :meth:`StageNode.process`."""
        pipeline = self._pipeline
        assert pipeline is not None
        frame = self._build(self._targets.with_detections(messages))
        segmentation = self._targets.parameters(self.settings.segmentation, frame)
        if segmentation != pipeline.parameters.segmentation:
            pipeline.take_targets(segmentation)
        to = self.settings.output_frame
        moved = bool(to) and to != frame.frame_id and bool(_CLOUDS & set(wanted))
        transform = self._transforms.lookup(to, frame.frame_id, frame.stamp_ns) if moved else None
        if (fixed := fixed_frame(self.settings)) and frame.pose is None:
            frame = replace(frame, pose=self._pose(frame, fixed))
        result = pipeline(frame, wanted)
        self.frames.segments = result.seconds
        self.frames.notes = {
            f"target {target.label}": f"{target.anchor}, {target.inliers} inliers, residual {target.residual:.2%}"
            for target in result.targets
        }
        if result.reason:
            self.frames.notes["no target"] = result.reason
        if fixed and frame.pose is None:
            self.frames.notes["moving"] = f"no transform from {frame.frame_id} to {fixed}: motion is not known"
        self._targets.seen(
            [
                {"label": target.label, "anchor": target.anchor}
                | ({"class": found.name, "score": found.score} if (found := target.detection) else {})
                for target in result.targets
            ]
        )
        self.described = {
            "targets": [
                {key: value for key, value in asdict(target).items() if key not in ("scale", "shift")}
                for target in result.targets
            ],
            "no_target": result.reason,
        }
        yield from output_messages(result, wanted, self.settings, ros_message, transform, self._memory)

    def _pose(self, frame: Frame, fixed: str) -> NDArray[np.float64] | None:
        try:
            return self._transforms.lookup(fixed, frame.frame_id, frame.stamp_ns).matrix
        except BadFrame:
            return None


def camera_topics(settings: Parameters) -> dict[str, Topic]:
    """Name and type of the camera's topics, and of labels from outside, by role."""
    topics, transport = settings.topics, settings.transport
    used = {
        "left_image": image_topic(topics.left_image, transport=transport.left_image),
        "left_camera_info": Topic(topics.left_camera_info, INFO),
    }
    if topics.depth_image:
        used["depth_image"] = image_topic(topics.depth_image, transport=transport.depth_image)
        if topics.depth_camera_info:
            used["depth_camera_info"] = Topic(topics.depth_camera_info, INFO)
    else:
        used["right_image"] = image_topic(topics.right_image, transport=transport.right_image)
        used["right_camera_info"] = Topic(topics.right_camera_info, INFO)
    for role in ("labels", "tom_labels"):
        if name := getattr(topics, role):
            used[role] = image_topic(name, transport=getattr(transport, role))
    return used


def main() -> None:
    """Run the node."""
    spin(ObjectDepthNode)


if __name__ == "__main__":
    main()
