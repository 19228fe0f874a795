"""Run the prompted network on every target of a frame, in one batch, and bring the shapes back to the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel, VirtualCamera
from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS, PromptedDepthParameters, RuntimeParameters
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime.choose import open_graph
from depth_prompt_ros.runtime.graph import Arrays
from depth_prompt_ros.stages.anchor.choose import Anchor
from depth_prompt_ros.stages.white_background import on_white

Float32 = NDArray[np.float32]

SHIPPED_GRAPH = "models/object_depth.onnx"
SHIPPED_PROMPT = "models/background.safetensors"
GRAPH_INPUTS = ("image", "mask", "trusted", "relief", "free_shift")
VIDEO_INPUTS = ("image", "trusted", "free_shift", "grid", "focal")
"""Of a network learned from video, which wants to know where a crop stands; it sees the surroundings, not a background.
"""
GRAPH_OUTPUTS = ("inverse_depth", "fit", "picture")


@dataclass(frozen=True, eq=False)
class Shape:
    """A target's fitted surface.

    Attributes:
        inverse_depth: (H, W) float32 1/m in the real camera, 0 outside the target or where the fit gives nothing.
        scale, shift: of the fit; shift in 1/m.
        inliers: trusted crop pixels that agree with the fit.
        residual: their mean relative disagreement.
    """

    inverse_depth: Float32
    scale: float
    shift: float
    inliers: int
    residual: float


@dataclass(frozen=True, eq=False)
class Crops:
    """What the graph takes, and where it was looked at from.

    Attributes:
        views: n virtual cameras.
        inputs: of the graph, by name; n is the first side.
    """

    views: list[VirtualCamera]
    inputs: Arrays


class PromptedDepth:
    """The frozen network on its learned background, or a network learned from video on the crop as it is."""

    def __init__(self, parameters: PromptedDepthParameters, runtime: RuntimeParameters = RUNTIME_DEFAULTS) -> None:
        """Load the graph, or for PyTorch the prompt.

        Raises:
            BadModel: missing, corrupt or foreign graph, or a runtime that cannot be used.
        """
        shipped = SHIPPED_PROMPT if runtime.runtime == "torch" else SHIPPED_GRAPH
        path = Path(parameters.graph) if parameters.graph else resource_path(shipped)
        self.graph = open_graph(path, runtime)
        self.keeps_place = "grid" in self.graph.inputs
        self.graph.require_inputs(VIDEO_INPUTS if self.keeps_place else GRAPH_INPUTS)
        try:
            self.size = int(self.graph.metadata["size"])
            self.focal = float(self.graph.metadata["focal"])
            if not 0 < self.focal < np.inf:
                raise ValueError(f"focal length ({self.focal})")
        except (KeyError, ValueError) as error:
            raise BadModel(f"graph {path} does not say its {error}: export it again with this version") from error
        square, missing = (self.size, self.size), set(GRAPH_OUTPUTS) - set(self.graph.outputs)
        if missing or any(self.graph.inputs[name][2:] != square for name in ("image", "trusted")):
            raise BadModel(
                f"graph {path} is not one of {self.size}x{self.size} with {', '.join(GRAPH_OUTPUTS)}: export it again"
            )
        if parameters.background == "white":
            self.graph = on_white(self.graph, runtime.threads)
        self.fill = parameters.fill

    def __call__(
        self,
        image: NDArray[np.uint8],
        camera: CameraModel,
        masks: Sequence[NDArray[np.bool_]],
        anchors: Sequence[Anchor],
    ) -> tuple[list[Shape], Float32]:
        """Shapes of all targets, (n, 3, S, S) what the network saw: crop, run and bring back."""
        crops = self.crop(image, camera, masks, anchors)
        answer = self.run(crops)
        return self.shapes(crops, masks, answer), answer["picture"]

    def crop(
        self,
        image: NDArray[np.uint8],
        camera: CameraModel,
        masks: Sequence[NDArray[np.bool_]],
        anchors: Sequence[Anchor],
    ) -> Crops:
        """What the graph takes.

        Args:
            image: (H, W, 3) uint8 RGB.
            camera: of the image.
            masks: n targets, (H, W) bool, none empty; n may be 0.
            anchors: n, one a target.
        """
        if not masks:
            return Crops([], {})
        views = [VirtualCamera.looking_at(camera, mask, self.size, self.fill) for mask in masks]
        if self.keeps_place:
            views = [replace(view, focal=min(view.focal, self.focal)) for view in views]  # no nearer than it learned
        seen = [view.warp(image, border=255) for view in views]
        trusted = [view.warp_inverse_depth(anchor.trusted) for view, anchor in zip(views, anchors, strict=True)]
        inputs = {
            "image": np.asarray(cv2.dnn.blobFromImages(seen, 1 / 255), np.float32),
            "trusted": np.stack(trusted)[:, None],
            "free_shift": np.array([anchor.free_shift for anchor in anchors], np.float32),
        }
        if self.keeps_place:
            inputs["grid"] = np.stack([_places(view) for view in views])
            inputs["focal"] = np.array([[view.focal] * 2 for view in views], np.float32)
            return Crops(views, inputs)
        inside = [view.warp(mask.view(np.uint8), cv2.INTER_NEAREST) for view, mask in zip(views, masks, strict=True)]
        inputs["mask"] = np.stack(inside)[:, None].astype(np.float32)
        inputs["relief"] = np.array([self.focal * self.size / view.focal for view in views], np.float32)
        return Crops(views, inputs)

    def run(self, crops: Crops) -> Arrays:
        """The graph's answer; empty arrays without targets."""
        if crops.views:
            return self.graph(**crops.inputs)
        return {
            "inverse_depth": np.zeros((0, 1, self.size, self.size), np.float32),
            "fit": np.zeros((0, 4), np.float32),
            "picture": np.zeros((0, 3, self.size, self.size), np.float32),
        }

    def shapes(self, crops: Crops, masks: Sequence[NDArray[np.bool_]], answer: Arrays) -> list[Shape]:
        """The graph's answer in the real camera, one shape a target."""
        fitted = zip(crops.views, masks, answer["inverse_depth"][:, 0], answer["fit"], strict=True)
        return [_shape(view, mask, inverse_depth, fit) for view, mask, inverse_depth, fit in fitted]


def _places(view: VirtualCamera) -> Float32:
    """(2, S, S) u and v of the real picture, -1 at its first pixel and 1 at its last, of a virtual one's pixels."""
    last = np.array([view.camera.width - 1, view.camera.height - 1], np.float64)
    return np.ascontiguousarray((2 * view.real_pixels / last - 1).transpose(2, 0, 1), np.float32)


def _shape(view: VirtualCamera, mask: NDArray[np.bool_], inverse_depth: Float32, fit: Float32) -> Shape:
    scale, shift, inliers, residual = (float(value) for value in fit)
    real = np.zeros(mask.shape, np.float32)
    if inliers > 0:
        left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
        box = np.s_[top : top + height, left : left + width]
        close = replace(view, camera=view.camera.cropped(left, top, width, height))
        real[box] = np.maximum(close.unwarp_inverse_depth(inverse_depth), 0) * mask[box]
    return Shape(real, scale, shift, int(inliers), residual)
