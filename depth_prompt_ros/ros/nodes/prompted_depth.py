"""The third stage by itself: the frozen network on its learned background, in metres."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from depth_prompt_ros.bag.messages import image_message
from depth_prompt_ros.bag.outputs import anchors_message
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.result import side_by_side
from depth_prompt_ros.ros.convert import ros_message
from depth_prompt_ros.ros.found import Found
from depth_prompt_ros.ros.handed_over import handed_over, stage_topics
from depth_prompt_ros.ros.inputs.topics import Topic
from depth_prompt_ros.ros.nodes.stage_node import StageNode
from depth_prompt_ros.ros.spin import spin
from depth_prompt_ros.stages.belief import Masks


class PromptedDepthNode(StageNode):
    """Picture, measured depth and labels to the targets' monocular shapes.

    Its ``labels`` are without the background that masks ran into; its ``tom_mask`` holds every pixel whose measurement
    is not believed, for the merge.
    """

    outputs: ClassVar[Mapping[str, str]] = {
        "mono_depth": "sensor_msgs/msg/Image",
        "uncertainty": "sensor_msgs/msg/Image",
        "labels": "sensor_msgs/msg/Image",
        "tom_mask": "sensor_msgs/msg/Image",
        "belief": "sensor_msgs/msg/Image",
        "prompted_image": "sensor_msgs/msg/Image",
        "anchors": "diagnostic_msgs/msg/DiagnosticArray",
    }
    next_stage = "depth_merge"

    def __init__(self) -> None:
        super().__init__("prompted_depth")
        self._pipeline: ObjectDepthPipeline | None = None

    def topics(self, settings: Parameters) -> dict[str, Topic]:
        """See :meth:`StageNode.topics`."""
        return stage_topics(settings, ("image", "depth", "confidence", "labels", "tom_mask", "targets"))

    def load(self, settings: Parameters) -> None:
        """See :meth:`StageNode.load`."""
        self._pipeline = ObjectDepthPipeline(_of_this_stage(settings))

    def change(self, settings: Parameters) -> Callable[[], None]:
        """See :meth:`StageNode.change`."""
        assert self._pipeline is not None
        return self._pipeline.change(_of_this_stage(settings))

    def unload(self) -> None:
        """See :meth:`StageNode.unload`."""
        self._pipeline = None

    def process(self, messages: Mapping[str, Any], wanted: Collection[str]) -> Iterator[tuple[str, Any]]:
        """See :meth:`StageNode.process`."""
        assert self._pipeline is not None
        given = handed_over(messages, self.settings, self.takes_rectified())
        labels, tom = given.arrays["labels"], given.arrays["tom_mask"]
        seconds: dict[str, float] = {}
        masks = Masks.of(_as_found(self.settings, given.found))
        belief, shaped = self._pipeline.shape(given.frame(), given.measurement(), labels, tom, masks, seconds)
        self.frames.segments = seconds
        stamp, frame_id = given.stamp_ns, given.frame_id
        if "mono_depth" in wanted:
            yield "mono_depth", image_message(shaped.mono_depth, "32FC1", stamp, frame_id, ros_message)
        if "uncertainty" in wanted:
            stated = np.full_like(shaped.mono_depth, np.nan) if shaped.uncertainty is None else shaped.uncertainty
            yield "uncertainty", image_message(stated, "32FC1", stamp, frame_id, ros_message)
        if "tom_mask" in wanted:
            yield "tom_mask", image_message(belief.disbelieved, "mono8", stamp, frame_id, ros_message)
        if "labels" in wanted:
            yield "labels", image_message(belief.labels, "mono16", stamp, frame_id, ros_message)
        if "belief" in wanted:
            yield "belief", image_message(belief.reasons, "mono8", stamp, frame_id, ros_message)
        if "prompted_image" in wanted:
            yield "prompted_image", image_message(side_by_side(shaped.pictures), "rgb8", stamp, frame_id, ros_message)
        if "anchors" in wanted:
            reason = given.found.reason if given.found else ""
            if not (reason or labels.any()):
                reason = "the labels are all 0"
            yield "anchors", anchors_message([*shaped.reports, *shaped.surfaces], stamp, frame_id, ros_message, reason)


def _as_found(settings: Parameters, found: Found | None) -> Parameters:
    """The parameters with the segmentation's method of this frame; labels that nobody speaks for are someone else's."""
    method = found.method if found else "labels"
    return settings.model_copy(update={"segmentation": settings.segmentation.model_copy(update={"method": method})})


def _of_this_stage(settings: Parameters) -> Parameters:
    """The parameters without the models of other stages."""
    tom = "none" if settings.tom.method == "none" else "labels"
    return settings.model_copy(
        update={
            "stereo": settings.stereo.model_copy(update={"matcher": "sgbm"}),
            "segmentation": settings.segmentation.model_copy(update={"method": "labels"}),
            "tom": settings.tom.model_copy(update={"method": tom}),
        }
    )


def main() -> None:
    """Run the node."""
    spin(PromptedDepthNode)


if __name__ == "__main__":
    main()
