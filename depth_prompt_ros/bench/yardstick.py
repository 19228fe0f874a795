"""What times are stated against: machines drift by half within hours, a ratio within one run does not."""

from __future__ import annotations

import time

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, DISPARITIES, BLOCK, SHIFT = 640, 480, 128, 5, 20

NAME = "R"
"""What one pass is called."""

MEANING = (
    f"one pass of OpenCV's SGBM (3-way, {DISPARITIES} disparities, block {BLOCK}, {WIDTH}x{HEIGHT}) in the same run"
)


class Yardstick:
    """One pass of OpenCV's semi-global matching on textured noise that is shifted by 20 pixels."""

    def __init__(self) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH + SHIFT)).astype(np.uint8)
        texture: NDArray[np.uint8] = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.0), np.uint8)
        self._left = np.ascontiguousarray(texture[:, :WIDTH])
        self._right = np.ascontiguousarray(texture[:, SHIFT:])
        self._matcher = cv2.StereoSGBM_create(
            minDisparity=0, numDisparities=DISPARITIES, blockSize=BLOCK, P1=8 * BLOCK**2, P2=32 * BLOCK**2,
            disp12MaxDiff=1, preFilterCap=31, uniquenessRatio=10, mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
        )  # fmt: skip

    def __call__(self) -> float:
        """Run it once; seconds by the clock."""
        began = time.perf_counter()
        self._matcher.compute(self._left, self._right)
        return time.perf_counter() - began
