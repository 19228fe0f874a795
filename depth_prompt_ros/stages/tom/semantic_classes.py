"""ToM regions from a segmentation network in ONNX."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import RuntimeParameters
from depth_prompt_ros.stages.classes import ClassMask


class SemanticClasses:
    """Pixels whose class is one of those chosen."""

    def __init__(self, description: str, class_ids: Sequence[int], runtime: RuntimeParameters) -> None:
        """Load the network as :class:`depth_prompt_ros.stages.classes.ClassMask` does, and raise what it raises."""
        self._mask = ClassMask(description, class_ids, "tom", runtime)

    def __call__(self, frame: Frame) -> NDArray[np.bool_]:
        """(H, W) bool."""
        return self._mask(frame.image)
