"""Values of some pixels, spread over those beside and between them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.stages.median import median_of_some

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


def spread(values: Float32, known: Mask, preference: float) -> Float32:
    """Spread values over the whole picture, exact nowhere, from near known pixels where there are any, else from far.

    A normalised convolution over a pyramid (Knutsson and Westin 1993, Burt 1988).

    Args:
        values: (h, w) float32, 0 where not known.
        known: (h, w) bool, at least one.
        preference: a value lower by so much weighs e times more; inf: all weigh the same.

    Returns:
        (h, w) float32 in the values' unit.
    """
    below = (np.float32(median_of_some(values[known])) - values) / np.float32(preference)
    weight = known * np.exp(np.clip(below, -30, 30))
    levels = [(values * weight, weight, known.astype(np.float32))]
    while min(levels[-1][0].shape) > 3:
        total, mass, density = levels[-1]
        levels.append((cv2.pyrDown(total), cv2.pyrDown(mass), cv2.pyrDown(density)))
    filled, filled_mass, _ = levels[-1]
    for total, mass, density in reversed(levels[:-1]):
        missing, size = np.maximum(1 - 4 * density, 0), density.shape[::-1]
        filled = total + missing * cv2.pyrUp(filled, dstsize=size)
        filled_mass = mass + missing * cv2.pyrUp(filled_mass, dstsize=size)
    return np.asarray(filled / np.maximum(filled_mass, 1e-20), np.float32)
