"""Where in the right picture each pixel of the left one is matched."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def matched_places(disparity: Float32) -> tuple[Float32, Float32]:
    """(H, W) float32 columns and rows of the right picture; far outside of it where there is no match.

    Args:
        disparity: (H, W) float32 pixels of the left picture, NaN = no match.
    """
    height, width = disparity.shape
    x = np.arange(width, dtype=np.float32) - disparity
    cv2.patchNaNs(x, 3.0 * width)
    return x, _rows(height, width)


@lru_cache(4)
def _rows(height: int, width: int) -> Float32:
    """(H, W) float32, the row of each pixel; not to be written to."""
    rows = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)
    rows.flags.writeable = False
    return rows
