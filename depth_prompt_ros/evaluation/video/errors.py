"""Errors of depth up to scale, pixel by pixel, and of masks; summed over frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.evaluation.bootstrap import interval_of_mean
from depth_prompt_ros.evaluation.metric.errors import pixel_errors

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

PARTS = ("all", "static", "moving", "edges")
_EDGE = 0.1
"""Pixels within two of a step in depth by this share are edges."""


@dataclass(frozen=True)
class Limits:
    """Which pixels count.

    Attributes:
        nearest, farthest: true depth, metres.
        garg: Garg's crop of KITTI (2016): rows 0.40810811 to 0.99189189, columns 0.03594771 to 0.96405229.
    """

    nearest: float = 1e-3
    farthest: float = 80.0
    garg: bool = False

    def known(self, truth: Float32) -> Mask:
        """(H, W) bool of (H, W) true depth, NaN = not known."""
        with np.errstate(invalid="ignore"):
            known = (truth > self.nearest) & (truth < self.farthest)
        if self.garg:
            height, width = truth.shape
            inside = np.zeros_like(known)
            rows = slice(int(0.40810811 * height), int(0.99189189 * height))
            inside[rows, int(0.03594771 * width) : int(0.96405229 * width)] = True
            known &= inside
        return np.asarray(known, np.bool_)


PAPER = Limits(1.0, 80.0)
"""2205.08851's."""

LITERATURE = Limits(1e-3, 80.0, garg=True)
"""What is usual on KITTI's Eigen split."""


class DepthErrors(NamedTuple):
    """Of one frame (Eigen et al. 2014); NaN without pixels.

    Attributes:
        abs_rel: mean |d - d*| / d*.
        sq_rel: mean (d - d*)^2 / d*.
        rmse: metres.
        rmse_log: of natural logarithms.
        a1, a2, a3: shares with max(d / d*, d* / d) below 1.25, 1.25^2, 1.25^3.
    """

    abs_rel: float
    sq_rel: float
    rmse: float
    rmse_log: float
    a1: float
    a2: float
    a3: float


def depth_errors(found: Float32, truth: Float32, known: Mask, limits: Limits | None = None) -> DepthErrors:
    """Errors of (H, W) depth over the pixels ``known``; what is found is clipped to the limits."""
    limits = limits or Limits()
    d = np.clip(found[known].astype(np.float64), limits.nearest, limits.farthest)
    t = truth[known].astype(np.float64)
    if not len(d):
        return DepthErrors(*(float("nan"),) * 7)
    names = ("abs_rel", "sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3")
    errors = pixel_errors(d, t)
    return DepthErrors(*(errors[name] for name in names))


def median_scaled(depth: Float32, truth: Float32, known: Mask) -> Float32:
    """Depth times the ratio of medians over ``known`` (Zhou et al. 2017)."""
    return depth * np.float32(np.median(truth[known]) / max(float(np.median(depth[known])), 1e-12))


def fitted_inverse(disparity: Float32, truth: Float32, known: Mask) -> Float32:
    """Depth of a relative disparity whose scale and shift are fitted to the true inverse depth by least squares.

    A scale below 0 would turn near and far around: then it is 0, one depth. Values at or below 0 are as far as the
    farthest pixel that is known.
    """
    target = 1 / truth[known].astype(np.float64)
    columns = np.stack([disparity[known].astype(np.float64), np.ones(len(target))], 1)
    scale, shift = np.linalg.lstsq(columns, target, rcond=None)[0]
    if scale < 0:
        scale, shift = 0.0, target.mean()
    return np.asarray(1 / np.maximum(scale * disparity + shift, target.min()), np.float32)


def edges(truth: Float32) -> Mask:
    """(H, W) bool: within two pixels of a step in depth of a tenth."""
    filled = np.where(np.isfinite(truth), truth, np.float32(np.nanmedian(truth)))
    kernel = np.ones((3, 3), np.uint8)
    step = (cv2.dilate(filled, kernel) - cv2.erode(filled, kernel)) > _EDGE * filled
    return np.asarray(cv2.dilate(step.astype(np.uint8), kernel) > 0)


def parts_of(truth: Float32, moving: Mask | None, limits: Limits) -> dict[str, Mask]:
    """Known pixels by part, see :data:`PARTS`; without a mask of what moves all are static."""
    known = limits.known(truth)
    moves = np.zeros_like(known) if moving is None else moving
    return {"all": known, "static": known & ~moves, "moving": known & moves, "edges": known & edges(truth)}


def mean_errors(frames: Iterable[DepthErrors]) -> DepthErrors:
    """Means over frames, those without pixels left out."""
    rows = np.array([list(each) for each in frames], np.float64).reshape(-1, len(DepthErrors._fields))
    kept = rows[np.isfinite(rows).all(1)]
    return DepthErrors(*(kept.mean(0) if len(kept) else np.full(len(DepthErrors._fields), np.nan)).tolist())


def paired_interval(one: NDArray[np.floating], other: NDArray[np.floating]) -> tuple[float, float, float]:
    """Mean of ``one - other`` over frames, its 95 % bootstrap interval (2000 draws); (N,) each, without NaN pairs."""
    difference = np.asarray(one, np.float64) - np.asarray(other, np.float64)
    difference = difference[np.isfinite(difference)]
    if not len(difference):
        return float("nan"), float("nan"), float("nan")
    return float(difference.mean()), *interval_of_mean(difference)
