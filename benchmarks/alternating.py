"""Times of steps that take turns, so that what else the machine does falls on all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np


def milliseconds(steps: Mapping[str, Callable[[], object]], rounds: int = 100, warm_up: int = 5) -> dict[str, float]:
    """Median time of each step."""
    spent: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + warm_up):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            if number >= warm_up:
                spent[name].append(time.perf_counter() - began)
    return {name: 1000 * float(np.median(seconds)) for name, seconds in spent.items()}
