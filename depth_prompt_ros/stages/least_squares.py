"""Weighted least squares of a few unknowns, by their normal equations."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


def least_squares(design: Float64, values: Float64, weight: Float64 | float = 1.0) -> Float64:
    """(K,) factors of the rows of ``design`` whose sum is nearest to the values; the least where many are.

    Args:
        design: (K, N), well scaled: the squares of its singular values must be told apart from 0.
        values: (N,).
        weight: (N,) of the squared differences.
    """
    weighted = design * weight
    return np.asarray(cv2.solve(weighted @ design.T, (weighted @ values)[:, None], flags=cv2.DECOMP_SVD)[1][:, 0])
