"""Figures over the frames of a recording, drawn for the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from depth_prompt_ros.evaluation.bags.answers import MEASURED, OURS
from depth_prompt_ros.evaluation.bags.sums import METRICS, RegionSums
from depth_prompt_ros.evaluation.pictures import Picture

_POINTS = 1500
_SHOWN = {"rmse": "targets", "coverage": "targets", "flying": "edges"}


def over_time(frames: Iterable[Mapping[str, Any]], count: int) -> Picture:
    """Curves of error, coverage, flying pixels and anchors' residual against seconds since the first frame.

    Of targets where a frame has some, else of the whole picture. Of more than 1500 frames evenly spread ones are drawn.

    Args:
        frames: as :meth:`FrameScores.to_dict` gives them.
        count: how many there are.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    step = -(-count // _POINTS)
    times: list[int] = []
    curves: dict[tuple[str, str], list[float]] = {(key, name): [] for key in _SHOWN for name in (MEASURED, OURS)}
    residuals: list[float] = []
    for number, frame in enumerate(frames):
        if number % step:
            continue
        times.append(frame["stamp_ns"])
        for (key, name), curve in curves.items():
            by_region = frame["sums"][name]
            figures = RegionSums(*by_region.get(_SHOWN[key], by_region["all"])).figures()
            curve.append(_number(figures[key]))
        found = [target["residual"] for target in frame["targets"] if target["residual"] is not None]
        residuals.append(100 * float(np.mean(found)) if found else float("nan"))
    seconds = (np.array(times, np.int64) - (min(times) if times else 0)) * 1e-9
    return _draw(seconds, curves, residuals)


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
