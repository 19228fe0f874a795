"""Which pixels belong to the objects to grasp: an interface and the ways behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import NoTarget
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS, RuntimeParameters, SegmentationParameters
from depth_prompt_ros.stages.things.finder import ThingsFinder


class Segmenter(Protocol):
    """Finds the grasp targets of a frame."""

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint16]:
        """(H, W) uint16 labels, 0 = background.

        Raises:
            NoTarget: no target in this frame, and what to do about it.
            BadFrame: the frame lacks what the method needs.
        """
        ...


def find_targets(segment: Segmenter, frame: Frame, measurement: DepthMeasurement) -> tuple[NDArray[np.uint16], str]:
    """(H, W) uint16 labels, and the reason where there is no target: all labels are then 0.

    Raises:
        BadFrame: the frame lacks what the segmenter needs.
    """
    try:
        return segment(frame, measurement), ""
    except NoTarget as reason:
        return np.zeros(frame.image.shape[:2], np.uint16), str(reason)


_Make = Callable[[SegmentationParameters, RuntimeParameters, ThingsFinder], Segmenter]


def _named(parameters: SegmentationParameters, _: RuntimeParameters, things: ThingsFinder) -> Segmenter:
    from depth_prompt_ros.stages.segmentation.named_target import NamedTarget

    return NamedTarget(parameters, things.opened())


def _tabletop(parameters: SegmentationParameters, *_: object) -> Segmenter:
    from depth_prompt_ros.stages.segmentation.tabletop import TabletopSegmenter

    return TabletopSegmenter(parameters)


def _rembg(parameters: SegmentationParameters, *_: object) -> Segmenter:
    from depth_prompt_ros.stages.segmentation.rembg_masks import RembgSegmenter

    return RembgSegmenter(parameters)


def _outside(parameters: SegmentationParameters, *_: object) -> Segmenter:
    from depth_prompt_ros.stages.segmentation.outside_labels import OutsideLabels

    return OutsideLabels(parameters)


def _classes(parameters: SegmentationParameters, runtime: RuntimeParameters, _: ThingsFinder) -> Segmenter:
    from depth_prompt_ros.stages.segmentation.class_targets import ClassTargets

    return ClassTargets(parameters, runtime)


def _things(parameters: SegmentationParameters, _: RuntimeParameters, things: ThingsFinder) -> Segmenter:
    from depth_prompt_ros.stages.segmentation.things_segmenter import ThingsSegmenter

    return ThingsSegmenter(parameters, things.opened())


def _detections(parameters: SegmentationParameters, _: RuntimeParameters, things: ThingsFinder) -> Segmenter:
    from depth_prompt_ros.stages.segmentation.detected_boxes import DetectedBoxes

    return DetectedBoxes(parameters, things.opened())


def _text(parameters: SegmentationParameters, runtime: RuntimeParameters, _: ThingsFinder) -> Segmenter:
    from depth_prompt_ros.stages.segmentation.text_targets import TextTargets

    return TextTargets(parameters, runtime)


_SEGMENTERS: dict[str, _Make] = {
    "point": _named,
    "box": _named,
    "things": _things,
    "tabletop": _tabletop,
    "rembg": _rembg,
    "onnx": _classes,
    "labels": _outside,
    "text": _text,
    "detections": _detections,
}


def make_segmenter(
    parameters: SegmentationParameters,
    runtime: RuntimeParameters = RUNTIME_DEFAULTS,
    things: ThingsFinder | None = None,
) -> Segmenter:
    """The segmenter of ``parameters.method``; only its own libraries are imported.

    Args:
        things: the network for things of the same pipeline; None: one of its own.

    Raises:
        BadInput: a parameter that this method needs is missing.
        BadModel: its network is missing, corrupt or refused.
    """
    return _SEGMENTERS[parameters.method](parameters, runtime, things or ThingsFinder(runtime))
