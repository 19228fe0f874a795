"""Masks from any segmentation network in ONNX, for targets and for ToM regions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS, RuntimeParameters
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime.picture_graph import PictureGraph

MEANINGS = {"scores", "class ids", "saliency"}


def tom_segmenter(description: Path | None = None) -> tuple[ClassMask, Path]:
    """What finds transparent and mirror pixels in a picture alone, and the file that describes it.

    Args:
        description: None: the shipped one.

    Raises:
        BadInput, BadModel: as :class:`ClassMask`.
    """
    file = description or resource_path("models/tom_masks.yaml")
    return ClassMask(str(file), (), "tom", RUNTIME_DEFAULTS), file


class ClassMask:
    """Pixels whose class is one of those chosen."""

    def __init__(self, description: str, class_ids: Sequence[int], group: str, runtime: RuntimeParameters) -> None:
        """Load the network.

        Args:
            description: YAML file, see :class:`depth_prompt_ros.runtime.picture_graph.Description`.
            class_ids: the classes; none: all but 0.
            group: of the parameters, for messages.
            runtime: what runs it.

        Raises:
            BadInput: no description, or one that does not fit.
            BadModel: missing or corrupt network, or one that is not as described.
        """
        if not description:
            raise BadInput(
                f"{group}.method onnx needs {group}.onnx, the YAML file that describes a segmentation network"
            )
        self._network = PictureGraph(Path(description), {"image"}, MEANINGS, runtime)
        self._class_ids, self._group = tuple(class_ids), group

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """(H, W) bool.

        Raises:
            BadModel: the network has none of the classes.
        """
        answer, output = self._network(image=image), self._network.description.output
        height, width = image.shape[:2]
        if output.meaning == "saliency":
            saliency = cv2.resize(answer[output.channel], (width, height), interpolation=cv2.INTER_LINEAR)
            return np.asarray(saliency > output.threshold)
        classes = answer.argmax(0) if output.meaning == "scores" else answer[0]
        if output.meaning == "scores" and self._class_ids and min(self._class_ids) >= len(answer):
            raise BadModel(
                f"{self._network.description.graph.name} knows classes 0 to {len(answer) - 1}, none of "
                f"{self._group}.class_ids"
            )
        mask = np.isin(classes, self._class_ids) if self._class_ids else classes != 0
        found = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        return np.asarray(found.astype(np.bool_))
