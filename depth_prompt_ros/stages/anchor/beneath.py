"""What is measured along a target's lower edge: its support, what it stands on, or what hides its foot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.median import median, quantile

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

_GAP, _DEEP = 0.01, 0.05
"""The strip below the edge begins a hundredth of the target's size away and is a twentieth of it deep, in pixels."""

_ON = 0.02
"""A surface is the support when it is within 2 % of its distance of it."""

_ON_SHARE, _OPEN_SHARE = 0.25, 0.5
"""The support is the contact with this share of directions on it, or this share on it, unmeasured or behind it."""

_MOST, _OVERHANG = 0.5, 1.12
"""Not so where this share of directions is blocked and the others' contact lies that much farther than theirs can."""

_HIDDEN, _BOUND = 0.75, 0.1
"""A hidden foot stands so far on the way from what hides it to the nearest tenth of where its lower edge can stand."""

_ASIDE, _AS_HIGH, _LEVEL = np.linspace(0.03, 0.12, 4), 0.4, 0.5
"""What a target stands on goes on beside it: so many sizes of the target away, of the same height within 40 %, going
away at least half as far as it rises."""


@dataclass(frozen=True, eq=False)
class Beneath:
    """What is measured below a target's lower edge, in N directions.

    Attributes:
        height: (N,) metres above the support; NaN where nothing is measured.
        reach: (N,) metres forward to it.
        shadow: (N,) metres forward to where the lower edge meets the support; the target stands no farther.
        on: (N,) bool, it is the support.
        blocked: (N,) bool, it is above the support.
        beside: (2,) metres above the support of what is level left and right of the blocked directions, as low in the
            picture; NaN where nothing is.
    """

    height: Float64
    reach: Float64
    shadow: Float64
    on: Mask
    blocked: Mask
    beside: Float64

    def contact_directions(self) -> Mask | None:
        """(N,) bool, the directions that show the contact with the support; None: too few do."""
        free = ~self.blocked
        if self.stands_on_it() or not (self.on.mean() >= _ON_SHARE or free.mean() >= _OPEN_SHARE):
            return None
        if self.blocked.mean() >= _MOST and _nearest(self.shadow[free]) > _OVERHANG * _nearest(
            self.shadow[self.blocked]
        ):
            return None
        return free

    def stands_on_it(self) -> bool:
        """Whether most of the lower edge meets something that goes on beside the target: it does not hide the foot."""
        if self.blocked.mean() < _MOST:
            return False
        with np.errstate(invalid="ignore"):
            return bool((np.abs(self.beside / median(self.height[self.blocked]) - 1) < _AS_HIGH).any())

    def contact(self, support: Plane) -> tuple[Plane, Float64]:
        """The plane that the target stands on, and (N,) metres forward to its contact, where no direction shows it.

        It stands on what is measured beneath, or on the support: then behind what is measured beneath and no farther
        than where its lower edge meets the support.
        """
        if not self.stands_on_it():
            middle = median(self.reach[self.blocked])
            bound = max(_nearest(self.shadow), middle)
            return support, np.full(len(self.reach), middle + _HIDDEN * (bound - middle))
        height = median(self.height[self.blocked])
        raised = Plane(support.normal, max(support.offset - height, 0.05 * support.offset), support.inlier_share)
        contact = self.shadow * (raised.offset / support.offset)
        middle = median(contact[self.blocked])
        return raised, np.clip(contact, 0.9 * middle, 1.1 * middle)


def _nearest(shadow: Float64) -> float:
    return quantile(shadow, _BOUND)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is measured in a picture, written in a support's frame; ``forward``: (3,) unit vector along the support."""

    camera: CameraModel
    support: Plane
    forward: Float64
    mask: Mask
    depth: Float32

    def medians(self, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> tuple[Float64, Float64, Float64]:
        """(N,) medians over (N, K) pixels of metres above the support, forward and along z; not of the target's own."""
        camera = self.camera
        outside = (rows < 0) | (rows >= camera.height) | (columns < 0) | (columns >= camera.width)
        y, x = np.clip(rows, 0, camera.height - 1), np.clip(columns, 0, camera.width - 1)
        depth = np.where(outside | self.mask[y, x], np.nan, self.depth[y, x]).astype(np.float64)
        points = camera.rays_at(y.ravel(), x.ravel()).reshape(*y.shape, 3) * depth[..., None]
        return _medians(self.support.height(points)), _medians(points @ self.forward), _medians(depth)


def look_beneath(
    camera: CameraModel,
    support: Plane,
    forward: Float64,
    mask: Mask,
    depth: Float32,
    rows: NDArray[np.integer],
    columns: NDArray[np.integer],
    shadow: Float64,
    size: int,
) -> Beneath:
    """Tell the support from what the target stands on and from what stands before it.

    A short strip of the picture below each pixel of the lower edge is on the support or above it. What a target stands
    on goes on to its left and right; what hides its foot ends where the target begins.

    Args:
        forward: (3,) unit vector along the support away from the camera.
        mask: (H, W) bool, the target; its own pixels say nothing.
        depth: (H, W) float32 metres, invalid = NaN.
        rows, columns: (N,) the mask's lowest pixel in each direction, N > 0.
        shadow: (N,) metres forward to where these meet the support.
        size: the longer side of the target's box in pixels.
    """
    seen = _Seen(camera, support, forward, mask, depth)
    down = max(2, round(_GAP * size)) + np.arange(min(max(round(_DEEP * size), 3), 12))
    y = rows[:, None] + down
    height, reach, distance = seen.medians(y, np.broadcast_to(columns[:, None], y.shape))
    with np.errstate(invalid="ignore"):
        on, blocked = np.abs(height) <= _ON * distance, height > _ON * distance
    beside = np.full(2, np.nan)
    if blocked.any():
        ends = np.flatnonzero(blocked)[[np.argmin(columns[blocked]), np.argmax(columns[blocked])]]
        beside = _level(*(_aside(seen, rows[ends], columns[ends], size, up) for up in (_ASIDE[:2], _ASIDE[2:])))
    return Beneath(height, reach, shadow, on, blocked, beside)


def _aside(
    seen: _Seen, rows: NDArray[np.integer], columns: NDArray[np.integer], size: int, up: Float64
) -> tuple[Float64, Float64]:
    """(2,) metres above the support and forward of what is left and right of two pixels, ``up`` sizes higher."""
    out, higher = (each.ravel() for each in np.meshgrid(np.maximum(_ASIDE * size, 2), up * size))
    x = columns[:, None] + np.array([[-1], [1]]) * out
    height, reach, _ = seen.medians(np.rint(rows[:, None] - higher).astype(int), np.rint(x).astype(int))
    return height, reach


def _level(lower: tuple[Float64, Float64], upper: tuple[Float64, Float64]) -> Float64:
    """Heights of the lower ones where, to the upper ones, it goes away at least half as far as it rises, else NaN."""
    with np.errstate(invalid="ignore"):
        return np.where(upper[1] - lower[1] > _LEVEL * np.abs(upper[0] - lower[0]), lower[0], np.nan)


def _medians(values: Float64) -> Float64:
    """(N,) medians of the measured values of (N, K) rows; NaN where none is."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(1)
    middle = np.maximum(count - 1, 0) // 2
    return np.asarray(np.where(count > 0, ordered[np.arange(len(values)), middle], np.nan))
