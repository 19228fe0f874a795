"""How much depth trembles where the picture does not change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.evaluation.sums import Sums

Float32 = NDArray[np.float32]

_STILL_LEVELS = 6
_STILL_SHARE = 0.9


@dataclass(frozen=True)
class SteadySums(Sums):
    """Two consecutive frames of a scene that stands still, or several such pairs added up.

    Attributes:
        looked: pixels that do not change and have a depth in one of the frames.
        compared: those with a depth in both.
        squares: of the change of depth, m^2.
    """

    looked: int = 0
    compared: int = 0
    squares: float = 0.0

    def figures(self) -> dict[str, float | None]:
        """Noise in time of one frame's depth, mm (rms of the change over the root of two), and flickering pixels, %."""
        noise = 1000 * float(np.sqrt(self.squares / self.compared / 2)) if self.compared else None
        flicker = 100 * (self.looked - self.compared) / self.looked if self.looked else None
        return {"noise": noise, "flicker": flicker}


class Steadiness:
    """Compares each frame with the one before it; one picture and its answers are kept."""

    def __init__(self) -> None:
        self._grey: NDArray[np.uint8] | None = None
        self._answers: Mapping[str, Float32] = {}

    def __call__(self, image: NDArray[np.uint8], answers: Mapping[str, Float32]) -> dict[str, SteadySums] | None:
        """Take the next frame.

        A pixel does not change if its grey, smoothed over 5 pixels, moves by at most 6 of 255 levels; a scene stands
        still if 90 % of its pixels do not change.

        Args:
            image: (H, W, 3) uint8 RGB.
            answers: (H, W) metres by method, NaN = no value.

        Returns:
            The sums by method; None for the first frame and where the scene does not stand still.
        """
        grey = np.asarray(cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (5, 5), 0), np.uint8)
        before, previous = self._grey, self._answers
        self._grey, self._answers = grey, answers
        if before is None or before.shape != grey.shape:
            return None
        still = cv2.absdiff(before, grey) <= _STILL_LEVELS
        if still.mean() < _STILL_SHARE:
            return None
        return {name: _change(previous[name], answer, still) for name, answer in answers.items()}


def _change(before: Float32, after: Float32, still: NDArray[np.bool_]) -> SteadySums:
    one, two = np.isfinite(before), np.isfinite(after)
    both = still & one & two
    change = after[both].astype(np.float64) - before[both]
    return SteadySums(int((still & (one | two)).sum()), len(change), float(change @ change))
