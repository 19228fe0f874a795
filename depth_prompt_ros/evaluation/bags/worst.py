"""The frames that went worst, with pictures."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from depth_prompt_ros.evaluation.bags.answers import OURS
from depth_prompt_ros.evaluation.bags.frame_scores import TrueFrame
from depth_prompt_ros.evaluation.bags.sums import RegionSums
from depth_prompt_ros.evaluation.clouds import Clouds
from depth_prompt_ros.evaluation.pictures import Picture, depth_scale, error_scale, jpeg, overlay, side_by_side

if TYPE_CHECKING:
    from depth_prompt_ros.result import FrameDepth

_KEPT = 6
_CLOUDS = 2
"""Of so many of them the clouds are kept too."""
_WIDTH = 320
_ERROR_RANGE = 50.0


class WorstFrames:
    """Keeps the pictures of the worst frames seen so far, six at most."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, dict[str, Any], bytes, Clouds]] = []

    def look_at(self, line: Mapping[str, Any], result: FrameDepth, truth: TrueFrame) -> None:
        """Take the next frame, and draw it if it is among the worst.

        Args:
            line: its numbers, as :meth:`FrameScores.to_dict` gives them.
            result: what came out.
            truth: what is really there.
        """
        figures = RegionSums(*line["sums"][OURS]["all"]).figures()
        rmse, coverage = figures["rmse"], figures["coverage"]
        badness = 100 - (coverage or 0.0) if rmse is None else rmse
        entry = (badness, -line["number"])
        if len(self._heap) == _KEPT and entry <= self._heap[0][:2]:
            return
        said = {"number": line["number"], "stamp_ns": line["stamp_ns"], "rmse": rmse, "coverage": coverage}
        picture, said["caption"] = _draw(result, truth)
        item = (*entry, said, jpeg(picture), _clouds(result, truth))
        (heapq.heappushpop if len(self._heap) == _KEPT else heapq.heappush)(self._heap, item)

    def write(self, folder: Path) -> list[dict[str, Any]]:
        """Write pictures as ``FRAME.jpg``, clouds of the worst as ``FRAME.npz``; what is said of them, worst first."""
        folder.mkdir()
        said = []
        for _, _, frame, content, clouds in sorted(self._heap, key=lambda entry: entry[:2], reverse=True):
            name = f"{frame['number']:06d}"
            (folder / f"{name}.jpg").write_bytes(content)
            said.append({**frame, "picture": f"{name}.jpg"})
            if len(said) <= _CLOUDS:
                clouds.save(folder / f"{name}.npz")
                said[-1]["clouds"] = f"{name}.npz"
        return said


def _clouds(result: FrameDepth, truth: TrueFrame) -> Clouds:
    depths = {"measured": result.measurement.depth, "ours": result.depth}
    if truth.depth is not None:
        depths["truth"] = truth.depth
    return Clouds.of(result.frame.camera, result.frame.image, result.labels, depths)


def _draw(result: FrameDepth, truth: TrueFrame) -> tuple[Picture, str]:
    """Input, targets, measured and our depth, with truth that and the error, in a row."""
    measured, ours = result.measurement.depth, result.depth
    depths = [measured, ours] if truth.depth is None else [truth.depth, measured, ours]
    scale = depth_scale(depths)
    parts = [result.frame.image, overlay(result.frame.image, result.labels, result.tom)]
    parts += [scale.colour(depth) for depth in depths]
    names = ["picture", "targets (hatched: taken for transparent or mirror)"]
    names += ["measured", "ours"] if truth.depth is None else ["truth", "measured", "ours"]
    words = f"; depth {scale.low:g} to {scale.high:g} m"
    if truth.depth is not None:
        errors = error_scale(_ERROR_RANGE, "mm")
        parts.append(errors.colour(np.abs(ours - truth.depth) * np.float32(1000)))
        names.append("error of ours")
        words += f", error 0 to {errors.high:g} mm, dark is right"
    return side_by_side([_small(part) for part in parts]), f"{', '.join(names)}{words}, grey: no value"


def _small(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    if width <= _WIDTH:
        return picture
    size = (_WIDTH, round(height * _WIDTH / width))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
