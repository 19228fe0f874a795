"""The two planes that may be the support of what a camera sees: the largest level one, and a level one above it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.stages.random_planes import random_planes, relative_inverse

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_TOLERANCE = 0.012
"""Inliers are this close to a plane, relative to inverse depth: 10 mm at 0.8 m."""

_HYPOTHESES, _SAMPLES, _PLANES = 120, 600, 4
_MIN_SHARE = 0.06
_STEEP = 0.1
_PARALLEL = 0.97
"""Cosine of 14 degrees."""


def level_planes(rays: Float32, inverse: Float32, seed: int) -> list[Float64]:
    """Two (3,) planes ``1 / z = plane @ ray``: the likely support and the next likely one; the same one twice or none.

    RANSAC (Fischler and Bolles 1981) in (x / z, y / z, 1 / z), where stereo noise is uniform, and least squares on the
    inliers; up to four planes, each in what the ones before left. The first is the one with most inliers, weighed by
    how level it is (the picture's down is taken for down). The second is a parallel one nearer to the camera, such as a
    table top over a floor, else the next one by weight, else the first.

    Args:
        rays: (N, 3) viewing rays with z = 1.
        inverse: (N,) 1/m, all positive.
        seed: of the random samples.
    """
    rng = np.random.default_rng(seed)
    count, left = len(rays), np.arange(len(rays))
    found: list[tuple[float, Float64]] = []
    for _ in range(_PLANES):
        if len(left) < max(30, _MIN_SHARE * count):
            break
        plane = _best_plane(rays[left].astype(np.float64), inverse[left].astype(np.float64), rng)
        if plane is None:
            break
        near = np.abs(rays[left] @ plane / inverse[left] - 1) < _TOLERANCE
        share = float(near.sum()) / count
        if share < _MIN_SHARE:
            break
        length = float(np.linalg.norm(plane))
        upward = float(plane[1]) / length
        across = abs(float(plane[0])) / length
        if upward > -_STEEP and across < max(upward, 3 * _STEEP):
            found.append((share * (0.25 + max(0.0, upward)), plane))
        left = left[~near]
    if not found:
        return []
    found.sort(key=lambda each: -each[0])
    first = found[0][1]
    parallel = [plane for _, plane in found[1:] if _cosine(plane, first) > _PARALLEL]
    nearer = [plane for plane in parallel if np.linalg.norm(plane) > np.linalg.norm(first)]
    others = nearer or [plane for _, plane in found[1:]] or [first]
    return [first, others[0]]


def _cosine(one: Float64, other: Float64) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def _best_plane(rays: Float64, inverse: Float64, rng: np.random.Generator) -> Float64 | None:
    """The plane with the least truncated squared residual (MSAC, Torr and Zisserman 2000), refined."""
    planes = random_planes(rays, inverse, _HYPOTHESES, rng)
    if not len(planes):
        return None
    chosen = rng.integers(len(rays), size=min(_SAMPLES, len(rays)))
    scaled = rays[chosen].T / inverse[chosen]
    cost = np.minimum((relative_inverse(planes, scaled) - 1) ** 2, _TOLERANCE**2).sum(1)
    plane = planes[np.argmin(cost)]
    everything = rays / inverse[:, None]
    for _ in range(3):
        near = np.abs(everything @ plane - 1) < _TOLERANCE
        if near.sum() < 12:
            return None
        inliers = everything[near]
        plane = np.linalg.solve(inliers.T @ inliers + 1e-9 * np.eye(3), inliers.sum(0))
    return np.asarray(plane, np.float64)
