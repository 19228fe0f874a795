"""ToM regions from any segmentation network in ONNX."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import RuntimeParameters, TomParameters
from depth_prompt_ros.stages.classes import ClassMask


class SemanticClasses:
    """Pixels whose class is one of ``class_ids``."""

    def __init__(self, parameters: TomParameters, runtime: RuntimeParameters) -> None:
        """Load the network; raises as :class:`depth_prompt_ros.stages.classes.ClassMask` does."""
        self._mask = ClassMask(parameters.onnx, parameters.class_ids, "tom", runtime)

    def __call__(self, frame: Frame) -> NDArray[np.bool_]:
        """(H, W) bool."""
        return self._mask(frame.image)
