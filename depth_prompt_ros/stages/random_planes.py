"""Candidate planes for RANSAC: through random triples of measured points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

_DEGENERATE = 1e-7
"""Three rays with a smaller determinant lie nearly in one plane with the camera: no plane follows from them."""


def random_planes(rays: Float64, inverse: Float64, count: int, rng: np.random.Generator) -> Float64:
    """(M, 3) planes ``1 / z = plane @ ray``, each through three of the points; degenerate triples are left out.

    Args:
        rays: (N, 3) viewing rays with z = 1, N > 0.
        inverse: (N,) inverse depth, 1/m.
        count: triples that are drawn, at least M.
    """
    picks = rng.integers(len(rays), size=(count, 3))
    corners = rays[picks]
    solvable = np.abs(np.linalg.det(corners)) > _DEGENERATE
    planes = np.linalg.solve(corners[solvable], inverse[picks[solvable]][..., None])[..., 0]
    return np.asarray(planes, np.float64)


def relative_inverse(planes: Float64, scaled: Float64) -> Float64:
    """(M, N) ``plane @ ray`` over the measured inverse depth, of (M, 3) planes and (3, N) rays over inverse depth.

    As ``planes @ scaled``, 16 planes at a time: matrix products with so short a sum are several times slower in one.
    """
    found = np.empty((len(planes), scaled.shape[1]))
    for first in range(0, len(planes), 16):
        np.matmul(planes[first : first + 16], scaled, out=found[first : first + 16])
    return found
