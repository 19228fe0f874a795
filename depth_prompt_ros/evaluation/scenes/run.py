"""The pipeline on real scenes in the layout of :mod:`depth_prompt_ros.data.readers.scenes`, scene by scene."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.scenes import RealScene, list_scenes, read_scene
from depth_prompt_ros.evaluation.metrics import coverage, rmse
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.stages.boxes import targets_in

Float32 = NDArray[np.float32]

FOUND_IOU, NOTHING_IOU = 0.6, 0.1
"""A box is found with at least the first IoU, a label is on nothing with less than the second with every box."""

MOVED = 0.01
"""A measured pixel is moved if the answer is more than so many metres from the measurement."""


@dataclass(frozen=True)
class SceneFigures:
    """Figures of one scene; what the scene does not say is None.

    Attributes:
        targets: labels found.
        boxes, found, on_nothing: things of ``boxes.json``, those found, labels on none of them.
        moved: percent of the measured pixels that are more than 10 mm from the measurement, or lost.
        rmse: of the answer against the measurement where both have a value, mm.
        tom: percent of the picture that is called transparent or mirror.
        tom_iou: of ``tom.png``.
        glass, rest: RMSE in mm of the answer on transparent or mirror pixels and on all others, against ``truth``.
        glass_measured, rest_measured: of the measurement.
        glass_coverage: percent of the glass that the answer covers.
    """

    name: str
    targets: int
    moved: float
    rmse: float
    tom: float
    boxes: int | None = None
    found: int | None = None
    on_nothing: int | None = None
    tom_iou: float | None = None
    glass: float | None = None
    glass_measured: float | None = None
    glass_coverage: float | None = None
    rest: float | None = None
    rest_measured: float | None = None


def evaluate_scenes(folder: Path, parameters: Parameters) -> list[SceneFigures]:
    """Every scene below ``folder`` through the pipeline, nothing given but what ``parameters`` take from it.

    Raises:
        BadInput: a folder without scenes, or a damaged one.
    """
    pipeline = ObjectDepthPipeline(parameters)
    given = parameters.segmentation.method == "labels", parameters.tom.method == "labels"
    return [_figures(read_scene(path), pipeline, given) for path in list_scenes(folder)]


def _figures(scene: RealScene, pipeline: ObjectDepthPipeline, given: tuple[bool, bool]) -> SceneFigures:
    result = pipeline(scene.frame(*given))
    depth, measured = result.depth, result.measurement.depth
    known = measured > 0
    with np.errstate(invalid="ignore"):
        away = np.abs(depth - measured)
        moved = known & ~(away <= MOVED)
    found: dict[str, int | float | None] = {}
    if scene.boxes is not None:
        boxes = label_boxes(result.labels)
        overlaps = np.array([[box_iou(true, box) for box in boxes] for true in scene.boxes.tolist()])
        overlaps = overlaps.reshape(len(scene.boxes), len(boxes))
        found["boxes"] = len(scene.boxes)
        found["found"] = int((overlaps >= FOUND_IOU).any(1).sum())
        found["on_nothing"] = int((overlaps < NOTHING_IOU).all(0).sum())
    if scene.tom is not None and scene.tom.any():
        found["tom_iou"] = float((result.tom & scene.tom).sum() / (result.tom | scene.tom).sum())
        if scene.truth is not None:
            found["glass"], found["glass_coverage"] = _error(depth, scene.truth, scene.tom)
            found["rest"], _ = _error(depth, scene.truth, ~scene.tom)
            found["glass_measured"], _ = _error(measured, scene.truth, scene.tom)
            found["rest_measured"], _ = _error(measured, scene.truth, ~scene.tom)
    return SceneFigures(
        scene.name,
        len(result.targets),
        100 * float(moved.sum()) / max(int(known.sum()), 1),
        1000 * rmse(depth, measured) if np.isfinite(away).any() else 0.0,
        100 * float(result.tom.mean()),
        **found,  # type: ignore[arg-type]
    )


def _error(depth: Float32, truth: Float32, where: NDArray[np.bool_]) -> tuple[float, float]:
    """RMSE in mm and coverage in percent of the pixels with a truth."""
    asked = where & np.isfinite(truth)
    return 1000 * rmse(depth, truth, asked), 100 * coverage(depth, asked) if asked.any() else 0.0


def label_boxes(labels: NDArray[np.uint16]) -> list[tuple[float, float, float, float]]:
    """x0, y0, x1, y1 of each label."""
    boxes = [target.box for target in targets_in(labels)]
    return [(float(x.start), float(y.start), float(x.stop), float(y.stop)) for y, x in boxes]


def box_iou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1."""
    width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)
