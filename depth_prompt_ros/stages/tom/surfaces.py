"""Depth of ToM regions that no target's shape covers: taken from the whole picture, fitted to their surroundings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.result import TargetReport
from depth_prompt_ros.stages.tom.doubt import measured_surface
from depth_prompt_ros.stages.tom.regions import tom_regions
from depth_prompt_ros.stages.tom.scene_depth import SceneDepth
from depth_prompt_ros.stages.tom.surroundings import Surrounded, coarse, fit_to_surroundings, region_depth

Float32 = NDArray[np.float32]


def surround(
    frame: Frame,
    measurement: DepthMeasurement,
    labels: NDArray[np.uint16],
    tom: NDArray[np.bool_],
    certain: bool,
    scene_depth: SceneDepth | None,
    parameters: Parameters,
) -> tuple[list[Surrounded], NDArray[np.bool_]]:
    """The ToM regions, each with the depth that its surroundings give it, and the ToM mask.

    With ``tom.evidence``, regions in which the measurement is a surface are left out of both.

    Args:
        tom: (H, W) bool, transparent or mirror as far as masks say.
        certain: the masks come from outside, where somebody knows.
        scene_depth: the network for whole pictures; None: there is none, and no region either.
    """
    chosen = parameters.tom
    regions = tom_regions(tom, labels, chosen.min_area)
    if not regions or scene_depth is None:
        return [], tom
    prediction = scene_depth(frame.image, tom, frame.stamp_ns)
    around = coarse(prediction.painted.shape, measurement, tom, parameters.scale.trust_confidence)
    surrounded = [fit_to_surroundings(prediction, region, around, chosen.max_residual) for region in regions]
    if not chosen.evidence:
        return surrounded, tom
    tom, transparent = tom.copy(), []
    for each in surrounded:
        if measured_surface(frame.camera, each, around, certain):
            tom[each.target.box] &= ~each.target.mask
        else:
            transparent.append(each)
    return transparent, tom


def take_surroundings(
    surrounded: Sequence[Surrounded], mono_depth: Float32, reports: list[TargetReport]
) -> list[TargetReport]:
    """Give the depth of their surroundings to ToM regions that no target's shape covers.

    Args:
        mono_depth: (H, W) float32 metres, changed in place.
        reports: of the targets, changed in place where a target takes its surroundings' depth.

    Returns:
        One report a ToM region on no target.
    """
    surfaces: list[TargetReport] = []
    places = {report.label: place for place, report in enumerate(reports)}
    for each in surrounded:
        place = places.get(each.target.label)
        if place is not None and reports[place].anchor not in ("refused", "surroundings"):
            continue
        if not each.refused:
            box, mask = each.target.box, each.target.mask
            mono_depth[box][mask] = region_depth(each, mono_depth.shape)[mask]
        if place is None:
            surfaces.append(_surrounded_report(0, each))
        elif not each.refused:
            reports[place] = _surrounded_report(each.target.label, each)
    return surfaces


def _surrounded_report(label: int, each: Surrounded) -> TargetReport:
    kind = "refused" if each.refused else "surroundings"
    reason = (
        each.refused or f"the whole picture's shape, fitted to what is measured around it ({each.residual:.1%} off)"
    )
    return TargetReport(label, kind, each.inliers, each.residual, each.scale, each.shift, reason)
