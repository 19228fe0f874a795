"""Error measures of disparity, depth, shape and normals.

An answer may be NaN where a method has none; truth is NaN where it is not known. A measure over no pixel is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel

Values = NDArray[np.floating]
Mask = NDArray[np.bool_]


def epe(answer: Values, truth: Values, mask: Mask | None = None) -> float:
    """End-point error: mean absolute disparity error in pixels, where answer and truth have one (as on Middlebury)."""
    return mae(answer, truth, mask)


def bad_n(answer: Values, truth: Values, mask: Mask | None = None, n: float = 2.0) -> float:
    """Share in [0, 1] of the pixels with truth that are wrong by more than ``n`` pixels (Middlebury's bad-n).

    A pixel without an answer is a bad one.
    """
    known = _selected(np.isfinite(truth), mask)
    error = np.abs(answer[known].astype(np.float64) - truth[known])
    return float(np.mean(~(error <= n))) if error.size else float("nan")


def coverage(answer: Values, mask: Mask | None = None) -> float:
    """Share in [0, 1] of the mask's pixels, or of all, that have an answer."""
    finite = np.isfinite(answer if mask is None else answer[mask])
    return float(finite.mean()) if finite.size else float("nan")


def mae(answer: Values, truth: Values, mask: Mask | None = None) -> float:
    """Mean absolute error in the values' unit where answer and truth have a value."""
    error = _errors(answer, truth, mask)[0]
    return float(np.mean(np.abs(error))) if error.size else float("nan")


def rmse(answer: Values, truth: Values, mask: Mask | None = None) -> float:
    """Root of the mean square error in the values' unit where answer and truth have a value."""
    error = _errors(answer, truth, mask)[0]
    return float(np.sqrt(np.mean(error**2))) if error.size else float("nan")


def abs_rel(answer: Values, truth: Values, mask: Mask | None = None) -> float:
    """Mean of ``|answer - truth| / truth`` where answer and truth have a value (Eigen et al. 2014); truth > 0."""
    error, reference = _errors(answer, truth, mask)
    return float(np.mean(np.abs(error) / reference)) if error.size else float("nan")


def delta(answer: Values, truth: Values, mask: Mask | None, threshold: float) -> float:
    """Share in [0, 1] with ``max(answer / truth, truth / answer) < threshold`` (Eigen et al. 2014), where both are.

    Args:
        answer, truth: above 0.
        threshold: above 1; 1.25 is usual, Booster goes down to 1.05.
    """
    error, reference = _errors(answer, truth, mask)
    found = reference + error
    return float(np.mean(np.maximum(found / reference, reference / found) < threshold)) if error.size else float("nan")


def median_error(answer: Values, truth: Values, mask: Mask | None = None) -> float:
    """Median absolute error in the values' unit where answer and truth have a value."""
    error = _errors(answer, truth, mask)[0]
    return float(np.median(np.abs(error))) if error.size else float("nan")


def si_rmse(answer: Values, truth: Values, mask: Mask) -> float:
    """Scale-invariant RMSE of depth that is known up to scale (2306.05428, eq. 3).

    The truth is scaled to a mean of 5 over the mask, the answer by ``s = sum(p g) / (sum(p^2) + 1e-6)``.

    Args:
        answer: (H, W) depth p in any unit.
        truth: (H, W) depth g > 0 in any unit.
        mask: (H, W) bool; its pixels without answer or truth are left out.
    """
    chosen = _selected(np.isfinite(answer) & np.isfinite(truth), mask)
    p, g = answer[chosen].astype(np.float64), truth[chosen].astype(np.float64)
    if not p.size:
        return float("nan")
    g = g * (5 / g.mean())
    scale = (p @ g) / (p @ p + 1e-6)
    return float(np.sqrt(np.mean((scale * p - g) ** 2)))


def normal_cosine(answer: Values, truth: Values, mask: Mask, camera: CameraModel) -> float:
    """Mean cosine in [-1, 1] between the surface normals of two depth maps (2306.05428, eq. 4).

    Normals are those of :meth:`CameraModel.normals`; a pixel counts when it, its left and its upper neighbour are in
    the mask and have both depths. A common scale of either depth map changes nothing.

    Args:
        answer, truth: (H, W) depth along z.
        mask: (H, W) bool.
    """
    inside = _selected(np.isfinite(answer) & np.isfinite(truth), mask)
    nan = np.float32(np.nan)
    one = camera.normals(np.where(inside, answer, nan).astype(np.float32))
    other = camera.normals(np.where(inside, truth, nan).astype(np.float32))
    cosine = np.einsum("ijk,ijk->ij", one, other, dtype=np.float64)
    cosine = cosine[np.isfinite(cosine)]
    return float(cosine.mean()) if cosine.size else float("nan")


def _selected(valid: Mask, mask: Mask | None) -> Mask:
    return valid if mask is None else valid & mask


def _errors(answer: Values, truth: Values, mask: Mask | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N,) answer - truth and (N,) truth where both have a value."""
    both = _selected(np.isfinite(answer) & np.isfinite(truth), mask)
    reference = truth[both].astype(np.float64)
    return answer[both].astype(np.float64) - reference, reference
