"""Metric depth of ToM regions from a whole picture's disparity, fitted to what is measured around each of them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.stages.boxes import Target
from depth_prompt_ros.stages.median import median
from depth_prompt_ros.stages.spread import spread
from depth_prompt_ros.stages.tom.scene_depth import ScenePrediction

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

_NEARNESS = 3.0
_FARTHEST = 0.01
"""A measured pixel weighs exp(-3 distance/size of the region), and a hundredth at least: the scale of what is around
the region counts, that of the rest of the room only where that leaves it open."""

_ITERATIONS = 5
_STRIDE = 3
_FLOOR = 0.01
_MIN_TRUSTED = 100
_MIN_RELIEF = 0.01
_SEAM, _AGREES = 0.05, 0.05
_NEAREST, _HORIZON = 20.0, 0.05
"""Depths are between 0.05 and 20 m."""


@dataclass(frozen=True, eq=False)
class Coarse:
    """A frame at the network's size, each pixel the nearest one of the picture.

    Attributes:
        rows, columns: which rows and columns of the picture.
        trusted: (h, w) float32 1/m, what is measured with confidence, ToM or not; 0 elsewhere.
        tom: (h, w) bool.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    trusted: Float32
    tom: Mask


@dataclass(frozen=True, eq=False)
class Surrounded:
    """One ToM region and what its surroundings say of its depth.

    Attributes:
        target: the region.
        mask: (h, w) bool, at the network's size.
        fitted: (h, w) float32 1/m, the painted picture's disparity fitted to what is measured around.
        scale, shift: of the fit; shift in 1/m.
        inliers: measured pixels that agree with it.
        residual: their weighted median relative disagreement.
        refused: why it is not to be used; empty = it is.
    """

    target: Target
    mask: Mask
    fitted: Float32
    scale: float
    shift: float
    inliers: int
    residual: float
    refused: str

    @property
    def inverse_depth(self) -> float:
        """1/m, the median of the fitted."""
        return median(self.fitted[self.mask])


def coarse(size: tuple[int, int], measurement: DepthMeasurement, tom: Mask, trust_confidence: float) -> Coarse:
    """A frame's measurement and ToM mask at ``size``, (h, w)."""
    rows, columns = (((np.arange(n) + 0.5) * full / n).astype(int) for n, full in zip(size, tom.shape, strict=True))
    depth, confidence = (each[rows][:, columns] for each in (measurement.depth, measurement.confidence))
    trusted = np.zeros(size, np.float32)
    np.divide(1, depth, out=trusted, where=(depth > 0) & (confidence >= trust_confidence))
    return Coarse(rows, columns, trusted, tom[rows][:, columns])


def fit_to_surroundings(prediction: ScenePrediction, region: Target, around: Coarse, max_residual: float) -> Surrounded:
    """Scale and shift of a region's disparity, from trusted pixels that are not ToM.

    Iteratively reweighted least squares in inverse depth with Cauchy's weights (Holland and Welsch 1977) on the
    relative residual, times the nearness to the region. Where what is near leaves the scale open (all on one plane that
    faces the camera) or contradicts the network, the scale is that of the whole picture and the shift alone is fitted;
    where that contradicts it too, the region gets one depth. The fit is refused with too few pixels, and where the
    residual, or what the predictions of other colours differ by inside the region, is above ``max_residual``.
    """
    mask = _coarse_mask(region, around)
    away = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 3)
    nearness = np.maximum(np.exp(-_NEARNESS * away / np.sqrt(mask.sum())), np.float32(_FARTHEST))
    used = np.zeros(mask.shape, np.bool_)
    used[::_STRIDE, ::_STRIDE] = True
    used &= (around.trusted > 0) & ~around.tom
    values, weight = around.trusted[used].astype(np.float64), nearness[used].astype(np.float64)
    if len(values) < _MIN_TRUSTED:
        nothing = np.zeros(mask.shape, np.float32)
        few = f"only {len(values)} trusted pixels in the whole picture to fit it to"
        return Surrounded(region, mask, nothing, 0.0, 0.0, 0, float("inf"), few)
    fit = _near_fit(prediction.painted[used].astype(np.float64), values, weight)
    refused = ""
    if fit.residual > max_residual:
        refused = f"the whole picture's shape is {fit.residual:.1%} off what is measured around it"
    fitted = _metric(prediction.painted, fit)
    disagreement = fit.scale * median(prediction.spread[mask] / fitted[mask])
    if disagreement > max_residual:
        refused = f"painted in other colours the network gives other depths, {disagreement:.1%} apart"
    agreeing = (around.trusted > 0) & ~around.tom & (np.abs(around.trusted - fitted) < _AGREES * fitted)
    if not refused and agreeing.any():
        fitted = fitted + _seam(around.trusted - fitted, agreeing, mask)
    return Surrounded(region, mask, fitted, fit.scale, fit.shift, int(agreeing.sum()), fit.residual, refused)


