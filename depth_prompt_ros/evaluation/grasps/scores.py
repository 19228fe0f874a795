"""What came out of the targets of one frame, as sums: added up over frames, resampled frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.known.solids import PosedSolids, SeenSolids
from depth_prompt_ros.evaluation.grasps.execute import Outcome, execute
from depth_prompt_ros.evaluation.grasps.gripper import Grasp, Gripper
from depth_prompt_ros.evaluation.grasps.sample import sample_grasps
from depth_prompt_ros.evaluation.grasps.surface import surface_quality
from depth_prompt_ros.evaluation.sums import Sums
from depth_prompt_ros.evaluation.table import Column

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

KINDS = ("all", "tom", "opaque")

FIGURES = (
    Column("best", "best grasp holds", "% of targets", 1, brief=True),
    Column("found", "with a grasp", "% of targets", 1, brief=True),
    Column("holds", "hold", "% of grasps", 1, brief=True),
    Column("slips", "slip", "% of grasps", 1, brief=True),
    Column("collides", "collide", "% of grasps", 1, brief=True),
    Column("misses", "miss", "% of grasps", 1, brief=True),
    Column("coverage", "coverage", "%", 1, brief=True),
    Column("offset", "offset", "mm", 2, brief=True),
    Column("thickness", "thickness", "mm", 1, brief=True),
    Column("outliers", "outliers", "%", 1, brief=True),
)

_LEAST_PIXELS = 200
"""Of which a target's true surface must show so many to be asked for."""
_LEAST_OVERLAP = 0.25


@dataclass(frozen=True)
class GraspSums(Sums):
    """Counts and sums over targets.

    Attributes:
        targets, found, best: targets, those with a grasp, and those whose best grasp holds.
        holds, slips, collides, misses: grasps.
        coverage: percent, over all targets.
        measured: targets with at least one point; over those the rest.
        offset, thickness, outliers: mm without sign, mm, percent.
    """

    targets: int = 0
    found: int = 0
    best: int = 0
    holds: int = 0
    slips: int = 0
    collides: int = 0
    misses: int = 0
    coverage: float = 0.0
    measured: int = 0
    offset: float = 0.0
    thickness: float = 0.0
    outliers: float = 0.0

    def figures(self) -> dict[str, float | None]:
        """By key of :data:`FIGURES`; None where there is nothing to tell it from."""
        grasps = self.holds + self.slips + self.collides + self.misses
        return {
            **{name: _percent(getattr(self, name), self.targets) for name in ("best", "found")},
            **{outcome.value: _percent(getattr(self, outcome.value), grasps) for outcome in Outcome},
            "coverage": self.coverage / self.targets if self.targets else None,
            **{
                name: getattr(self, name) / self.measured if self.measured else None
                for name in ("offset", "thickness", "outliers")
            },
        }


@dataclass(frozen=True, eq=False)
class Tried:
    """A target's grasps and what became of them, the best first."""

    label: int
    grasps: Sequence[Grasp]
    outcomes: Sequence[Outcome]


def score_targets(
    camera: CameraModel, depth: Float32, labels: NDArray[np.integer], solids: PosedSolids, seen: SeenSolids,
    gripper: Gripper,
) -> tuple[dict[str, GraspSums], list[Tried]]:  # fmt: skip
    """Plan on one cloud, execute in the truth.

    Each thing of which 200 pixels are truly seen is a target. What the planner is told of it is the label that overlaps
    it most, by a quarter of their union at least; where there is none, there is no point and no grasp.

    Args:
        camera: of the depth.
        depth: (H, W) metres, NaN = no point: all that the planner sees.
        labels: (H, W), 0 = no target: what it is told.
        solids, seen: what is there.
        gripper: the hand.

    Returns:
        The sums by :data:`KINDS`, and the grasps.
    """
    found = dict.fromkeys(KINDS, GraspSums())
    tried = []
    for label in solids.labels:
        visible = seen.labels == label
        if visible.sum() < _LEAST_PIXELS:
            continue
        mask = _told(labels, visible)
        grasps = sample_grasps(camera, depth, mask, gripper)
        outcomes = execute(solids, label, grasps, gripper)
        tried.append(Tried(label, grasps, outcomes))
        quality = surface_quality(camera, depth, mask, solids, seen, label)
        sums = GraspSums(
            targets=1, found=int(bool(grasps)), best=int(outcomes[:1] == [Outcome.HOLDS]), coverage=quality.coverage,
            **{outcome.value: outcomes.count(outcome) for outcome in Outcome},
        )  # fmt: skip
        if quality.offset is not None and quality.thickness is not None and quality.outliers is not None:
            sums += GraspSums(
                measured=1, offset=abs(quality.offset), thickness=quality.thickness, outliers=quality.outliers
            )
        for kind in ("all", "tom" if seen.tom[visible].mean() > 0.5 else "opaque"):
            found[kind] += sums
    return found, tried


def _told(labels: NDArray[np.integer], visible: Mask) -> Mask:
    """(H, W) bool, the label that overlaps a thing most; empty where none does enough."""
    candidates, counts = np.unique(labels[visible & (labels > 0)], return_counts=True)
    best, overlap = np.zeros(visible.shape, np.bool_), _LEAST_OVERLAP
    for label, shared in zip(candidates, counts, strict=True):
        mask = labels == label
        share = shared / (mask.sum() + visible.sum() - shared)
        if share >= overlap:
            best, overlap = mask, share
    return best


def _percent(part: float, whole: float) -> float | None:
    return 100 * part / whole if whole else None
