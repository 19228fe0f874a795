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
from depth_prompt_ros.runtime.check import CROPS
from depth_prompt_ros.runtime.choose import open_graph
from depth_prompt_ros.runtime.graph import Arrays
from depth_prompt_ros.stages.anchor.choose import Anchor
from depth_prompt_ros.stages.metric_inputs import METRIC_INPUTS, Around, metric_inputs
from depth_prompt_ros.stages.white_background import on_white

Float32 = NDArray[np.float32]

SHIPPED_GRAPH = "models/metric_depth.onnx"
SHIPPED_PROMPT = "models/metric.safetensors"
BACKGROUND_GRAPH = "models/object_depth.onnx"
"""The same network and background without a metric prompt."""

GRAPH_INPUTS = CROPS
VIDEO_INPUTS = ("image", "trusted", "free_shift", "grid", "focal")
"""Of a network learned from video, which wants to know where a crop stands; it sees the surroundings, not a background.
"""
GRAPH_OUTPUTS = ("inverse_depth", "fit", "picture")
UNCERTAINTY = "uncertainty"
"""Half the width of the 90 % interval of depth, metres: what a graph with a metric prompt says besides."""


@dataclass(frozen=True, eq=False)
class Shape:
    """A target's fitted surface.

    Attributes:
        inverse_depth: (H, W) float32 1/m in the real camera, 0 outside the target or where the fit gives nothing.
        scale, shift: of the fit; shift in 1/m.
        inliers: trusted crop pixels that agree with the fit.
        residual: their mean relative disagreement.
        uncertainty: (H, W) float32 metres, half the width of the 90 % interval of depth; None: nothing says so.
    """

    inverse_depth: Float32
    scale: float
    shift: float
    inliers: int
    residual: float
    uncertainty: Float32 | None = None


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
        self.keeps_place, self.is_metric = "grid" in self.graph.inputs, "block" in self.graph.inputs
        metric = METRIC_INPUTS if self.is_metric else ()
        self.graph.require_inputs(VIDEO_INPUTS if self.keeps_place else (*GRAPH_INPUTS, *metric))
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
        around: Around | None = None,
    ) -> Crops:
        """What the graph takes.

        Args:
            image: (H, W, 3) uint8 RGB.
            camera: of the image.
            masks: n targets, (H, W) bool, none empty; n may be 0.
            anchors: n, one a target.
            around: what a metric prompt gets besides; None: nothing is known.
        """
        if not masks:
            return Crops([], {})
        if not self.keeps_place:
            crops = cut_out(image, camera, masks, anchors, self.size, self.fill, self.focal)
            if self.is_metric:
                crops.inputs.update(metric_inputs(crops.views, anchors, around or Around.nothing(len(masks))))
            return crops
        views = [VirtualCamera.looking_at(camera, mask, self.size, self.fill) for mask in masks]
        views = [replace(view, focal=min(view.focal, self.focal)) for view in views]  # no nearer than it learned
        inputs = _pictures(image, views, anchors)
        inputs["grid"] = np.stack([_places(view) for view in views])
        inputs["focal"] = np.array([[view.focal] * 2 for view in views], np.float32)
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
        said = answer[UNCERTAINTY][:, 0] if UNCERTAINTY in answer else [None] * len(masks)
        fitted = zip(crops.views, masks, answer["inverse_depth"][:, 0], answer["fit"], said, strict=True)
        return [_shape(*each) for each in fitted]


def cut_out(
    image: NDArray[np.uint8], camera: CameraModel, masks: Sequence[NDArray[np.bool_]], anchors: Sequence[Anchor],
    size: int, fill: float, focal: float,
) -> Crops:  # fmt: skip
    """The crops of a prompted network, each turned and zoomed to its target.

    Args:
        masks: one or more, none empty.
        size: side of the crops, pixels.
        fill: share of it that a target's longer side fills.
        focal: at which the prompt was learned, over the picture's side.
    """
    views = [VirtualCamera.looking_at(camera, mask, size, fill) for mask in masks]
    inside = [view.warp(mask.view(np.uint8), cv2.INTER_NEAREST) for view, mask in zip(views, masks, strict=True)]
    inputs = _pictures(image, views, anchors)
    inputs["mask"] = np.stack(inside)[:, None].astype(np.float32)
    inputs["relief"] = np.array([focal * size / view.focal for view in views], np.float32)
    return Crops(views, inputs)


def _pictures(image: NDArray[np.uint8], views: Sequence[VirtualCamera], anchors: Sequence[Anchor]) -> Arrays:
    seen = [view.warp(image, border=255) for view in views]
    trusted = [view.warp_inverse_depth(anchor.trusted) for view, anchor in zip(views, anchors, strict=True)]
    return {
        "image": np.asarray(cv2.dnn.blobFromImages(seen, 1 / 255), np.float32),
        "trusted": np.stack(trusted)[:, None],
        "free_shift": np.array([anchor.free_shift for anchor in anchors], np.float32),
    }


def _places(view: VirtualCamera) -> Float32:
    """(2, S, S) u and v of the real picture, -1 at its first pixel and 1 at its last, of a virtual one's pixels."""
    last = np.array([view.camera.width - 1, view.camera.height - 1], np.float64)
    return np.ascontiguousarray((2 * view.real_pixels / last - 1).transpose(2, 0, 1), np.float32)


def _shape(
    view: VirtualCamera, mask: NDArray[np.bool_], inverse_depth: Float32, fit: Float32, uncertainty: Float32 | None
) -> Shape:
    scale, shift, inliers, residual = (float(value) for value in fit)
    real = np.zeros(mask.shape, np.float32)
    unsure = None if uncertainty is None else np.zeros(mask.shape, np.float32)
    if inliers > 0:
        left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
        box = np.s_[top : top + height, left : left + width]
        close = replace(view, camera=view.camera.cropped(left, top, width, height))
        real[box] = np.maximum(close.unwarp_inverse_depth(inverse_depth), 0) * mask[box]
        if unsure is not None and uncertainty is not None:
            unsure[box] = close.unwarp(uncertainty) * mask[box]
    return Shape(real, scale, shift, int(inliers), residual, unsure)
