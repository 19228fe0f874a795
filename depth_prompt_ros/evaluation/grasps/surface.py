"""How good a surface a planner is given: how much of it is there, how far off and how thick it is, what lies beside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.known.solids import PosedSolids, SeenSolids

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

OUTLIER = 0.010
"""Metres from the true surface; what is farther away is an outlier, and covers nothing."""


@dataclass(frozen=True)
class SurfaceQuality:
    """One target's cloud against its true surface; None where there is no point to tell it from.

    Attributes:
        coverage: percent of the target's truly visible pixels with a point on its surface.
        offset: mm, median distance behind (above 0) or before the true surface.
        thickness: mm between the 5th and the 95th percentile of the distances.
        outliers: percent of the points that are off the surface.
    """

    coverage: float
    offset: float | None = None
    thickness: float | None = None
    outliers: float | None = None


def surface_quality(
    camera: CameraModel, depth: Float32, mask: Mask, solids: PosedSolids, seen: SeenSolids, label: int
) -> SurfaceQuality:
    """Measure the points of one target.

    Distances are to the nearest point of the thing's whole true surface, seen or not; they count as behind where the
    depth is larger than the true one.

    Args:
        camera: of the depth.
        depth: (H, W) metres, NaN = no point.
        mask: (H, W) bool, the pixels that the planner is told are the target's.
        solids: what is there.
        seen: the camera's view of it.
        label: of the thing.
    """
    visible = seen.labels == label
    rows, columns = np.nonzero(mask & np.isfinite(depth))
    if not len(rows):
        return SurfaceQuality(0.0)
    metres = depth[rows, columns]
    distance = solids.distance(camera.rays_at(rows, columns) * metres[:, None], label)
    with np.errstate(invalid="ignore"):
        signed = np.where(metres < seen.depth[rows, columns], -distance, distance)
    on_surface = distance <= OUTLIER
    covered = (on_surface & visible[rows, columns]).sum() / max(int(visible.sum()), 1)
    low, middle, high = 1000 * np.percentile(signed, (5, 50, 95))
    return SurfaceQuality(100 * float(covered), float(middle), float(high - low), 100 * float(1 - on_surface.mean()))
