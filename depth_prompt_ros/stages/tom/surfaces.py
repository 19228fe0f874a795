"""Depth of ToM regions without a shape: the whole picture's, fitted to what is measured around each of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.result import TargetReport
from depth_prompt_ros.stages.boxes import Target
from depth_prompt_ros.stages.tom.regions import tom_regions
from depth_prompt_ros.stages.tom.scene_depth import SceneDepth, SharedSceneDepth
from depth_prompt_ros.stages.tom.surroundings import Surrounded, coarse, fit_to_surroundings, region_depth

Float32 = NDArray[np.float32]


def take_surroundings(
    frame: Frame,
    measurement: DepthMeasurement,
    labels: NDArray[np.uint16],
    tom: NDArray[np.bool_],
    mono_depth: Float32,
    reports: list[TargetReport],
    scene_depth: SceneDepth | SharedSceneDepth | None,
    parameters: Parameters,
) -> tuple[list[Target], list[TargetReport]]:
    """Give ToM regions that no target's shape covers the depth of their surroundings.

    Those are the regions on no target and on targets whose scale was refused. The network for whole pictures runs only
    where there is one.

    Args:
        tom: (H, W) bool, transparent or mirror.
        mono_depth: (H, W) float32 metres, changed in place.
        reports: of the targets, changed in place where a target takes its surroundings' depth.
        scene_depth: the network for whole pictures; None: there is none, and no region either.

    Returns:
        The regions on no target, and one report for each.
    """
    places = {report.label: place for place, report in enumerate(reports) if report.anchor == "refused"}
    regions = [
        region
        for region in tom_regions(tom, labels, parameters.tom.min_area)
        if region.label == 0 or region.label in places
    ]
    loose = [region for region in regions if region.label == 0]
    if not regions or scene_depth is None:
        return loose, []
    surfaces: list[TargetReport] = []
    prediction = scene_depth(frame.image, tom, frame.seed)
    around = coarse(prediction.painted.shape, measurement, tom, parameters.scale.trust_confidence)
    for region in regions:
        each = fit_to_surroundings(prediction, region, around, parameters.tom.max_residual)
        if not each.refused:
            mono_depth[region.box][region.mask] = region_depth(each, mono_depth.shape)[region.mask]
        if region.label == 0:
            surfaces.append(_report(0, each))
        elif not each.refused:
            reports[places[region.label]] = _report(region.label, each)
    return loose, surfaces


def _report(label: int, each: Surrounded) -> TargetReport:
    kind = "refused" if each.refused else "surroundings"
    reason = (
        each.refused or f"the whole picture's shape, fitted to what is measured around it ({each.residual:.1%} off)"
    )
    return TargetReport(label, kind, each.inliers, each.residual, each.scale, each.shift, reason)
