"""Answers of several methods over the same pixels of several frames."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]


class PooledAnswers:
    """Gathers answers and truth pixel by pixel, frame by frame, so that every number is over all pixels at once."""

    def __init__(self) -> None:
        self._truth: list[Values] = []
        self._answers: dict[str, list[Values]] = {}

    def add(self, truth: Values, answers: Mapping[str, Values], where: NDArray[np.bool_]) -> None:
        """Take one frame's pixels ``where`` its truth is known.

        Args:
            truth: (H, W), NaN = not known.
            answers: (H, W) by method, NaN = no answer; every frame brings the same methods.
            where: (H, W) bool.
        """
        known = where & np.isfinite(truth)
        self._truth.append(truth[known])
        for name, answer in answers.items():
            self._answers.setdefault(name, []).append(answer[known])

    def truth(self) -> Values:
        """(N,) true values of all pixels."""
        return np.concatenate(self._truth) if self._truth else np.empty(0, np.float32)

    def answer(self, name: str) -> Values:
        """(N,) one method's values at the same pixels, NaN = no answer."""
        return np.concatenate(self._answers[name])