def region_depth(surrounded: Surrounded, shape: tuple[int, int]) -> Float32:
    """(h, w) float32 metres of a region's box, NaN outside the region.

    Its rim, where the network blurs it into what is beside, takes the values further in, and only values from inside
    are interpolated, so that nothing bleeds in over the border.

    Args:
        shape: of the whole picture.
    """
    box, mask, size = surrounded.target.box, surrounded.mask, shape[::-1]
    core = cv2.erode(mask.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    values = surrounded.fitted
    if core.any():
        values = np.where(core, values, spread(np.where(core, values, np.float32(0)), core, np.inf))
    weight = mask.astype(np.float32)
    total = cv2.resize(values * weight, size, interpolation=cv2.INTER_LINEAR)[box]
    share = cv2.resize(weight, size, interpolation=cv2.INTER_LINEAR)[box]
    nearest = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)[box]
    inverse = np.where(share > 0.05, total / np.maximum(share, np.float32(0.05)), nearest)
    depth = np.full(surrounded.target.mask.shape, np.nan, np.float32)
    np.divide(1, inverse, out=depth, where=surrounded.target.mask & (inverse > 0))
    return depth


@dataclass(frozen=True)
class _Fit:
    """``scale * disparity + shift`` in 1/m; relief: weighted deviation of that over the weighted mean measured."""

    scale: float
    shift: float
    residual: float
    relief: float

    @property
    def tells_scale(self) -> bool:
        """Nearer is nearer, and there is something nearer."""
        return self.scale > 0 and self.relief > _MIN_RELIEF


def _near_fit(disparity: Float64, values: Float64, nearness: Float64) -> _Fit:
    """The fit to what is near; where that does not tell the scale, the whole picture's with the shift of near."""
    near = _fit(disparity, values, nearness)
    if near.tells_scale:
        return near
    whole = _fit(disparity, values, np.ones_like(nearness))
    scale = whole.scale if whole.tells_scale else 0.0
    shift = _weighted_median(values - scale * disparity, nearness)
    residual = _weighted_median(np.abs(scale * disparity + shift - values) / values, nearness)
    return _Fit(scale, shift, residual, whole.relief)


def _fit(disparity: Float64, values: Float64, nearness: Float64) -> _Fit:
    weight, scale, shift, residual = nearness, 0.0, 0.0, float("inf")
    for _ in range(_ITERATIONS):
        total = weight.sum()
        mean_d, mean_v = weight @ disparity / total, weight @ values / total
        d = disparity - mean_d
        variance = weight @ (d * d)
        scale = float(weight @ (d * (values - mean_v)) / max(variance, 1e-12))
        shift = float(mean_v - scale * mean_d)
        relative = np.abs(scale * disparity + shift - values) / values
        residual = _weighted_median(relative, nearness)
        weight = nearness / (1 + (relative / max(1.48 * residual, _FLOOR)) ** 2)
    relief = abs(scale) * float(np.sqrt(variance / total)) / float(mean_v)
    return _Fit(scale, shift, residual, relief)


def _weighted_median(values: Float64, weight: Float64) -> float:
    order = np.argsort(values)
    passed = np.cumsum(weight[order])
    return float(values[order[np.searchsorted(passed, 0.5 * passed[-1])]])


def _metric(disparity: Float32, fit: _Fit) -> Float32:
    return np.clip(np.float32(fit.scale) * disparity + np.float32(fit.shift), _HORIZON, _NEAREST)


def _seam(residual: Float32, agreeing: Mask, mask: Mask) -> Float32:
    """What agreeing pixels beside the region have over the fit, carried into it for a twentieth of its size."""
    reach = max(1.0, _SEAM * float(np.sqrt(mask.sum())))
    away = cv2.distanceTransform((~agreeing).view(np.uint8), cv2.DIST_L2, 3)
    fade = np.exp(-((away / np.float32(reach)) ** 2))
    return np.asarray(spread(np.where(agreeing, residual, np.float32(0)), agreeing, np.inf) * fade, np.float32)


def _coarse_mask(region: Target, around: Coarse) -> Mask:
    """The region at the network's size, its middle at least."""
    top, left = region.box[0].start, region.box[1].start
    height, width = region.mask.shape
    rows = np.flatnonzero((around.rows >= top) & (around.rows < top + height))
    columns = np.flatnonzero((around.columns >= left) & (around.columns < left + width))
    mask = np.zeros(around.tom.shape, np.bool_)
    if len(rows) and len(columns):
        inside = region.mask[around.rows[rows] - top][:, around.columns[columns] - left]
        mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = inside
    if not mask.any():
        row = np.searchsorted(around.rows, top + height // 2).clip(max=len(around.rows) - 1)
        column = np.searchsorted(around.columns, left + width // 2).clip(max=len(around.columns) - 1)
        mask[row, column] = True
    return mask
