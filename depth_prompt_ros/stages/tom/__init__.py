"""Which pixels are transparent or mirror (ToM): an interface and the ways behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS, Parameters, RuntimeParameters, TomParameters
from depth_prompt_ros.stages.things.finder import ThingsFinder

if TYPE_CHECKING:
    from depth_prompt_ros.stages.tom.scene_depth import SceneDepth, SharedSceneDepth


class TomDetector(Protocol):
    """Finds ToM pixels before any depth is fitted."""

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.bool_]:
        """(H, W) bool, the ToM pixels.

        Raises:
            BadFrame: this frame lacks what is needed.
        """
        ...


def _none(*_: object) -> TomDetector:
    return lambda frame, _: np.zeros(frame.image.shape[:2], np.bool_)


def _outside(*_: object) -> TomDetector:
    from depth_prompt_ros.stages.tom.outside_tom import outside_tom

    return lambda frame, _: outside_tom(frame)


def _things(_: TomParameters, __: RuntimeParameters, things: ThingsFinder) -> TomDetector:
    finder = things.opened()
    return lambda frame, measurement: finder(frame, measurement).tom


def _classes(parameters: TomParameters, runtime: RuntimeParameters, _: ThingsFinder) -> TomDetector:
    from depth_prompt_ros.stages.tom.semantic_classes import SemanticClasses

    classes = SemanticClasses(parameters.onnx, parameters.class_ids, runtime)
    return lambda frame, _: classes(frame)


def _text(parameters: TomParameters, runtime: RuntimeParameters, _: ThingsFinder) -> TomDetector:
    from depth_prompt_ros.stages.text.finder import open_text_finder
    from depth_prompt_ros.stages.text.phrases import phrases_in

    phrases = phrases_in(parameters.text)
    finder = open_text_finder(parameters.text_network, "tom", runtime)
    finder.vectors(phrases)
    return lambda frame, _: finder.probabilities(frame.image, phrases).max(0) >= parameters.text_threshold


_DETECTORS: dict[str, Callable[[TomParameters, RuntimeParameters, ThingsFinder], TomDetector]] = {
    "none": _none,
    "network": _things,
    "labels": _outside,
    "onnx": _classes,
    "text": _text,
}


def make_tom_detector(
    parameters: TomParameters, runtime: RuntimeParameters = RUNTIME_DEFAULTS, things: ThingsFinder | None = None
) -> TomDetector:
    """The detector of ``parameters.method``.

    Args:
        things: the network for things of the same pipeline, whose answer is shared; None: one of its own.

    Raises:
        BadInput: a parameter that this method needs is missing.
        BadModel: its network is missing or corrupt.
    """
    return _DETECTORS[parameters.method](parameters, runtime, things or ThingsFinder(runtime))


def make_scene_depth(parameters: Parameters) -> SceneDepth | SharedSceneDepth | None:
    """The network for whole pictures, None where ``tom.method`` is none: without ToM masks it has nothing to do.

    Where ``tom.mono`` names the file of a ``text_network``, depth comes from the pass that texts are answered by.

    Raises:
        BadInput: ``tom.mono`` that cannot be used so.
        BadModel: its network is missing or corrupt.
    """
    if parameters.tom.method == "none":
        return None
    from depth_prompt_ros.stages.tom.scene_depth import SceneDepth, SharedSceneDepth

    if parameters.tom.mono and parameters.tom.mono in (
        parameters.tom.text_network,
        parameters.segmentation.text_network,
    ):
        return SharedSceneDepth(parameters.tom, parameters)
    return SceneDepth(parameters.tom, parameters)
