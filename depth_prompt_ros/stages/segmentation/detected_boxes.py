"""Targets in the boxes that a detector has found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame, NoTarget
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.stages.segmentation.named_target import NamedTarget
from depth_prompt_ros.stages.things.finder import ThingsFinder


class DetectedBoxes:
    """One target a box of ``frame.detections``, found as a single box's is; labels count from 1 in their order.

    Those of a score below ``min_score`` are left out, and of the others the least sure beyond ``max_targets``. Where
    targets overlap the smaller one wins.
    """

    def __init__(self, parameters: SegmentationParameters, finder: ThingsFinder) -> None:
        """Take the network for things, opened; it may be shared."""
        self._parameters = parameters
        self.finder = finder

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint16]:
        """(H, W) uint16 labels, 0 = background.

        Raises:
            NoTarget: no detections have come, none is sure enough, or nothing stands out in any box.
        """
        given, least = frame.detections, self._parameters.min_score
        if given is None:
            raise NoTarget(
                "no detections have come: publish vision_msgs/Detection2DArray on ~/detections, "
                "or name topics.detections"
            )
        sure = [(number, each) for number, each in enumerate(given, start=1) if each.score >= least]
        if not sure:
            why = f"none of {len(given)} has a score of {least:g} (segmentation.min_score)" if given else "it is empty"
            raise NoTarget(f"no target in the latest array of detections: {why}")
        sure.sort(key=lambda each: -each[1].score)
        found, problem = [], ""
        for number, detection in sure[: self._parameters.max_targets]:
            chosen = self._parameters.model_copy(update={"method": "box", "target_box": detection.box})
            try:
                found.append((number, NamedTarget(chosen, self.finder)(frame, measurement) > 0))
            except BadFrame as error:
                problem = str(error)
        if not found:
            raise NoTarget(f"no target in {len(sure)} detected boxes: {problem}")
        labels = np.zeros(frame.image.shape[:2], np.uint16)
        for number, mask in sorted(found, key=lambda each: -int(each[1].sum())):
            labels[mask] = number
        return labels
