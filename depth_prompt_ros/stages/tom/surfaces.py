"""Depth of ToM regions without a shape: the whole picture's, fitted to what is measured around each of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.result import TargetReport
from depth_prompt_ros.side_by_side import beside
from depth_prompt_ros.stages.belief import Belief
from depth_prompt_ros.stages.boxes import Target
from depth_prompt_ros.stages.tom.regions import tom_regions
from depth_prompt_ros.stages.tom.scene_depth import SceneDepth, ScenePrediction, SharedSceneDepth
from depth_prompt_ros.stages.tom.surroundings import Surrounded, coarse, fit_to_surroundings, region_depth

Float32 = NDArray[np.float32]


_BESIDE_TARGETS = {"points", "depth", "mono_depth", "provenance", "anchors"}
"""Outputs that show what is on no target, as far as its depth matters."""


def shown_beside_targets(wanted: Collection[str] | None) -> bool:
    """Whether one of these outputs shows ToM regions on no target with their depth; None: all outputs."""
    return wanted is None or not _BESIDE_TARGETS.isdisjoint(wanted)


class Surroundings:
    """Gives ToM regions that no target's shape covers the depth of their surroundings.

    Those are the regions on no target and on targets whose scale was refused. The network for whole pictures runs only
    where there is one.
    """

    def __init__(
        self,
        frame: Frame,
        belief: Belief,
        scene_depth: SceneDepth | SharedSceneDepth | None,
        parameters: Parameters,
        ahead: bool,
        loose: bool = True,
    ) -> None:
        """Find the regions.

        Args:
            scene_depth: the network for whole pictures; None: there is none, and no region takes a depth.
            ahead: run it from now on, beside what else is done, where some region is on no target.
            loose: regions on no target take a depth, too.
        """
        self._parameters = parameters
        regions = tom_regions(belief.tom, belief.labels, parameters.tom.min_area)
        self._regions = [region for region in regions if loose or region.label > 0]
        self._tom = belief.tom
        self._predict: Callable[[], ScenePrediction] | None = None
        if scene_depth is not None:
            self._predict = partial(scene_depth, frame.image, belief.tom, frame.seed)
            if ahead and any(region.label == 0 for region in self._regions):
                self._predict = beside(self._predict)

    def take(
        self, measurement: DepthMeasurement, mono_depth: Float32, reports: list[TargetReport]
    ) -> tuple[list[Target], list[TargetReport]]:
        """The regions on no target, and one report for each.

        Args:
            mono_depth: (H, W) float32 metres, changed in place.
            reports: of the targets, changed in place where a target takes its surroundings' depth.
        """
        parameters = self._parameters
        places = {report.label: place for place, report in enumerate(reports) if report.anchor == "refused"}
        regions = [region for region in self._regions if region.label == 0 or region.label in places]
        loose = [region for region in regions if region.label == 0]
        if not regions or self._predict is None:
            return loose, []
        surfaces: list[TargetReport] = []
        prediction = self._predict()
        around = coarse(prediction.painted.shape, measurement, self._tom, parameters.scale.trust_confidence)
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
