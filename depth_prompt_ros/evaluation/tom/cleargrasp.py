"""How well depth of real clear objects comes out: ClearGrasp's scenes in RGB-D mode, the masks given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.cleargrasp import ClearGraspScene, read_cleargrasp
from depth_prompt_ros.evaluation import metrics
from depth_prompt_ros.evaluation.baselines import constant_depth, fill_along_row, ring_plane, upright_plane
from depth_prompt_ros.evaluation.table import Check, Column, Row, Table, at_least, at_most
from depth_prompt_ros.evaluation.tom.methods import BELIEVED, EVIDENCE, MERGED, OWN, Pipelines, Way
from depth_prompt_ros.evaluation.tom.pairs import Shown
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.result import FrameDepth
from depth_prompt_ros.stages.anchor.choose import Anchor, choose_anchor
from depth_prompt_ros.stages.anchor.support_plane import fit_support_plane
from depth_prompt_ros.stages.boxes import box_of, targets_in
from depth_prompt_ros.stages.merge import merge

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SENSOR, _PLANE = "raw sensor", "upright plane"

_BARS = {"000000080": -60.0, "000000123": -30.0}
"""Change of RMSE against the sensor, percent, that is asked of the merge on two of the published scenes."""

_OURS, _OWN = "ours", "ours, own masks"
_WAYS = (
    Way(_OURS, "targets and ToM given", BELIEVED.changes),
    Way(_OWN, "targets given", OWN.changes),
    Way("ours on white", "targets and ToM given", {**BELIEVED.changes, "prompted_depth": {"background": "white"}}),
    Way("ours, masks and evidence", "targets and ToM given", MERGED.changes),
    Way("ours, ToM by evidence", "targets given", EVIDENCE.changes),
)


@dataclass(frozen=True)
class MethodResult:
    """One method on one scene.

    Attributes:
        method: its name.
        coverage: share in [0, 1] of the mask's pixels with a depth.
        median_mm: median absolute error over the mask's pixels with truth and a depth.
        rmse_mm: root of their mean square error.
        shared_rmse_mm, shared_sensor_mm: the same over the pixels where the sensor has a value too, and the sensor's.
        moved_outside: pixels outside the mask whose depth is not what the sensor said; None where a method has none.
    """

    method: str
    coverage: float
    median_mm: float
    rmse_mm: float
    shared_rmse_mm: float
    shared_sensor_mm: float
    moved_outside: int | None = None

    @property
    def change(self) -> float:
        """RMSE against the sensor's where both have a value, percent; below 0 is better."""
        return 100 * (self.shared_rmse_mm / self.shared_sensor_mm - 1)


@dataclass(frozen=True)
class SceneResult:
    """One scene: its methods, what each target's scale rests on, and what it looks like."""

    scene: str
    mask_pixels: int
    pixels_with_truth: int
    methods: list[MethodResult]
    targets: list[dict[str, Any]]
    shown: Shown

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return {
            "scene": self.scene,
            "mask_pixels": self.mask_pixels,
            "pixels_with_truth": self.pixels_with_truth,
            "methods": [asdict(method) for method in self.methods],
            "targets": self.targets,
        }


def evaluate_cleargrasp(folder: Path, parameters: Parameters) -> Iterator[SceneResult]:
    """Evaluate every scene of a folder, one at a time.

    The objects of the mask are the targets. "Upright plane" and "anchor alone" use no network. ToM pixels are the mask
    in "ours" and "ours on white", which has no learned background; evidence may overrule it in "ours, masks and
    evidence"; in "ours, own masks" they are the segmenter's, weighed by evidence; in "ours, ToM by evidence" the
    pipeline is not told that the targets are clear. "Ours without anchor" fits the same shape to whatever the sensor
    measured inside the mask; "ours without tilt" only scales it to the anchor.

    Raises:
        BadInput: the folder cannot be used; BadModel: the graph cannot be used.
    """
    told = ObjectDepthPipeline(_WAYS[0].parameters(parameters))
    ways = Pipelines(_WAYS, parameters)
    for scene in read_cleargrasp(folder):
        yield _evaluate_scene(scene, told, ways)


def scene_table(result: SceneResult) -> Table:
    """Every method on one scene."""
    columns = (
        Column("coverage", "coverage", "%"),
        Column("median_mm", "median", "mm"),
        Column("rmse_mm", "RMSE", "mm"),
        Column("shared_rmse_mm", "RMSE", "mm", 1, "sensor too"),
        Column("shared_sensor_mm", "the sensor's", "mm", 1, "sensor too"),
        Column("change", "change", "%", 1, "sensor too"),
        Column("moved_outside", "moved outside", "px", 0),
    )
    rows = []
    for method in result.methods:
        values = {column.key: getattr(method, column.key) for column in columns}
        rows.append(Row(method.method, values | {"coverage": 100 * method.coverage}, "", method.method == _OURS))
    title = f"{result.scene}: {result.pixels_with_truth} of {result.mask_pixels} mask pixels have truth"
    caption = (
        "Inside the mask of the clear objects; truth is the same scene with the objects painted. Sensor too: where the "
        "sensor has a value as well; moved outside: pixels beside the mask that are not what the sensor said."
    )
    return Table(f"cleargrasp_{result.scene}", title, caption, columns, rows)


