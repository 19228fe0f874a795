"""How well depth of real clear objects comes out: ClearGrasp's scenes in RGB-D mode, the masks given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.cleargrasp import ClearGraspScene, read_cleargrasp
from depth_prompt_ros.evaluation.baselines import constant_depth, fill_along_row, upright_plane
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.pipeline import ObjectDepth, ObjectDepthPipeline
from depth_prompt_ros.stages.anchor import Anchor, choose_anchor
from depth_prompt_ros.stages.boxes import targets_in
from depth_prompt_ros.stages.merge import merge

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class MethodResult:
    """One method on one scene.

    Attributes:
        method: its name.
        coverage: share in [0, 1] of the mask's pixels with a depth.
        median_mm: median absolute error over the mask's pixels with truth and a depth.
        rmse_mm: root of their mean square error.
        moved_outside: pixels outside the mask whose depth is not what the sensor said; None where a method has none.
    """

    method: str
    coverage: float
    median_mm: float
    rmse_mm: float
    moved_outside: int | None = None


@dataclass(frozen=True)
class SceneResult:
    """One scene: its methods, and what each target's scale rests on."""

    scene: str
    mask_pixels: int
    pixels_with_truth: int
    methods: list[MethodResult]
    targets: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)


def evaluate_cleargrasp(folder: Path, parameters: Parameters) -> Iterator[SceneResult]:
    """Evaluate every scene of a folder, one at a time.

    The objects of the mask are the targets. "Upright plane" and "anchor alone" use no network. ToM pixels are the mask
    in "ours"; in "ours, ToM by evidence" the pipeline is not told that the targets are clear. "Ours without anchor"
    fits the same shape to whatever the sensor measured inside the mask; "ours without tilt" only scales it to the
    anchor.

    Raises:
        BadInput: the folder cannot be used; BadModel: the graph cannot be used.
    """
    told = ObjectDepthPipeline(_with_masks(parameters, "labels"))
    untold = ObjectDepthPipeline(_with_masks(parameters, "none"))
    for scene in read_cleargrasp(folder):
        yield _evaluate_scene(scene, told, untold)


def _with_masks(parameters: Parameters, tom_method: str) -> Parameters:
    content = parameters.model_dump()
    content["segmentation"]["method"] = "labels"
    content["tom"]["method"] = tom_method
    return Parameters.checked(content, "the ClearGrasp evaluation")


def _evaluate_scene(scene: ClearGraspScene, told: ObjectDepthPipeline, untold: ObjectDepthPipeline) -> SceneResult:
    frame, mask = scene.frame, scene.mask
    ours = told(frame)
    measured = ours.measurement
    masks = [ours.labels == label for label in range(1, int(ours.labels.max()) + 1)]
    seed = frame.stamp_ns
    around = replace(measured, depth=np.where(mask, np.float32(np.nan), measured.depth))
    plane = [upright_plane(frame.camera, target, around, seed) for target in masks]
    anchors = [
        choose_anchor(frame.camera, target, mask, measured, seed, told.parameters.scale, mask) for target in masks
    ]
    inside = [Anchor("inside", _inverse(measured.depth, target), False, "all measured pixels") for target in masks]
    methods = [
        _measured("raw sensor", scene, measured.depth),
        _measured("filled along the row", scene, fill_along_row(measured.depth)),
        _measured("constant depth", scene, _joined([constant_depth(measured.depth, target) for target in masks])),
        _measured("upright plane", scene, _joined(plane)),
        _measured("anchor alone", scene, _joined([_depth(anchor.trusted) for anchor in anchors])),
        _measured("ours without anchor", scene, _fitted(told, ours, masks, inside), measured),
        _measured("ours without tilt", scene, _fitted(told, ours, masks, anchors), measured),
        _measured("ours, ToM by evidence", scene, untold(frame).depth, measured),
        _measured("ours", scene, ours.depth, measured),
    ]
    with_truth = int((mask & (scene.true_depth > 0)).sum())
    return SceneResult(scene.name, int(mask.sum()), with_truth, methods, [asdict(target) for target in ours.targets])


def _measured(
    method: str, scene: ClearGraspScene, depth: Float32, measurement: DepthMeasurement | None = None
) -> MethodResult:
    mask = scene.mask
    error = 1000 * np.abs(depth - scene.true_depth)[mask]
    error = error[np.isfinite(error)]
    moved = None
    if measurement is not None:
        same = (depth == measurement.depth) | (np.isnan(depth) & np.isnan(measurement.depth))
        moved = int((~same & ~mask).sum())
    return MethodResult(
        method,
        float(np.isfinite(depth[mask]).mean()),
        float(np.median(error)) if error.size else float("nan"),
        float(np.sqrt(np.mean(error**2))) if error.size else float("nan"),
        moved,
    )


def _fitted(
    pipeline: ObjectDepthPipeline, result: ObjectDepth, masks: Sequence[Mask], anchors: Sequence[Anchor]
) -> Float32:
    """(H, W) merged metres with the shapes fitted to other anchors, their tilt as the network gave it."""
    frame = result.frame
    shapes, _ = pipeline.prompted_depth(frame.image, frame.camera, masks, anchors)
    mono = _joined([_depth(shape.inverse_depth) for shape in shapes])
    return merge(
        frame.camera, result.measurement, mono, targets_in(result.labels), result.tom, pipeline.parameters.merge
    ).depth


def _inverse(depth: Float32, mask: Mask) -> Float32:
    return np.divide(1, depth, out=np.zeros_like(depth), where=mask & (depth > 0))


def _depth(inverse: Float32) -> Float32:
    return np.divide(1, inverse, out=np.full_like(inverse, np.nan), where=inverse > 0)


def _joined(depths: Sequence[Float32]) -> Float32:
    """One picture of several targets' depth, each NaN outside its target."""
    return np.asarray(np.fmin.reduce(depths), np.float32)
