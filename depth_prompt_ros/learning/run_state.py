"""How far a learning run has come, when that is written down, and when it is shown."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

Report = Callable[[int, int, dict[str, float], float], None]
"""Called with step, steps, each term's mean since the last line of the log, seconds left."""

_SAVE_SECONDS, _SHARE, _SHOW_SECONDS = 30.0, 20, 0.3


@dataclass
class Place:
    """How far a run has come, beside its weights.

    Attributes:
        step: the last one that is done.
        seconds: of all parts of the run.
        best, best_state: of the validations.
        due: the validation after that step has not ended.
        sums: terms of the loss since the last line of the log.
    """

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    best_state: dict[str, Tensor] = field(default_factory=dict)
    due: bool = False
    sums: dict[str, list[float]] = field(default_factory=dict)


class Clock:
    """Seconds of a run, and when its state is to be saved: by time, so that slow and fast runs lose the same.

    Writing is to take no more than a twentieth of the time.
    """

    def __init__(self, before: float) -> None:
        self._began, self._before = time.monotonic(), before
        self._saved, self._cost = self._began, 0.0

    @property
    def seconds(self) -> float:
        """Of all parts of the run."""
        return self._before + time.monotonic() - self._began

    def due(self) -> bool:
        """Whether enough has passed since the state was saved."""
        return time.monotonic() - self._saved >= max(_SAVE_SECONDS, _SHARE * self._cost)

    def time(self, save: Callable[[], None]) -> None:
        """Save, and remember how long it took."""
        began = time.monotonic()
        save()
        self._saved = time.monotonic()
        self._cost = self._saved - began


class Shown:
    """Calls the report after the first step, the last, and a few times a second between."""

    def __init__(self, report: Report | None, before: int, steps: int) -> None:
        self._report, self._before, self._steps = report, before, steps
        self._began, self._shown = time.monotonic(), 0.0

    def __call__(self, step: int, means: dict[str, float]) -> None:
        """Show it, if it is time."""
        now = time.monotonic()
        if self._report is None or (step < self._steps and now - self._shown < _SHOW_SECONDS):
            return
        self._shown = now
        left = (now - self._began) / (step - self._before) * (self._steps - step)
        self._report(step, self._steps, means, left)
