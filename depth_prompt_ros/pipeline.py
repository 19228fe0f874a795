"""One frame in, one result out: the stages in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.stages.anchor import Anchor, choose_anchor
from depth_prompt_ros.stages.boxes import Target, targets_in
from depth_prompt_ros.stages.merge import merge
from depth_prompt_ros.stages.prompted_depth import PromptedDepth, Shape, side_by_side
from depth_prompt_ros.stages.scene_depth import SceneDepth
from depth_prompt_ros.stages.segmentation import make_segmenter
from depth_prompt_ros.stages.sensor_depth import measure_sensor_depth
from depth_prompt_ros.stages.stereo import make_stereo_matcher
from depth_prompt_ros.stages.surroundings import Surrounded, coarse, fit_to_surroundings, region_depth
from depth_prompt_ros.stages.tilt import correct_tilt
from depth_prompt_ros.stages.tom import make_tom_detector
from depth_prompt_ros.stages.tom.doubt import measured_surface
from depth_prompt_ros.stages.tom.evidence import evidence
from depth_prompt_ros.stages.tom.out_of_reach import out_of_reach
from depth_prompt_ros.stages.tom.regions import surfaces_in, tom_regions

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class TargetReport:
    """What one target's metric scale rests on.

    Attributes:
        label: its value in the label image; 0 = a ToM region on no target.
        anchor: "inside", "support", "surroundings" (the whole picture's shape, fitted to what is measured around it) or
            "refused".
        inliers: trusted pixels of the network's crop that agree with the fit.
        residual: their mean relative disagreement in inverse depth.
        scale, shift: of the fit, 1/m.
        reason: one line for people.
    """

    label: int
    anchor: str
    inliers: int
    residual: float
    scale: float
    shift: float
    reason: str


@dataclass(frozen=True, eq=False)
class ObjectDepth:
    """Everything known of one frame; images are (H, W).

    Attributes:
        frame: the input.
        measurement: depth of stereo or sensor alone.
        depth: float32 metres, merged, invalid = NaN.
        confidence: float32 in [0, 1].
        labels: uint16, 0 = background; targets keep the numbers that their segmenter gave them.
        tom: bool, transparent or mirror.
        provenance: uint8, where each depth comes from (:class:`depth_prompt_ros.stages.merge.Provenance`).
        mono_depth: float32 metres, the fitted monocular shapes alone, NaN outside targets.
        prompted_pictures: (n, 3, S, S) float32 RGB in [0, 1], what the network saw, one a target.
        targets: one report a target.
        surfaces: one report a ToM region that is on no target.
        seconds: time of each stage.
    """

    frame: Frame
    measurement: DepthMeasurement
    depth: Float32
    confidence: Float32
    labels: NDArray[np.uint16]
    tom: NDArray[np.bool_]
    provenance: NDArray[np.uint8]
    mono_depth: Float32
    prompted_pictures: Float32
    targets: list[TargetReport]
    surfaces: list[TargetReport]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def prompted_image(self) -> NDArray[np.uint8]:
        """(S, n*S, 3) uint8 RGB, what the network saw, side by side."""
        return side_by_side(self.prompted_pictures)


@dataclass(frozen=True, eq=False)
class Shaped:
    """The monocular shapes of all targets and ToM regions.

    Attributes:
        mono_depth: (H, W) float32 metres, NaN outside targets and ToM regions, and where a scale was refused.
        tom: (H, W) bool, transparent or mirror, evidence considered.
        pictures: (n, 3, S, S) float32 RGB in [0, 1], what the network saw.
        reports: one a target.
        surfaces: one a ToM region on no target.
    """

    mono_depth: Float32
    tom: NDArray[np.bool_]
    pictures: Float32
    reports: list[TargetReport]
    surfaces: list[TargetReport]


class ObjectDepthPipeline:
    """Metric, dense depth of the grasp targets of a stereo pair or an RGB-D picture."""

    def __init__(self, parameters: Parameters) -> None:
        """Load every model.

        Raises:
            BadInput: parameters that do not fit together; BadModel: a model that cannot be used.
        """
        self.parameters = parameters
        self.match_stereo = make_stereo_matcher(parameters.stereo, parameters)
        self.segment = make_segmenter(parameters.segmentation, parameters)
        self.find_tom = make_tom_detector(parameters.tom, parameters)
        self.scene_depth = _scene_depth(parameters)
        self.prompted_depth = PromptedDepth(parameters.prompted_depth, parameters)

    def change(self, parameters: Parameters) -> Callable[[], None]:
        """Make what other parameters need; the graph stays, and so do stages whose parameters are the same.

        Returns:
            What puts it to use.

        Raises:
            BadInput, BadModel: as when it was made; nothing has changed then.
        """
        before = self.parameters
        match_stereo, segment = self.match_stereo, self.segment
        find_tom, scene_depth = self.find_tom, self.scene_depth
        if parameters.stereo != before.stereo:
            match_stereo = make_stereo_matcher(parameters.stereo, parameters)
        if parameters.segmentation != before.segmentation:
            segment = make_segmenter(parameters.segmentation, parameters)
        if parameters.tom != before.tom:
            find_tom, scene_depth = make_tom_detector(parameters.tom, parameters), _scene_depth(parameters)

        def apply() -> None:
            self.parameters = parameters
            self.match_stereo, self.segment = match_stereo, segment
            self.find_tom, self.scene_depth = find_tom, scene_depth

        return apply

    def __call__(self, frame: Frame) -> ObjectDepth:
        """Run all stages.

        Raises:
            BadFrame: the frame cannot be used; the next one may.
        """
        seconds: dict[str, float] = {}
        with _timed(seconds, "stereo"):
            measurement = self.measure(frame)
        with _timed(seconds, "segmentation"):
            labels = self.segment(frame, measurement)
            targets = targets_in(labels)
            if not targets:
                raise BadFrame("no target found: give a point or box on the object, or labels")
        with _timed(seconds, "tom"):
            tom = self.find_tom(frame)
        certain = self.parameters.tom.method == "labels"
        shaped = self.shape(frame, measurement, labels, tom, certain, targets, seconds)
        with _timed(seconds, "merge"):
            surfaces = surfaces_in(shaped.tom, labels, self.parameters.tom.min_area)
            merged = merge(
                frame.camera, measurement, shaped.mono_depth, [*targets, *surfaces], shaped.tom, self.parameters.merge
            )
        return ObjectDepth(
            frame, measurement, merged.depth, merged.confidence, labels, shaped.tom, merged.provenance,
            shaped.mono_depth, shaped.pictures, shaped.reports, shaped.surfaces, seconds,
        )  # fmt: skip

    def measure(self, frame: Frame) -> DepthMeasurement:
        """Depth of stereo or of the depth camera."""
        return self.match_stereo(frame) if frame.depth is None else measure_sensor_depth(frame)

    def shape(
        self,
        frame: Frame,
        measurement: DepthMeasurement,
        labels: NDArray[np.uint16],
        tom: NDArray[np.bool_],
        certain: bool,
        targets: Sequence[Target],
        seconds: dict[str, float],
    ) -> Shaped:
        """Monocular shapes in metres; ``tom`` changes by what they and the measurement say of each other.

        Args:
            certain: ``tom`` comes from outside, where somebody knows.
        """
        with _timed(seconds, "surroundings"):
            surrounded, tom = self.surround(frame, measurement, labels, tom, certain)
        with _timed(seconds, "anchor"):
            anywhere, masks = labels > 0, [labels == target.label for target in targets]
            around = {each.target.label: each.inverse_depth for each in surrounded if not each.refused}
            anchors = [
                choose_anchor(
                    frame.camera, mask, tom, measurement, frame.stamp_ns, self.parameters.scale, anywhere,
                    around.get(target.label),
                )
                for target, mask in zip(targets, masks, strict=True)
            ]  # fmt: skip
        with _timed(seconds, "crop"):
            crops = self.prompted_depth.crop(frame.image, frame.camera, masks, anchors)
        with _timed(seconds, "graph"):
            answer = self.prompted_depth.graph(**crops.inputs)
        with _timed(seconds, "shape"):
            shapes = [
                correct_tilt(frame.camera, shape, mask, anchor)
                for shape, mask, anchor in zip(
                    self.prompted_depth.shapes(crops, masks, answer), masks, anchors, strict=True
                )
            ]
            reports = [
                _report(target.label, anchor, shape, self.parameters.scale.max_residual)
                for target, anchor, shape in zip(targets, anchors, shapes, strict=True)
            ]
            mono_depth = np.full(labels.shape, np.nan, np.float32)
            for target, shape, report in zip(targets, shapes, reports, strict=True):
                if report.anchor != "refused":
                    inverse_depth = shape.inverse_depth[target.box]
                    np.divide(1, inverse_depth, out=mono_depth[target.box], where=inverse_depth > 0)
        with _timed(seconds, "evidence"):
            if self.parameters.tom.evidence:
                inside = {report.label for report in reports if report.anchor == "inside"}
                tom = tom | evidence(targets, measurement, mono_depth, inside)
                tom |= out_of_reach(frame.camera, targets, measurement, mono_depth)
        surfaces = _take_surroundings(surrounded, mono_depth, reports)
        return Shaped(mono_depth, tom, answer["picture"], reports, surfaces)

    def surround(
        self,
        frame: Frame,
        measurement: DepthMeasurement,
        labels: NDArray[np.uint16],
        tom: NDArray[np.bool_],
        certain: bool,
    ) -> tuple[list[Surrounded], NDArray[np.bool_]]:
        """Each ToM region with what its surroundings say of its depth; neither holds what is a surface after all."""
        chosen = self.parameters.tom
        regions = tom_regions(tom, labels, chosen.min_area)
        if not regions or self.scene_depth is None:
            return [], tom
        prediction = self.scene_depth(frame.image, tom, frame.stamp_ns)
        around = coarse(prediction.painted.shape, measurement, tom, self.parameters.scale.trust_confidence)
        surrounded = [fit_to_surroundings(prediction, region, around, chosen.max_residual) for region in regions]
        if not chosen.evidence:
            return surrounded, tom
        tom, transparent = tom.copy(), []
        for each in surrounded:
            if measured_surface(frame.camera, each, around, certain):
                tom[each.target.box] &= ~each.target.mask
            else:
                transparent.append(each)
        return transparent, tom


def _scene_depth(parameters: Parameters) -> SceneDepth | None:
    """What ToM masks need; without any there is nothing to paint over."""
    return None if parameters.tom.method == "none" else SceneDepth(parameters.tom, parameters)


def _take_surroundings(
    surrounded: Sequence[Surrounded], mono_depth: Float32, reports: list[TargetReport]
) -> list[TargetReport]:
    """Give ToM regions without a shape the one of their surroundings, in place; returns reports of those on none."""
    surfaces: list[TargetReport] = []
    places = {report.label: place for place, report in enumerate(reports)}
    for each in surrounded:
        place = places.get(each.target.label)
        if place is not None and reports[place].anchor not in ("refused", "surroundings"):
            continue
        if not each.refused:
            box, mask = each.target.box, each.target.mask
            mono_depth[box][mask] = region_depth(each, mono_depth.shape)[mask]
        if place is None:
            surfaces.append(_surrounded_report(0, each))
        elif not each.refused:
            reports[place] = _surrounded_report(each.target.label, each)
    return surfaces


def _surrounded_report(label: int, each: Surrounded) -> TargetReport:
    kind = "refused" if each.refused else "surroundings"
    reason = (
        each.refused or f"the whole picture's shape, fitted to what is measured around it ({each.residual:.1%} off)"
    )
    return TargetReport(label, kind, each.inliers, each.residual, each.scale, each.shift, reason)


def _report(label: int, anchor: Anchor, shape: Shape, max_residual: float) -> TargetReport:
    kind, reason = anchor.kind, anchor.reason
    if kind != "refused" and not (shape.inliers > 0 and shape.residual <= max_residual):
        kind, reason = "refused", f"the shape is {shape.residual:.1%} off its anchor: {reason}"
    return TargetReport(label, kind, shape.inliers, shape.residual, shape.scale, shape.shift, reason)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - began
