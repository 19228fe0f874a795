"""ToM regions from any semantic-segmentation network in ONNX."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import TomParameters
from depth_prompt_ros.runtime.onnx_graph import OnnxGraph

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)
_FREE_SIZE = 512


class SemanticClasses:
    """Pixels whose class is one of ``class_ids``.

    The graph has one input, (1, 3, h, w) float32 RGB normalised with ImageNet's mean and deviation, and its first
    output is (1, C, h', w') scores of C classes, or class ids, (1, h', w') or (1, 1, h', w'). A free input size runs
    at 512x512.
    """

    def __init__(self, parameters: TomParameters) -> None:
        """Load the network.

        Raises:
            BadInput: no file or no class ids given.
            BadModel: missing or corrupt file, or an input of another form.
        """
        if not parameters.onnx or not parameters.class_ids:
            raise BadInput("tom.method onnx needs tom.onnx, a segmentation network, and tom.class_ids, its ToM classes")
        self._graph = OnnxGraph(Path(parameters.onnx).expanduser())
        shapes = list(self._graph.input_shapes.items())
        if len(shapes) != 1 or len(shapes[0][1]) != 4 or shapes[0][1][1] not in (3, None):
            raise BadModel(f"{parameters.onnx} takes {dict(shapes)}, not one (1, 3, h, w) picture: use another network")
        self._input, (_, _, height, width) = shapes[0]
        self._size = (width or _FREE_SIZE, height or _FREE_SIZE)
        self._class_ids = parameters.class_ids
        self._path = parameters.onnx

    def __call__(self, frame: Frame) -> NDArray[np.bool_]:
        """(H, W) bool.

        Raises:
            BadModel: the network's output is neither scores nor class ids, or none of its classes is asked for.
        """
        small = cv2.resize(frame.image, self._size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        planes = np.ascontiguousarray(((small - _MEAN) / _STD).transpose(2, 0, 1))[None]
        answer = next(iter(self._graph(**{self._input: planes}).values()))
        if answer.ndim == 4 and 1 < answer.shape[1] <= min(self._class_ids):
            raise BadModel(f"{self._path} knows classes 0 to {answer.shape[1] - 1}, none of tom.class_ids")
        if answer.ndim == 4:
            answer = answer.argmax(1) if answer.shape[1] > 1 else answer[:, 0]
        if answer.ndim != 3:
            raise BadModel(f"{self._path} gives an output of shape {answer.shape}, neither class scores nor class ids")
        mask = np.isin(answer[0], self._class_ids).astype(np.uint8)
        height, width = frame.image.shape[:2]
        return cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.bool_)
