"""One frame in, one result out: the stages in order."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.memory import keep_freed_memory
from depth_prompt_ros.parameters import Parameters, SegmentationParameters
from depth_prompt_ros.result import FrameDepth
from depth_prompt_ros.side_by_side import both
from depth_prompt_ros.stages.belief import Belief, Masks, believe
from depth_prompt_ros.stages.merge import merge
from depth_prompt_ros.stages.metric_inputs import Around
from depth_prompt_ros.stages.moving import make_moving
from depth_prompt_ros.stages.prompted_depth import PromptedDepth
from depth_prompt_ros.stages.segmentation import find_targets, make_segmenter
from depth_prompt_ros.stages.sensor_depth import measure_sensor_depth
from depth_prompt_ros.stages.slow_frames import SlowFrames
from depth_prompt_ros.stages.stereo import make_stereo_matcher
from depth_prompt_ros.stages.target_shapes import Shaped, anchor_targets, fit_targets
from depth_prompt_ros.stages.things.finder import ThingsFinder
from depth_prompt_ros.stages.tom import make_scene_depth, make_tom_detector
from depth_prompt_ros.stages.tom.standing_glass import with_standing_glass
from depth_prompt_ros.stages.tom.surfaces import Surroundings, shown_beside_targets
from depth_prompt_ros.timing import timed


class ObjectDepthPipeline:
    """Metric, dense depth of the grasp targets of a stereo pair or an RGB-D picture."""

    def __init__(self, parameters: Parameters) -> None:
        """Load every model.

        Raises:
            BadInput: parameters that do not fit together; BadModel: a model that cannot be used.
        """
        keep_freed_memory()
        self.parameters = parameters
        self.match_stereo = make_stereo_matcher(parameters.stereo, parameters)
        self.things = ThingsFinder(parameters)
        self.segment = make_segmenter(parameters.segmentation, parameters, self.things)
        self.find_tom = make_tom_detector(parameters.tom, parameters, self.things)
        self.scene_depth = make_scene_depth(parameters)
        self.prompted_depth = PromptedDepth(parameters.prompted_depth, parameters)
        self.moving = make_moving(parameters.moving, parameters)
        self._slow_frames = SlowFrames()

    def change(self, parameters: Parameters) -> Callable[[], None]:
        """Make what other parameters need; the graph stays, and so do stages whose parameters are the same.

        Returns:
            What puts it to use.

        Raises:
            BadInput, BadModel: as when it was made; nothing has changed then.
        """
        before = self.parameters
        match_stereo, segment = self.match_stereo, self.segment
        find_tom, scene_depth, moving = self.find_tom, self.scene_depth, self.moving
        if parameters.stereo != before.stereo:
            match_stereo = make_stereo_matcher(parameters.stereo, parameters)
        if parameters.segmentation != before.segmentation:
            segment = make_segmenter(parameters.segmentation, parameters, self.things)
        if parameters.tom != before.tom:
            find_tom = make_tom_detector(parameters.tom, parameters, self.things)
            scene_depth = make_scene_depth(parameters)
        if parameters.moving != before.moving:
            moving = make_moving(parameters.moving, parameters)

        def apply() -> None:
            self.parameters = parameters
            self.match_stereo, self.segment = match_stereo, segment
            self.find_tom, self.scene_depth, self.moving = find_tom, scene_depth, moving

        return apply

    def take_targets(self, segmentation: SegmentationParameters) -> None:
        """Find targets as these parameters say from the next frame on; all other models stay.

        Raises:
            BadInput, BadModel: as when it was made; nothing has changed then.
        """
        self.segment = make_segmenter(segmentation, self.parameters, self.things)
        self.parameters = self.parameters.model_copy(update={"segmentation": segmentation})

    def __call__(self, frame: Frame, wanted: Collection[str] | None = None) -> FrameDepth:
        """Run all stages.

        Args:
            wanted: the outputs that somebody listens to; ToM regions on no target take no depth where none of these
                shows them. None: all.

        Raises:
            BadFrame: the frame cannot be used; the next one may.
        """
        seconds: dict[str, float] = {}
        with timed(seconds, "stereo"):
            measurement = self.measure(frame)
        with timed(seconds, "segmentation"):
            (labels, reason), tom = self.find(frame, measurement)
        with timed(seconds, "tom"):
            labels = with_standing_glass(frame, measurement, labels, tom, self.parameters)
        belief, shaped = self.shape(frame, measurement, labels, tom, Masks.of(self.parameters), seconds, wanted)
        with timed(seconds, "merge"):
            merged = merge(
                frame.camera, measurement, shaped.mono_depth, [*belief.targets, *shaped.regions], belief.disbelieved,
                self.parameters.merge, shaped.uncertainty,
            )  # fmt: skip
        moving = None
        if self.moving is not None:
            with timed(seconds, "moving"):
                moving = self.moving(frame, measurement)
        self._slow_frames.look_at(seconds, self.parameters)
        return FrameDepth(
            frame, measurement, merged.depth, merged.confidence, belief.labels, belief.tom, belief.reasons,
            merged.provenance, shaped.mono_depth, shaped.pictures, shaped.reports, shaped.surfaces,
            "" if labels.any() else reason, seconds, moving,
            merged.uncertainty,
        )  # fmt: skip

    def reset(self) -> None:
        """Forget earlier frames: time has jumped."""
        if self.moving is not None:
            self.moving.reset()

    @property
    def on_cpu(self) -> bool:
        """Whether stages may run side by side: a GPU does one thing after the other."""
        return not self.prompted_depth.graph.on_gpu

    def measure(self, frame: Frame) -> DepthMeasurement:
        """Depth of stereo or of the depth camera."""
        return self.match_stereo(frame) if frame.depth is None else measure_sensor_depth(frame)

    def find(
        self, frame: Frame, measurement: DepthMeasurement
    ) -> tuple[tuple[NDArray[np.uint16], str], NDArray[np.bool_]]:
        """Labels with the reason where there is no target, and ToM pixels: at once where they share no network."""

        def targets() -> tuple[NDArray[np.uint16], str]:
            return find_targets(self.segment, frame, measurement)

        if self.on_cpu and self.parameters.tom.method == "network" and not hasattr(self.segment, "finder"):
            return both(targets, lambda: self.find_tom(frame, measurement))
        return targets(), self.find_tom(frame, measurement)

    def shape(
        self,
        frame: Frame,
        measurement: DepthMeasurement,
        labels: NDArray[np.uint16],
        tom: NDArray[np.bool_],
        given: Masks,
        seconds: dict[str, float],
        wanted: Collection[str] | None = None,
    ) -> tuple[Belief, Shaped]:
        """What is believed, and from that the monocular shapes in metres.

        Args:
            given: where labels and ``tom`` come from.
        """
        chosen = self.parameters
        with timed(seconds, "belief"):
            belief = believe(frame, measurement, labels, tom, given, chosen.tom)
            uncovered = Surroundings(frame, belief, self.scene_depth, chosen, self.on_cpu, shown_beside_targets(wanted))
        with timed(seconds, "anchor"):
            metric = self.prompted_depth.is_metric
            masks, anchors = anchor_targets(frame, measurement, belief, chosen.scale, blocks=metric)
        with timed(seconds, "crop"):
            around = Around.of(measurement, belief, chosen.scale.trust_confidence) if metric else None
            crops = self.prompted_depth.crop(frame.image, frame.camera, masks, anchors, around)
        with timed(seconds, "graph"):
            answer = self.prompted_depth.run(crops)
        with timed(seconds, "shape"):
            mono_depth, uncertainty, reports = fit_targets(
                frame, self.prompted_depth, crops, answer, belief, anchors, chosen.scale.max_residual
            )
        with timed(seconds, "surroundings"):
            regions, surfaces = uncovered.take(measurement, mono_depth, reports)
        return belief, Shaped(mono_depth, answer["picture"], reports, regions, surfaces, uncertainty)
