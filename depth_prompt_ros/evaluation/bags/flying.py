"""Flying pixels: points that hang in the air between a near and a far surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.evaluation.bags.regions import REACH, depth_range

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_MARGIN, _RELATIVE_MARGIN = 0.01, 0.01


def flying_pixels(answer: Float32, truth: Float32) -> Mask:
    """Find answers that lie between the true surfaces around them and on none of these.

    A pixel flies if within 3 pixels some true depth is nearer and some is farther than its answer, and none is within
    10 mm or 1 % of it, whichever is more.

    Args:
        answer, truth: (H, W) float32 metres, NaN = no value.

    Returns:
        (H, W) bool.
    """
    low, high = depth_range(truth)
    with np.errstate(invalid="ignore"):
        margin = np.maximum(np.float32(_MARGIN), np.float32(_RELATIVE_MARGIN) * answer)
        flying = (answer > low + margin) & (answer < high - margin)
    rows, columns = np.nonzero(flying)
    found, reach = answer[rows, columns], margin[rows, columns]
    padded = np.pad(truth, REACH, constant_values=np.nan)
    on_surface = np.zeros(len(rows), np.bool_)
    for down in range(2 * REACH + 1):
        for right in range(2 * REACH + 1):
            with np.errstate(invalid="ignore"):
                on_surface |= np.abs(padded[rows + down, columns + right] - found) <= reach
    flying[rows[on_surface], columns[on_surface]] = False
    return np.asarray(flying)
