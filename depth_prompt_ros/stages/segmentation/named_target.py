"""The target at a point or in a box: the thing that the network finds there, else what depth and colour cut out."""

from __future__ import annotations

import statistics

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.stages.boxes import box_iou, corners, targets_in
from depth_prompt_ros.stages.segmentation.grabcut import Box, GrabCutSegmenter, given_box, given_point
from depth_prompt_ros.stages.things.finder import ThingsFinder

Mask = NDArray[np.bool_]

_AGREES, _MARGIN = 0.75, 0.15
"""A thing is what a box names if this share of what either covers lies in both, the thing's box taken for the thing and
the given one without a margin of the same width on all sides, at most the second share of its shorter side."""

_BEYOND = 0.03
"""A named thing goes on beyond its box by this share of the box's longer side, for boxes are drawn by hand."""


class NamedTarget:
    """One target, label 1, at ``target_point`` or in ``target_box``.

    A thing of the network's at the point, or one whose own box agrees with the given one, is the target, transparent
    or not. Where there is none, :class:`GrabCutSegmenter` cuts the target out.
    """

    def __init__(self, parameters: SegmentationParameters, finder: ThingsFinder) -> None:
        """Check that the point or the box is given.

        Args:
            finder: opened; may be shared.

        Raises:
            BadInput: it is not.
        """
        self._cut = GrabCutSegmenter(parameters)
        self._parameters = parameters
        self.finder = finder

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint16]:
        """(H, W) uint16, 1 on the target.

        Raises:
            BadFrame: the point or box lies outside the picture, or nothing in it stands out.
        """
        height, width = frame.image.shape[:2]
        labels = self.finder(frame, measurement).labels
        if self._parameters.method == "point":
            point = given_point(self._parameters, width, height)
            number = labels[point.top, point.left]
            thing = labels == number if number else None
        else:
            thing = _agreeing(labels, given_box(self._parameters, width, height))
        if thing is None or np.count_nonzero(thing) < self._parameters.min_area:
            return self._cut(frame, measurement)
        return thing.astype(np.uint16)


def _agreeing(labels: NDArray[np.uint16], box: Box) -> Mask | None:
    """(H, W) bool, what of the thing whose box agrees best with this one lies in it; None: none agrees."""
    agreeing = [(_agreement(box, corners(thing.box)), thing.label) for thing in targets_in(labels)]
    share, label = max(agreeing, default=(0.0, 0))
    if share < _AGREES:
        return None
    height, width = labels.shape
    beyond = round(_BEYOND * max(box.right - box.left, box.bottom - box.top))
    return (labels == label) & box.padded(beyond, width, height).mask(labels.shape)


def _agreement(box: Box, thing: tuple[float, float, float, float]) -> float:
    """Intersection over union of a thing's box x0, y0, x1, y1 with the given one without its margin around it."""
    gaps = thing[0] - box.left, thing[1] - box.top, box.right - thing[2], box.bottom - thing[3]
    most = _MARGIN * min(box.right - box.left, box.bottom - box.top)
    margin = min(max(statistics.median(gaps), 0), most)
    return box_iou((box.left + margin, box.top + margin, box.right - margin, box.bottom - margin), thing)
