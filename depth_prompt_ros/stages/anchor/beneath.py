"""What is measured along a target's lower edge: its support, what it stands on, or what hides its foot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.median import median

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

_GAP, _DEEP = 0.01, 0.1
"""The strip below the edge begins a hundredth of the target's size away and is a tenth of it deep, in pixels."""

_ON = 0.02
"""A surface is the support when it is within 2 % of its distance of it."""

_ON_SHARE, _OPEN_SHARE = 0.25, 0.5
"""The support is the contact with this share of directions on it, or this share on it, unmeasured or behind it."""

_BEHIND, _FURTHEST = 0.15, 0.4
"""Share of the way from what hides a foot to where the edge meets the support; no more way than 0.4 of the distance."""


@dataclass(frozen=True, eq=False)
class Beneath:
    """What is measured below a target's lower edge, in N directions.

    Attributes:
        height: (N,) metres above the support of the strip's upper half; NaN where nothing is measured.
        reach: (N,) metres forward to it.
        on: (N,) bool, it is the support.
        level: (N,) bool, it is above the support and rather level: the top of something.
        steep: (N,) bool, it is above the support and rises towards the target: the front of something.
    """

    height: Float64
    reach: Float64
    on: Mask
    level: Mask
    steep: Mask

    @property
    def blocked(self) -> Mask:
        """(N,) bool, where the lower edge meets something above the support."""
        return np.asarray(self.level | self.steep)

    def contact_directions(self) -> Mask | None:
        """(N,) bool, the directions that show the contact with the support; None: too few do."""
        free = ~self.blocked
        if self.on.mean() >= _ON_SHARE or free.mean() >= _OPEN_SHARE:
            return free
        return None

    def raised_contact(self, support: Plane, shadow: Float64) -> tuple[Plane, Float64]:
        """The support raised to what is measured beneath, and (N,) metres forward to where the target stands on it.

        A target that something hides stands behind it and before where its lower edge meets the support.

        Args:
            shadow: (N,) metres forward to where the lower edge meets the support.
        """
        blocked = self.blocked
        height = median(self.height[blocked])
        contact = self.reach + _BEHIND * np.clip(shadow - self.reach, 0, _FURTHEST * self.reach)
        middle = median(contact[blocked])
        raised = Plane(support.normal, max(support.offset - height, 0.05 * support.offset), support.inlier_share)
        return raised, np.clip(contact, 0.9 * middle, 1.1 * middle)


def look_beneath(
    camera: CameraModel,
    support: Plane,
    forward: Float64,
    mask: Mask,
    depth: Float32,
    rows: NDArray[np.integer],
    columns: NDArray[np.integer],
    size: int,
) -> Beneath:
    """Tell the support from what the target stands on and from what stands before it.

    A short strip of the picture below each pixel of the lower edge is halved. Its upper half is on the support or
    above it. What is above it is level when, from the lower half to the upper, it goes away further than it rises.

    Args:
        forward: (3,) unit vector along the support away from the camera.
        mask: (H, W) bool, the target; its own pixels say nothing.
        depth: (H, W) float32 metres, invalid = NaN.
        rows, columns: (N,) the mask's lowest pixel in each direction, N > 0.
        size: the longer side of the target's box in pixels.
    """
    gap, deep = max(2, round(_GAP * size)), min(max(round(_DEEP * size), 6), 24)
    y = rows[:, None] + gap + np.arange(deep)
    x = np.broadcast_to(columns[:, None], y.shape)
    outside = y >= camera.height
    y = np.minimum(y, camera.height - 1)
    measured = np.where(outside | mask[y, x], np.nan, depth[y, x]).astype(np.float64)
    points = camera.rays_at(y.ravel(), x.ravel()).reshape(*y.shape, 3) * measured[..., None]
    heights, reaches = support.height(points), points @ forward
    half = deep // 2
    values = np.concatenate([heights, reaches, measured])
    height, reach, distance = np.split(_medians(values[:, :half]), 3)
    lower_height, lower_reach, _ = np.split(_medians(values[:, half:]), 3)
    rise, away = height - lower_height, reach - lower_reach
    with np.errstate(invalid="ignore"):
        above = height > _ON * distance
        on = np.abs(height) <= _ON * distance
        level = above & (away > np.abs(rise))
    return Beneath(height, reach, on, level, above & ~level)


def _medians(values: Float64) -> Float64:
    """(N,) medians of the measured values of (N, K) rows; NaN where none is."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(1)
    middle = np.maximum(count - 1, 0) // 2
    return np.asarray(np.where(count > 0, ordered[np.arange(len(values)), middle], np.nan))
