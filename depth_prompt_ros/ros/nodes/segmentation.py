"""The second stage by itself: which pixels belong to the targets, and which are transparent or mirror."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from depth_prompt_ros.bag.messages import image_message
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.ros.convert import ros_message
from depth_prompt_ros.ros.found import FOUND, Found, found_message
from depth_prompt_ros.ros.handed_over import handed_over, stage_topics
from depth_prompt_ros.ros.inputs.topics import Topic
from depth_prompt_ros.ros.nodes.object_depth import camera_topics
from depth_prompt_ros.ros.nodes.stage_node import StageNode
from depth_prompt_ros.ros.spin import spin
from depth_prompt_ros.ros.targets import TargetChoice
from depth_prompt_ros.ros.transforms import Transforms
from depth_prompt_ros.stages.segmentation import Segmenter, find_targets, make_segmenter
from depth_prompt_ros.stages.things.finder import ThingsFinder
from depth_prompt_ros.stages.tom import TomDetector, make_tom_detector
from depth_prompt_ros.stages.tom.standing_glass import becomes_a_target, with_standing_glass


class SegmentationNode(StageNode):
    """Picture and measured depth to labels and ToM mask."""

    outputs: ClassVar[Mapping[str, str]] = {
        "labels": "sensor_msgs/msg/Image",
        "tom_mask": "sensor_msgs/msg/Image",
        "targets": FOUND,
    }
    next_stage = "prompted_depth"

    def __init__(self) -> None:
        super().__init__("segmentation")
        self._transforms = Transforms(self)
        self._targets = TargetChoice(self, self._transforms)
        self._things: ThingsFinder | None = None
        self._segment: Segmenter | None = None
        self._find_tom: TomDetector | None = None

    def topics(self, settings: Parameters) -> dict[str, Topic]:
        """See :meth:`StageNode.topics`."""
        outside = {role: topic for role, topic in camera_topics(settings).items() if role in ("labels", "tom_labels")}
        return stage_topics(settings, ("image", "depth", "confidence")) | {
            f"outside_{role}": topic for role, topic in outside.items()
        }

    def load(self, settings: Parameters) -> None:
        """See :meth:`StageNode.load`."""
        self._segmentation = settings.segmentation
        self._things = ThingsFinder(settings)
        self._segment = make_segmenter(settings.segmentation, settings, self._things)
        self._find_tom = make_tom_detector(settings.tom, settings, self._things)
        self._targets.hear_detections(settings.topics.detections)

    def change(self, settings: Parameters) -> Callable[[], None]:
        """See :meth:`StageNode.change`."""
        things = ThingsFinder(settings)
        segment = make_segmenter(settings.segmentation, settings, things)
        find_tom = make_tom_detector(settings.tom, settings, things)

        def apply() -> None:
            self._segment, self._segmentation, self._find_tom = segment, settings.segmentation, find_tom
            self._things = things

        return apply

    def unload(self) -> None:
        """See :meth:`StageNode.unload`."""
        self._things = self._segment = self._find_tom = None

    def on_time_jump(self) -> None:
        """See :meth:`StageNode.on_time_jump`."""
        self._transforms.reset()

    def process(self, messages: Mapping[str, Any], wanted: Collection[str]) -> Iterator[tuple[str, Any]]:
        """See :meth:`StageNode.process`."""
        assert self._segment is not None
        assert self._find_tom is not None
        given = handed_over(self._targets.with_detections(messages), self.settings, self.takes_rectified())
        frame = given.frame()
        segmentation = self._targets.parameters(self.settings.segmentation, frame)
        if segmentation != self._segmentation:
            self._segment = make_segmenter(segmentation, self.settings, self._things)
            self._segmentation = segmentation
        measurement = given.measurement()
        labels, reason = find_targets(self._segment, frame, measurement)
        looked_for = self.settings.model_copy(update={"segmentation": segmentation})
        if becomes_a_target(looked_for) or "tom_mask" in wanted:
            tom = self._find_tom(frame, measurement)
            labels = with_standing_glass(frame, measurement, labels, tom, looked_for)
        reason = "" if labels.any() else reason
        self.frames.notes = {"no target": reason} if reason else {}
        self._targets.seen(
            [
                {"label": label}
                | ({"class": found.name, "score": found.score} if (found := frame.detection(label)) else {})
                for label in np.unique(labels[labels > 0]).tolist()
            ]
        )
        if "labels" in wanted:
            yield "labels", image_message(labels, "mono16", given.stamp_ns, given.frame_id, ros_message)
        if "tom_mask" in wanted:
            yield "tom_mask", image_message(tom, "mono8", given.stamp_ns, given.frame_id, ros_message)
        if "targets" in wanted:
            how = Found(segmentation.method, reason, given.detections)
            yield "targets", found_message(how, given.stamp_ns, given.frame_id)


def main() -> None:
    """Run the node."""
    spin(SegmentationNode)


if __name__ == "__main__":
    main()
