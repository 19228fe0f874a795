"""What moves with its place in the picture, as a network learned from video knows it (2205.08851)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import MovingParameters, RuntimeParameters
from depth_prompt_ros.resources import named_file
from depth_prompt_ros.runtime.choose import open_graph
from depth_prompt_ros.stages.moving.disagreement import SHIFT, disagreement, elsewhere
from depth_prompt_ros.stages.moving.marks import MOVING, STATIC

Float32 = NDArray[np.float32]

INPUTS, OUTPUT = ("picture", "grid", "focal"), "disparity"


def position_grid(height: int, width: int, window: tuple[float, float, float, float] = (0, 0, 1, 1)) -> Float32:
    """(2, H, W) float32 u and v of a window of a picture, -1 at the picture's first pixel and 1 at its last.

    Args:
        window: left, top, right, bottom as shares of the picture's pixels from first to last: a target's crop keeps
            its place.
    """
    left, top, right, bottom = window
    u = np.linspace(2 * left - 1, 2 * right - 1, width, dtype=np.float32)
    v = np.linspace(2 * top - 1, 2 * bottom - 1, height, dtype=np.float32)
    return np.stack([np.broadcast_to(u, (height, width)), np.broadcast_to(v[:, None], (height, width))])


class SpimoMask:
    """The network looks at the picture with three position grids, in one batch; where its depths differ, things move.

    Attributes:
        grids: (3, 2, h, w) float32, as it is and moved to both sides.
        disparity: (h, w) float32 of the last frame at the graph's size, 1 over the unit of the translations that were
            learned from: with the grid as it is, and where things move as if they stood elsewhere.
    """

    def __init__(self, parameters: MovingParameters, runtime: RuntimeParameters) -> None:
        """Load the graph.

        Raises:
            BadModel: missing, corrupt or foreign graph.
        """
        path = named_file(Path(parameters.graph))
        changes: dict[str, object] = {"most_targets": 3}  # PyTorch runs prompts alone
        if runtime.runtime == "torch":
            changes["runtime"] = "auto"
        self.graph = open_graph(path, runtime.model_copy(update=changes), INPUTS)
        shape = self.graph.inputs["picture"]
        if len(shape) != 4 or not shape[2] or not shape[3] or OUTPUT not in self.graph.outputs:
            raise BadModel(f"graph {path} is no network learned from video: export it with depth-prompt export video")
        self._size = shape[2], shape[3]
        height, width = self._size
        shifts = np.array([[0, 0], [-SHIFT, 0], [SHIFT, 0]], np.float32)[:, :, None, None]
        self.grids = np.ascontiguousarray(position_grid(height, width) + shifts)
        self._below = np.broadcast_to(self.grids[0, 1] >= parameters.horizon, self._size)
        self._limit, self._rule = parameters.dispersion, parameters.rule
        self.disparity: Float32 | None = None

    def __call__(self, frame: Frame, _: DepthMeasurement | None = None) -> NDArray[np.uint8]:
        """(H, W) uint8: 0 static, 255 moving."""
        found = self.look(frame, self.grids)
        moving = (disagreement(found, self.grids[0, 0], self._rule) >= self._limit) & self._below
        self.disparity = np.where(moving, elsewhere(found, self.grids[0, 0]), found[0])
        mask = np.where(moving, np.uint8(MOVING), np.uint8(STATIC))
        size = frame.image.shape[1::-1]
        return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)

    def look(self, frame: Frame, grids: Float32) -> Float32:
        """(L, h, w) disparities of the whole picture with each of (L, 2, h, w) grids, at the graph's size."""
        height, width = self._size
        shrinks = height * width < frame.image.shape[0] * frame.image.shape[1]
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        picture = cv2.resize(frame.image, (width, height), interpolation=way).transpose(2, 0, 1) / np.float32(255)
        camera = frame.camera.scaled(width, height)
        count = len(grids)
        answer = self.graph(
            picture=np.ascontiguousarray(np.broadcast_to(picture, (count, *picture.shape)), np.float32),
            grid=grids,
            focal=np.tile(np.array([camera.fx, camera.fy], np.float32), (count, 1)),
        )
        return np.asarray(answer[OUTPUT][:, 0], np.float32)
