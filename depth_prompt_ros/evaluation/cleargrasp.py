"""How well depth of real clear objects comes out: ClearGrasp's scenes in RGB-D mode, the masks given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.cleargrasp import ClearGraspScene, read_cleargrasp
from depth_prompt_ros.evaluation.baselines import constant_depth, fill_along_row
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.pipeline import ObjectDepth, ObjectDepthPipeline
from depth_prompt_ros.stages.anchor import Anchor
from depth_prompt_ros.stages.merge import merge
from depth_prompt_ros.stages.support_plane import Plane, fit_support_plane
from depth_prompt_ros.stages.upright import Silhouette, block_inverse_depth, cast_silhouette, upright_plane

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

    The objects of the mask are the targets. ToM pixels are the mask in "ours"; in "ours, ToM by evidence" the pipeline
    is not told that the targets are clear. "Ours without anchor" fits the same shape to whatever the sensor measured
    inside the mask.

    Raises:
        BadInput: the folder cannot be used; BadModel: the graph cannot be used.
    """
    told = ObjectDepthPipeline(_with_masks(parameters, "labels"))
    untold = ObjectDepthPipeline(_with_masks(parameters, "evidence"))
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
    measurement = ours.measurement
    methods = [
        _measured("raw sensor", scene, measurement.depth),
        _measured("filled along the row", scene, np.where(mask, fill_along_row(measurement.depth), np.float32(np.nan))),
        _measured("constant depth", scene, constant_depth(measurement.depth, mask)),
        _measured("upright plane", scene, _network_free(ours, _plane_inverse_depth)),
        _measured("upright block", scene, _network_free(ours, block_inverse_depth)),
        _measured("ours without anchor", scene, _without_anchor(told, ours), measurement),
        _measured("ours, ToM by evidence", scene, untold(frame).depth, measurement),
        _measured("ours", scene, ours.depth, measurement),
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


def _plane_inverse_depth(camera: CameraModel, _support: Plane, silhouette: Silhouette) -> Float32:
    return upright_plane(silhouette).inverse_depth(camera)


def _network_free(result: ObjectDepth, surface: Callable[[CameraModel, Plane, Silhouette], Float32]) -> Float32:
    """(H, W) metres inside the targets: a surface that stands on each target's contact, from its outline alone."""
    camera, labels, seed = result.frame.camera, result.labels, result.frame.stamp_ns
    depth = np.full(labels.shape, np.nan, np.float32)
    for label in range(1, int(labels.max()) + 1):
        mask = labels == label
        support = fit_support_plane(camera, result.measurement.depth, labels > 0, mask, seed)
        silhouette = None if support is None else cast_silhouette(camera, support, mask, labels > 0)
        if support is None or silhouette is None:
            continue
        inverse = surface(camera, support, silhouette)
        depth = np.where(mask & (inverse > 0), 1 / np.maximum(inverse, np.float32(1e-6)), depth)
    return depth


def _without_anchor(pipeline: ObjectDepthPipeline, result: ObjectDepth) -> Float32:
    """(H, W) merged metres with each shape fitted to everything that was measured inside its mask."""
    frame, measurement, labels = result.frame, result.measurement, result.labels
    masks = [labels == label for label in range(1, int(labels.max()) + 1)]
    measured = np.where(measurement.depth > 0, 1 / measurement.depth, np.float32(0)).astype(np.float32)
    anchors = [
        Anchor("inside", np.where(mask, measured, np.float32(0)), False, "all measured pixels") for mask in masks
    ]
    shapes, _ = pipeline.prompted_depth(frame.image, frame.camera, masks, anchors)
    inverse = np.max([shape.inverse_depth for shape in shapes], axis=0)
    mono = np.where(inverse > 0, 1 / np.maximum(inverse, np.float32(1e-6)), np.float32(np.nan))
    return merge(frame.camera, measurement, mono, labels, result.tom, pipeline.parameters.merge).depth
