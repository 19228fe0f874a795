"""Anchor the targets, fit the prompted network's shapes to their anchors, report what each scale rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import ScaleParameters
from depth_prompt_ros.result import TargetReport
from depth_prompt_ros.runtime.graph import Arrays
from depth_prompt_ros.stages.anchor.choose import Anchor, choose_anchor
from depth_prompt_ros.stages.anchor.tilt import correct_tilt
from depth_prompt_ros.stages.belief import Belief
from depth_prompt_ros.stages.boxes import Target
from depth_prompt_ros.stages.prompted_depth import Crops, PromptedDepth, Shape

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Shaped:
    """The monocular shapes of all targets and ToM regions.

    Attributes:
        mono_depth: (H, W) float32 metres, NaN outside targets and ToM regions, and where a scale was refused.
        pictures: (n, 3, S, S) float32 RGB in [0, 1], what the network saw.
        reports: one a target.
        regions: ToM regions on no target.
        surfaces: one report a region that got a depth or was refused one.
        uncertainty: (H, W) float32 metres, half the width of the 90 % interval of the targets' monocular depth, NaN
            elsewhere; None: the graph states none.
    """

    mono_depth: Float32
    pictures: Float32
    reports: list[TargetReport]
    regions: list[Target]
    surfaces: list[TargetReport]
    uncertainty: Float32 | None


def anchor_targets(
    frame: Frame, measurement: DepthMeasurement, belief: Belief, parameters: ScaleParameters, blocks: bool = False
) -> tuple[list[Mask], list[Anchor]]:
    """The (H, W) bool mask and the anchor of each target of ``belief``, each with its block if ``blocks``."""
    anywhere, doubted = belief.labels > 0, belief.disbelieved
    masks = [belief.labels == target.label for target in belief.targets]
    anchors = [
        choose_anchor(
            frame.camera, mask, doubted, measurement, belief.supports[target.label], parameters, anywhere, blocks
        )
        for target, mask in zip(belief.targets, masks, strict=True)
    ]
    return masks, anchors


def fit_targets(
    frame: Frame,
    prompted: PromptedDepth,
    crops: Crops,
    answer: Arrays,
    belief: Belief,
    anchors: Sequence[Anchor],
    max_residual: float,
) -> tuple[Float32, Float32 | None, list[TargetReport]]:
    """Metric depth of all targets' shapes and one report a target; each is looked at within its box alone.

    Args:
        crops, answer: of :class:`PromptedDepth` and its graph.
        max_residual: a shape that is farther off its anchor, relative, is refused.

    Returns:
        (H, W) float32 metres, NaN outside the targets and where a target was refused; the same of half the width of
        its 90 % interval, None of a graph that states none; the reports.
    """
    targets = belief.targets
    cameras = [frame.camera.within(target.box) for target in targets]
    views = [replace(view, camera=camera) for view, camera in zip(crops.views, cameras, strict=True)]
    shapes = prompted.shapes(Crops(views, {}), [target.mask for target in targets], answer)
    if not prompted.is_metric:  # it has seen how its anchor leans
        shapes = [
            correct_tilt(camera, shape, target.mask, replace(anchor, trusted=anchor.trusted[target.box]))
            for camera, shape, target, anchor in zip(cameras, shapes, targets, anchors, strict=True)
        ]
    reports = [
        replace(
            _report(target.label, anchor, shape, max_residual, belief.counts(target)),
            detection=frame.detection(target.label),
        )
        for target, anchor, shape in zip(targets, anchors, shapes, strict=True)
    ]
    mono_depth = np.full(frame.image.shape[:2], np.nan, np.float32)
    uncertainty = np.full_like(mono_depth, np.nan) if prompted.is_metric else None
    for target, shape, report, anchor in zip(targets, shapes, reports, anchors, strict=True):
        if report.anchor != "refused":
            known = shape.inverse_depth > 0
            np.divide(1, shape.inverse_depth, out=mono_depth[target.box], where=known)
            if uncertainty is not None and shape.uncertainty is not None:
                np.copyto(uncertainty[target.box], np.float32(anchor.wider) * shape.uncertainty, where=known)
    return mono_depth, uncertainty, reports


def _report(label: int, anchor: Anchor, shape: Shape, max_residual: float, pixels: dict[str, int]) -> TargetReport:
    kind, reason = anchor.kind, anchor.reason
    if kind != "refused" and not (shape.inliers > 0 and shape.residual <= max_residual):
        kind, reason = "refused", f"the shape is {shape.residual:.1%} off its anchor: {reason}"
    return TargetReport(label, kind, shape.inliers, shape.residual, shape.scale, shape.shift, reason, pixels)
