"""Pictures of what came out on ToM scenes: one row a scene; and the plot of mask quality."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from depth_prompt_ros.data.titles import PAPER, text_row, title_row
from depth_prompt_ros.data.worse_masks import AMOUNTS, CHANGES
from depth_prompt_ros.evaluation.pictures import Picture, depth_scale, error_scale, jpeg, overlay
from depth_prompt_ros.evaluation.tom.methods import MERGED, STEREO, Way
from depth_prompt_ros.evaluation.tom.pairs import SetScores, Shown, sweep_name
from depth_prompt_ros.written_aside import write_bytes, written_aside

_TILE = 168
_GAP = 4
_WORST = 10.0
"""Brightest error, percent of the distance."""


def scene_sheet(scenes: Sequence[Shown]) -> Picture:
    """One row a scene: picture with masks, depths and truth on one scale, errors in percent of the distance."""
    first = scenes[0]
    titles = ["picture", "targets, ToM hatched", *first.depths, "truth", *(f"error: {title}" for title in first.errors)]
    rows = [title_row(titles, _TILE + _GAP), *(_row(scene) for scene in scenes)]
    width = rows[0].shape[1]
    foot = text_row([f"Errors: black 0, brightest from {_WORST:g} % of the distance. Grey: no value."], width)
    return np.vstack([*rows, foot])


def write_sheet(path: Path, sheet: Picture) -> None:
    """Write it as JPEG."""
    write_bytes(path, jpeg(sheet, 78))


def write_mask_plot(path: Path, scores: SetScores, ways: Sequence[Way]) -> None:
    """Change of RMSE against stereo over how much worse the masks are made; PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots(1, 2)
    percent = [0.0, *(100 * amount for amount in AMOUNTS)]
    parts = ((scores.sweep.inside, "ToM pixels"), (scores.sweep.outside, "other pixels"))
    for axis, (found, title) in zip(axes, parts, strict=True):
        for change in CHANGES:
            names = [MERGED.name, *(sweep_name(change, amount) for amount in AMOUNTS)]
            compared = [found.compare(name, STEREO) for name in names]
            axis.plot(percent, [each.change for each in compared], marker="o", label=change)
            axis.fill_between(percent, [each.low for each in compared], [each.high for each in compared], alpha=0.12)
        for way in ways:
            if way.main and way.name != MERGED.name:
                (line,) = axis.plot([], linestyle="--", label=way.name)
                axis.axhline(found.compare(way.name, STEREO).change, color=line.get_color(), linestyle="--")
        axis.axhline(0, color="0.8", zorder=0)
        axis.set_title(title)
        axis.set_xlabel("% of the square root of the mask's area")
    axes[0].set_ylabel("RMSE against stereo, %")
    axes[1].legend(fontsize=7, loc="best")
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=100, format=path.suffix[1:], metadata={"Software": None})


def _row(scene: Shown) -> Picture:
    scale = depth_scale([scene.truth], margin=0.1)
    worst = error_scale(_WORST, "%")
    tiles = [scene.image, overlay(scene.image, scene.labels, scene.tom)]
    tiles += [scale.colour(depth) for depth in (*scene.depths.values(), scene.truth)]
    tiles += [worst.colour(100 * np.abs(scene.depths[title] / scene.truth - 1)) for title in scene.errors]
    size = (_TILE, round(_TILE * scene.image.shape[0] / scene.image.shape[1]))
    small = [cv2.resize(tile, size, interpolation=cv2.INTER_AREA) for tile in tiles]
    return np.hstack([cv2.copyMakeBorder(tile, 0, _GAP, 0, _GAP, cv2.BORDER_CONSTANT, value=PAPER) for tile in small])
