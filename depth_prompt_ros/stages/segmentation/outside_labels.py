"""Targets that another program has found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame, NoTarget
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import SegmentationParameters


class OutsideLabels:
    """Takes ``frame.labels`` as they are, so that the targets keep the numbers their sender knows them by.

    Targets below ``min_area`` pixels are dropped, and the smallest beyond ``max_targets``.
    """

    def __init__(self, parameters: SegmentationParameters) -> None:
        self._parameters = parameters

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint16]:  # noqa: ARG002
        """(H, W) uint16 labels, 0 = background.

        Raises:
            BadFrame: no labels came with the frame, or they have another size.
            NoTarget: no target among them.
        """
        labels, size = frame.labels, frame.image.shape[:2]
        if labels is None:
            raise BadFrame(
                "segmentation.method is labels, but no label image came with this frame: set topics.labels, "
                "or choose segmentation.method tabletop, point or box"
            )
        if labels.shape != size:
            raise BadFrame(
                f"the label image is {_size(labels.shape)} but the left picture is {_size(size)}: "
                "publish labels at the picture's size"
            )
        areas = np.bincount(labels[labels > 0])
        numbers = np.flatnonzero(areas)
        areas = areas[numbers]
        if not len(numbers):
            raise NoTarget("the label image is empty, every pixel is 0: mark at least one target in it")
        order = np.argsort(-areas, kind="stable")
        kept = numbers[order][areas[order] >= self._parameters.min_area][: self._parameters.max_targets]
        if not len(kept):
            raise NoTarget(
                f"no target found in the label image: the largest has {areas.max()} pixels, "
                f"segmentation.min_area is {self._parameters.min_area}"
            )
        known = np.zeros(int(numbers.max()) + 1, np.uint16)
        known[kept] = kept
        return known[labels]


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape[::-1]))