def scene_checks(result: SceneResult) -> list[Check]:
    """The bars on a published scene; none on any other."""
    if result.scene not in _BARS:
        return []
    rows = {method.method: method for method in result.methods}
    plane, bar, number = rows[_PLANE], _BARS[result.scene], int(result.scene)
    checks = []
    for key, name, masks in (("given", _OURS, "masks given"), ("own", _OWN, "own masks")):
        found, scene = rows[name], f"ClearGrasp {number}, {masks}"
        change = (
            f"{found.shared_sensor_mm:.1f} to {found.shared_rmse_mm:.1f} mm, {found.change:+.1f} %; bar: {bar:+g} %"
        )
        checks += [
            Check(
                f"clear_{number}_{key}", f"{scene}: RMSE inside the glass {-bar:.0f} % below the raw sensor's", change,
                found.change <= bar,
            ),
            at_least(f"clear_{number}_{key}_covered", f"{scene}: full coverage", 100 * found.coverage, 100, "%"),
            at_most(
                f"clear_{number}_{key}_plane", f"{scene}: below the network-free plane", found.rmse_mm, plane.rmse_mm,
                "mm", "the upright plane's RMSE",
            ),
        ]  # fmt: skip
    return checks


def _evaluate_scene(scene: ClearGraspScene, told: ObjectDepthPipeline, ways: Pipelines) -> SceneResult:
    frame, mask = scene.frame, scene.mask
    ours = told(frame)
    measured = ours.measurement
    masks = [ours.labels == label for label in range(1, int(ours.labels.max()) + 1)]
    seed = frame.stamp_ns
    around = replace(measured, depth=np.where(mask, np.float32(np.nan), measured.depth))
    plane = [upright_plane(frame.camera, target, around, seed) for target in masks]
    ring = [ring_plane(frame.camera, target, around.depth) for target in masks]
    anchors = [
        choose_anchor(
            frame.camera,
            target,
            mask,
            measured,
            fit_support_plane(frame.camera, measured.depth, mask, box_of(target), seed),
            told.parameters.scale,
            mask,
        )
        for target in masks
    ]
    inside = [Anchor("inside", _inverse(measured.depth, target), False, "all measured pixels") for target in masks]
    alone = {
        _SENSOR: measured.depth,
        "filled along the row": fill_along_row(measured.depth),
        "constant depth": _joined([constant_depth(measured.depth, target) for target in masks]),
        _PLANE: _joined(plane),
        "plane of the ring around": _joined(ring),
        "anchor alone": _joined([_depth(anchor.trusted) for anchor in anchors]),
    }
    merged = {
        "ours without anchor": _fitted(told, ours, masks, inside),
        "ours without tilt": _fitted(told, ours, masks, anchors),
        **{name: ways.depth(name, frame) for name in reversed(ways.names)},
    }
    methods = [_measured(name, scene, depth, measured) for name, depth in alone.items()]
    methods += [_measured(name, scene, depth, measured, whole_picture=True) for name, depth in merged.items()]
    with_truth = int((mask & (scene.true_depth > 0)).sum())
    box = _around(mask)
    depths = {_SENSOR: measured.depth[box], **{name: merged[name][box] for name in (_OURS, _OWN)}}
    assert frame.labels is not None
    shown = Shown(frame.image[box], frame.labels[box], mask[box], scene.true_depth[box], depths, list(depths))
    return SceneResult(
        scene.name, int(mask.sum()), with_truth, methods, [asdict(target) for target in ours.targets], shown
    )


def _around(mask: Mask) -> tuple[slice, slice]:
    """The part of the picture, of its shape, that the mask fills by three quarters."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    share = min(1.0, max(width / mask.shape[1], height / mask.shape[0]) / 0.75)
    sides = [round(share * side) for side in mask.shape]
    middles = (top + height / 2, left + width / 2)
    starts = [
        int(np.clip(round(middle - side / 2), 0, whole - side))
        for middle, side, whole in zip(middles, sides, mask.shape, strict=True)
    ]
    return slice(starts[0], starts[0] + sides[0]), slice(starts[1], starts[1] + sides[1])


def _measured(
    method: str, scene: ClearGraspScene, depth: Float32, sensor: DepthMeasurement, whole_picture: bool = False
) -> MethodResult:
    mask, truth = scene.mask, scene.true_depth
    shared = mask & np.isfinite(depth) & np.isfinite(sensor.depth)
    moved = None
    if whole_picture:
        same = (depth == sensor.depth) | (np.isnan(depth) & np.isnan(sensor.depth))
        moved = int((~same & ~mask).sum())
    return MethodResult(
        method,
        metrics.coverage(depth, mask),
        1000 * metrics.median_error(depth, truth, mask),
        1000 * metrics.rmse(depth, truth, mask),
        1000 * metrics.rmse(depth, truth, shared),
        1000 * metrics.rmse(sensor.depth, truth, shared),
        moved,
    )


def _fitted(
    pipeline: ObjectDepthPipeline, result: FrameDepth, masks: Sequence[Mask], anchors: Sequence[Anchor]
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
