"""How wide the 90 % interval of depth is over the mean error that a metric prompt foretells."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

MEASURED = (0.0, 0.25, 0.75)
"""Shares of a target that are measured, at which an interval is told."""


class StatedInterval(NamedTuple):
    """Half the width of the interval over the foretold error, where so much of a target is measured; linear between.

    Errors of what is wholly hidden have longer tails than those beside measured pixels.
    """

    nothing: float
    some: float
    most: float

    @classmethod
    def read(cls, text: str) -> StatedInterval:
        """From what :meth:`__str__` wrote.

        Raises:
            ValueError, TypeError: it is something else.
        """
        return cls(*(float(part) for part in text.split()))

    def __str__(self) -> str:
        return " ".join(f"{each:.4f}" for each in self)

    def at(self, measured: Tensor) -> Tensor:
        """For shares in [0, 1] of targets that are measured."""
        nothing, some, most = MEASURED
        first = ((measured - nothing) / (some - nothing)).clamp(0, 1)
        second = ((measured - some) / (most - some)).clamp(0, 1)
        return self.nothing + (self.some - self.nothing) * first + (self.most - self.some) * second
