"""Targets from the network for things on tables."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import NoTarget
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.stages.numbering import count_labels, exchange
from depth_prompt_ros.stages.things.finder import ThingsFinder


class ThingsSegmenter:
    """Every thing that :class:`ThingsFinder` finds, up to ``max_targets``."""

    def __init__(self, parameters: SegmentationParameters, finder: ThingsFinder) -> None:
        """Take the network for things, opened; it may be shared."""
        self.finder = finder
        self._parameters = parameters

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint16]:
        """(H, W) uint16 labels, 1 = the largest that is not on the picture's rim.

        Raises:
            NoTarget: nothing is found.
        """
        labels = self.finder(frame, measurement).labels
        areas = count_labels(labels)
        kept = np.zeros(len(areas), np.uint16)
        large = [number for number in range(1, len(areas)) if areas[number] >= self._parameters.min_area]
        large = large[: self._parameters.max_targets]
        kept[large] = np.arange(1, len(large) + 1)
        if not large:
            raise NoTarget(
                "no target found: the network sees no thing on a table; aim the camera at one, or give a point "
                "or box on it (segmentation.method)"
            )
        return exchange(labels, kept)
