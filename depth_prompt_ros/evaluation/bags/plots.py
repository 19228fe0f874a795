"""Figures over the frames of a recording, drawn for the page."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from depth_prompt_ros.evaluation.bags.answers import MEASURED, OURS
from depth_prompt_ros.evaluation.bags.sums import METRICS, RegionSums
from depth_prompt_ros.evaluation.pictures import Picture

_POINTS = 1500
_LATEST = np.iinfo(np.int64).max
_SHOWN = {"rmse": "targets", "coverage": "targets", "flying": "edges"}


class Curves:
    """Error, coverage, flying pixels and anchors' residual against seconds since the first frame.

    Of targets where a frame has some, else of the whole picture. Of more than 1500 frames evenly spread ones are kept.
    """

    def __init__(self, count: int) -> None:
        """Begin without a frame; ``count``: how many there will be."""
        self._step, self._seen = max(1, -(-count // _POINTS)), 0
        self._times = array("q")
        self._curves = {(key, name): array("d") for key in _SHOWN for name in (MEASURED, OURS)}
        self._residuals = array("d")

    def add(self, frame: Mapping[str, Any]) -> None:
        """Take the next frame, as :meth:`FrameScores.to_dict` gives it."""
        self._seen += 1
        if (self._seen - 1) % self._step:
            return
        self._times.append(frame["stamp_ns"])
        for (key, name), curve in self._curves.items():
            by_region = frame["sums"][name]
            figures = RegionSums(*by_region.get(_SHOWN[key], by_region["all"])).figures()
            curve.append(_number(figures[key]))
        found = [target["residual"] for target in frame["targets"] if target["residual"] is not None]
        self._residuals.append(100 * float(np.mean(found)) if found else float("nan"))

    def draw(self) -> Picture:
        """(H, W, 3) uint8 RGB."""
        times = np.array(self._times, np.int64)
        return _draw((times - times.min(initial=_LATEST)) * 1e-9, self._curves, self._residuals)


def _draw(seconds: Any, curves: Mapping[tuple[str, str], Sequence[float]], residuals: Sequence[float]) -> Picture:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = {column.key: column for column in METRICS}
    figure = Figure(figsize=(11, 7), dpi=100, layout="constrained")
    axes = figure.subplots(len(_SHOWN) + 1, 1, sharex=True)
    for axis, key in zip(axes, _SHOWN, strict=False):
        for name, colour in ((MEASURED, "#8a93a0"), (OURS, "#1a56b0")):
            axis.plot(seconds, curves[key, name], color=colour, label=name, marker=".", markersize=3, linewidth=1)
        axis.set_ylabel(f"{columns[key].title}, {columns[key].unit}")
    axes[0].legend(loc="upper right", fontsize=8)
    axes[-1].plot(seconds, residuals, color="#b3561a", marker=".", markersize=3, linewidth=1)
    axes[-1].set_ylabel("residual, %")
    axes[-1].set_xlabel("seconds since the first frame")
    for axis in axes:
        axis.grid(alpha=0.3)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba(), np.uint8)[..., :3].copy()


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
