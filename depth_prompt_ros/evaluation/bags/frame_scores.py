"""One frame of an evaluation: what is kept of it, as numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.known.solids import PosedSolids
from depth_prompt_ros.evaluation.bags.answers import ANSWERS, answers_of
from depth_prompt_ros.evaluation.bags.regions import REGIONS, regions_of
from depth_prompt_ros.evaluation.bags.steadiness import Steadiness, SteadySums
from depth_prompt_ros.evaluation.bags.sums import RegionSums, score_regions
from depth_prompt_ros.evaluation.grasps.clouds import clouds_of
from depth_prompt_ros.evaluation.grasps.gripper import Gripper
from depth_prompt_ros.evaluation.grasps.scores import GraspSums, score_targets

if TYPE_CHECKING:
    from depth_prompt_ros.result import FrameDepth


@dataclass(frozen=True, eq=False)
class TrueFrame:
    """What is really there; each is None where nothing says it.

    Attributes:
        depth: (H, W) float32 metres, NaN = not known.
        tom: (H, W) bool, transparent or mirror.
        labels: (H, W) uint16, 0 = no thing.
        solids: the meshes that all of it is seen of.
    """

    depth: NDArray[np.float32] | None = None
    tom: NDArray[np.bool_] | None = None
    labels: NDArray[np.uint16] | None = None
    solids: PosedSolids | None = None


@dataclass(frozen=True)
class FrameScores:
    """One frame.

    Attributes:
        number: of the left image in the recording, from 0.
        stamp_ns: its stamp.
        true: it has a true depth.
        sums: by answer and region; regions without a pixel are left out.
        targets: of each target found its label, anchor, inliers, residual and the sums of each answer inside it.
        things: label and sums of each thing of the true labels; None: there are none.
        steady: by answer, None where the scene moves.
        surfaces: anchors of ToM regions that are on no target.
        reason: why there is no target, empty where there is one.
        grasps: by cloud and kind of target; None: none were planned.
    """

    number: int
    stamp_ns: int
    true: bool
    sums: dict[str, dict[str, RegionSums]]
    targets: list[dict[str, Any]] = field(default_factory=list)
    things: list[dict[str, Any]] | None = None
    steady: dict[str, SteadySums] | None = None
    surfaces: list[str] = field(default_factory=list)
    reason: str = ""
    grasps: dict[str, dict[str, GraspSums]] | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON: sums are lists in the order of :data:`depth_prompt_ros.evaluation.bags.sums.SUM_NAMES`."""
        steady = self.steady
        return {
            "number": self.number,
            "stamp_ns": self.stamp_ns,
            "true": self.true,
            "sums": {
                name: {region: sums.numbers() for region, sums in by_region.items()}
                for name, by_region in self.sums.items()
            },
            "targets": self.targets,
            "things": self.things,
            "surfaces": self.surfaces,
            "steady": None
            if steady is None
            else {name: [s.looked, s.compared, s.squares] for name, s in steady.items()},
            "reason": self.reason,
            "grasps": None
            if self.grasps is None
            else {name: {kind: s.numbers() for kind, s in sums.items()} for name, sums in self.grasps.items()},
        }


def score_frame(
    number: int, result: FrameDepth, truth: TrueFrame, steadiness: Steadiness, plan: bool = False
) -> FrameScores:
    """Score every answer of one frame.

    Regions are those of the truth where it says them, else those that were found.

    Args:
        number: of the left image.
        truth: of the same size as the result.
        steadiness: has seen the frame before.
        plan: plan grasps on every cloud and execute them, where meshes say what is there.
    """
    frame, answers = result.frame, answers_of(result)
    tom = result.tom if truth.tom is None else truth.tom
    labels = result.labels if truth.labels is None else truth.labels
    regions = {name: where for name, where in regions_of(truth.depth, tom, labels).items() if where.any()}
    masks = {f"target {label}": result.labels == label for label in _values(result.labels)}
    if truth.labels is not None:
        masks |= {f"thing {label}": truth.labels == label for label in _values(truth.labels)}
    scored = {name: score_regions(depth, truth.depth, regions | masks, frame.camera) for name, depth in answers.items()}

    def inside(mask: str) -> dict[str, list[float]]:
        return {name: scored[name][mask].numbers() for name in ANSWERS} if mask in masks else {}

    targets = [
        {
            "label": report.label,
            "anchor": report.anchor,
            "inliers": report.inliers,
            "residual": float(report.residual) if math.isfinite(report.residual) else None,
            "sums": inside(f"target {report.label}"),
        }
        for report in result.targets
    ]
    things = None
    if truth.labels is not None:
        things = [{"label": label, "sums": inside(f"thing {label}")} for label in _values(truth.labels)]
    return FrameScores(
        number,
        frame.stamp_ns,
        truth.depth is not None,
        {
            name: {region: by_region[region] for region in REGIONS if region in by_region}
            for name, by_region in scored.items()
        },
        targets,
        things,
        steadiness(frame.image, answers),
        [report.anchor for report in result.surfaces],
        result.reason,
        _planned(result, truth.solids) if plan and truth.solids is not None else None,
    )


def _planned(result: FrameDepth, solids: PosedSolids) -> dict[str, dict[str, GraspSums]]:
    """Sums by cloud and kind of target; the planner is told the labels that were found."""
    camera, gripper = result.frame.camera, Gripper()
    seen = solids.seen(camera)
    return {
        name: score_targets(camera, depth, result.labels, solids, seen, gripper)[0]
        for name, depth in clouds_of(result).items()
    }


def _values(labels: NDArray[np.uint16]) -> list[int]:
    return [int(label) for label in np.unique(labels[labels > 0])]
