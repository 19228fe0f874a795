"""Targets from any segmentation network in ONNX."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import RuntimeParameters, SegmentationParameters
from depth_prompt_ros.stages.classes import ClassMask
from depth_prompt_ros.stages.segmentation.components import components, labels_from_masks


class ClassTargets:
    """Connected pixels whose class is one of ``class_ids``, the largest first."""

    def __init__(self, parameters: SegmentationParameters, runtime: RuntimeParameters) -> None:
        """Load the network; raises as :class:`depth_prompt_ros.stages.classes.ClassMask` does."""
        self._parameters = parameters
        self._mask = ClassMask(parameters.onnx, parameters.class_ids, "segmentation", runtime)

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint16]:  # noqa: ARG002
        """(H, W) uint16 labels.

        Raises:
            BadFrame: no pixel is of these classes.
        """
        parts = components(self._mask(frame.image), self._parameters.min_area)
        if not parts:
            raise BadFrame("the segmentation network found no target in this picture: look at segmentation.class_ids")
        return labels_from_masks(parts, self._parameters)
