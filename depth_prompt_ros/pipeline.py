"""One frame in, one result out: the stages in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.result import ObjectDepth, Shaped
from depth_prompt_ros.stages.boxes import Target, targets_in
from depth_prompt_ros.stages.merge import merge
from depth_prompt_ros.stages.prompted_depth import PromptedDepth
from depth_prompt_ros.stages.segmentation import make_segmenter
from depth_prompt_ros.stages.sensor_depth import measure_sensor_depth
from depth_prompt_ros.stages.stereo import make_stereo_matcher
from depth_prompt_ros.stages.target_shapes import anchor_targets, fit_targets
from depth_prompt_ros.stages.tom import make_scene_depth, make_tom_detector
from depth_prompt_ros.stages.tom.evidence import evidence
from depth_prompt_ros.stages.tom.out_of_reach import out_of_reach
from depth_prompt_ros.stages.tom.regions import surfaces_in
from depth_prompt_ros.stages.tom.surfaces import surround, take_surroundings
from depth_prompt_ros.timing import timed


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
        self.scene_depth = make_scene_depth(parameters)
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
            find_tom, scene_depth = make_tom_detector(parameters.tom, parameters), make_scene_depth(parameters)

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
        with timed(seconds, "stereo"):
            measurement = self.measure(frame)
        with timed(seconds, "segmentation"):
            labels = self.segment(frame, measurement)
            targets = targets_in(labels)
            if not targets:
                raise BadFrame("no target found: give a point or box on the object, or labels")
        with timed(seconds, "tom"):
            tom = self.find_tom(frame)
        certain = self.parameters.tom.method == "labels"
        shaped = self.shape(frame, measurement, labels, tom, certain, targets, seconds)
        with timed(seconds, "merge"):
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
        chosen = self.parameters
        with timed(seconds, "surroundings"):
            surrounded, tom = surround(frame, measurement, labels, tom, certain, self.scene_depth, chosen)
        with timed(seconds, "anchor"):
            masks, anchors = anchor_targets(frame, measurement, targets, labels, tom, surrounded, chosen.scale)
        with timed(seconds, "crop"):
            crops = self.prompted_depth.crop(frame.image, frame.camera, masks, anchors)
        with timed(seconds, "graph"):
            answer = self.prompted_depth.graph(**crops.inputs)
        with timed(seconds, "shape"):
            mono_depth, reports = fit_targets(
                frame, self.prompted_depth, crops, answer, targets, masks, anchors, chosen.scale.max_residual
            )
        with timed(seconds, "evidence"):
            if chosen.tom.evidence:
                inside = {report.label for report in reports if report.anchor == "inside"}
                tom = tom | evidence(targets, measurement, mono_depth, inside)
                tom |= out_of_reach(frame.camera, targets, measurement, mono_depth)
        surfaces = take_surroundings(surrounded, mono_depth, reports)
        return Shaped(mono_depth, tom, answer["picture"], reports, surfaces)
