"""The usual errors of metric depth, each a mean over pictures (1406.2283)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

NAMES = ("abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "delta1", "delta2", "delta3")


def picture_errors(answer: Float32, truth: Float32, cap: float) -> dict[str, float]:
    """AbsRel, SqRel (m), RMSE (m), RMSE of the natural logarithm, log10, and shares within 1.25, 1.25^2, 1.25^3.

    Args:
        answer: (H, W) metres, above 0.
        truth: (H, W) metres; NaN, and what is beyond ``cap``, does not count.
        cap: metres; the answer is cut there.

    Returns:
        By the names of :data:`NAMES`; NaN where no pixel counts.
    """
    known = np.isfinite(truth) & (truth > 0) & (truth <= cap)
    if not known.any():
        return dict.fromkeys(NAMES, float("nan"))
    return pixel_errors(np.clip(answer[known].astype(np.float64), 1e-3, cap), truth[known].astype(np.float64))


def pixel_errors(found: NDArray[np.float64], true: NDArray[np.float64]) -> dict[str, float]:
    """The errors of :func:`picture_errors` over (N,) pixels, N at least 1; both depths above 0."""
    error, ratio = found - true, np.maximum(found / true, true / found)
    logarithm = np.log(found) - np.log(true)
    values = (
        np.mean(np.abs(error) / true),
        np.mean(error**2 / true),
        np.sqrt(np.mean(error**2)),
        np.sqrt(np.mean(logarithm**2)),
        np.mean(np.abs(logarithm)) / np.log(10),
        *(np.mean(ratio < 1.25**power) for power in (1, 2, 3)),
    )
    return {name: float(value) for name, value in zip(NAMES, values, strict=True)}


def mean_errors(pictures: Iterable[dict[str, float]]) -> dict[str, float]:
    """The mean of each error over the pictures that have one; NaN where none has."""
    rows = [errors for errors in pictures if np.isfinite(errors["abs_rel"])]
    return {name: float(np.mean([row[name] for row in rows])) if rows else float("nan") for name in NAMES}
