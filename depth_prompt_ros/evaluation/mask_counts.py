"""How well a mask agrees with the true one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class MaskCounts:
    """Pixels of one or more pictures; counts of several add up.

    Attributes:
        hits: in both masks.
        false_alarms: found, but not true.
        misses: true, but not found.
        rejections: in neither.
    """

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0
    rejections: int = 0

    @classmethod
    def of(cls, found: NDArray[Any], truth: NDArray[Any]) -> MaskCounts:
        """Of two masks of one shape; any value but 0 is in a mask."""
        found, truth = found != 0, truth != 0
        hits, either = int(np.count_nonzero(found & truth)), int(np.count_nonzero(found | truth))
        missed = int(np.count_nonzero(truth)) - hits
        return cls(hits, either - hits - missed, missed, truth.size - either)

    def __add__(self, other: MaskCounts) -> MaskCounts:
        return MaskCounts(
            self.hits + other.hits,
            self.false_alarms + other.false_alarms,
            self.misses + other.misses,
            self.rejections + other.rejections,
        )

    @property
    def iou(self) -> float:
        """Intersection over union in [0, 1]; NaN where both masks are empty."""
        return _share(self.hits, self.hits + self.false_alarms + self.misses)

    @property
    def precision(self) -> float:
        """Share in [0, 1] of what was found that is true; NaN where nothing was found."""
        return _share(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        """Share in [0, 1] of what is true that was found; NaN where nothing is true."""
        return _share(self.hits, self.hits + self.misses)

    @property
    def false_alarm_rate(self) -> float:
        """Share in [0, 1] of what is not true that was found; NaN where everything is true."""
        return _share(self.false_alarms, self.false_alarms + self.rejections)

    @property
    def balanced_error(self) -> float:
        """Mean in [0, 1] of the error rates inside and outside the true mask (2003.13948 and 1908.09101: BER / 100)."""
        return (1 - self.recall + self.false_alarm_rate) / 2

    def figures(self) -> dict[str, float]:
        """All figures by name, to four digits."""
        names = ("iou", "precision", "recall", "false_alarm_rate", "balanced_error")
        return {name: round(float(getattr(self, name)), 4) for name in names}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
