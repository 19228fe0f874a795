"""Seconds a frame takes in each segment of its way, as percentiles."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import numpy as np

PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "max": 100}


class Latency:
    """Gathers seconds by segment: eight bytes a frame and segment."""

    def __init__(self) -> None:
        self._seconds: dict[str, array[float]] = {}

    def add(self, seconds: Mapping[str, float]) -> None:
        """Take one frame's segments."""
        for segment, value in seconds.items():
            self._seconds.setdefault(segment, array("d")).append(value)

    def milliseconds(self) -> dict[str, dict[str, float]]:
        """By segment the mean and the percentiles (linear between frames), milliseconds."""
        figures = {}
        for segment, seconds in self._seconds.items():
            values = 1000 * np.frombuffer(seconds)
            found = np.percentile(values, list(PERCENTILES.values()))
            named = {name: float(value) for name, value in zip(PERCENTILES, found, strict=True)}
            figures[segment] = {"mean": float(values.mean()), **named}
        return figures
