"""The answers to a stereo pair that are compared: network-free, monocular, and the pipeline told or not told of ToM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.errors import BadFrame, BadInput
from depth_prompt_ros.evaluation.baselines import constant_depth, fill_along_row, ring_plane, upright_plane
from depth_prompt_ros.evaluation.tom.booster import Truth, fitted_depth_mm
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.result import FrameDepth
from depth_prompt_ros.runtime.picture_graph import PictureGraph
from depth_prompt_ros.stages.sensor_depth import measure_sensor_depth

Float32 = NDArray[np.float32]

STEREO = "Stereo alone"
ROW_FILLED = "Stereo, ToM and holes filled along the row"
CONSTANT = "Constant depth a thing"
UPRIGHT = "Upright plane"
RING = "Plane of the ring around"
BASE = "Base mono"
TUNED = "Fine-tuned mono"

NOTES = {
    STEREO: "where it has a value",
    ROW_FILLED: "masks given, no network",
    CONSTANT: "masks given, no network: the median of what is measured on it",
    UPRIGHT: "masks given, no network: through its contact with the support",
    RING: "masks given, no network",
    BASE: "scale and shift fitted to the truth",
    TUNED: "one learning run; scale and shift fitted to the truth",
}


@dataclass(frozen=True)
class Way:
    """One way to run the pipeline.

    Attributes:
        name: its row's.
        note: what it is told.
        changes: parameters by group, over those the evaluation is asked for.
        main: compared with every rival, not with stereo alone only, and shown.
    """

    name: str
    note: str
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    main: bool = True

    def parameters(self, base: Parameters) -> Parameters:
        """The pipeline's parameters.

        Raises:
            BadInput: values that do not fit together.
        """
        content = base.model_dump()
        for group, values in self.changes.items():
            content[group] |= values
        return Parameters.checked(content, f"the evaluation's {self.name!r}")


def _told(method: str, evidence: bool, **others: Any) -> dict[str, dict[str, Any]]:
    """Parameters with given labels and this ToM method."""
    return {"segmentation": {"method": "labels"}, "tom": {"method": method, "evidence": evidence, **others}}


MERGED = Way("Merged, masks and evidence", "targets and ToM given, evidence may overrule ToM", _told("labels", True))
OWN = Way("Merged, own masks and evidence", "targets given, ToM by the shipped segmenter", _told("network", True))
BELIEVED = Way("Merged, masks believed", "targets and ToM given", _told("labels", False))
EVIDENCE = Way("Merged, evidence alone", "targets given", _told("none", True))
WHITE = Way(
    "Merged, white background",
    "as 'Merged, masks and evidence', the network's targets on white",
    {**MERGED.changes, "prompted_depth": {"background": "white"}},
)
FOUND = Way("Merged, nothing given", "neither targets nor ToM")
_DEFAULT_COLOURS = Parameters().tom.colours
COLOURS = tuple(
    Way(f"Merged, {count} colours", f"masks and evidence; the default is {_DEFAULT_COLOURS}", changes, main=False)
    for count, changes in ((count, _told("labels", True, colours=count)) for count in (0, 1, 2, 5, 10))
    if count != _DEFAULT_COLOURS
)
WAYS = (MERGED, WHITE, OWN, BELIEVED, EVIDENCE, FOUND, *COLOURS)


def frame_of(pairs: StereoSet, index: int) -> Frame:
    """One pair as the pipeline takes it, with its labels and ToM mask; stamped with its index."""
    return Frame(
        stamp_ns=index,
        frame_id=f"pair_{index}",
        image=np.ascontiguousarray(pairs.lefts[index]),
        camera=pairs.camera(index),
        right=np.ascontiguousarray(pairs.rights[index]),
        labels=np.asarray(pairs.labels[index], np.uint16),
        tom=np.asarray(pairs.tom[index]),
    )


class Pipelines:
    """The pipeline in several ways; the pair is matched once for all of them.

    Attributes:
        names: of the ways; ``main_names`` of the main ones.
        refused: pictures by way in which it found no target, so that the answer is stereo's.
    """

    def __init__(self, ways: tuple[Way, ...], base: Parameters) -> None:
        """Load every way's models.

        Raises:
            BadInput, BadModel: as :class:`ObjectDepthPipeline`.
        """
        self.names = tuple(way.name for way in ways)
        self.main_names = tuple(way.name for way in ways if way.main)
        self._pipelines = {way.name: ObjectDepthPipeline(way.parameters(base)) for way in ways}
        first = next(iter(self._pipelines.values()))
        self._match = first.match_stereo
        self._measured: tuple[NDArray[np.uint8], DepthMeasurement] | None = None
        for pipeline in self._pipelines.values():
            pipeline.match_stereo = self.measure
        self.refused = dict.fromkeys(self._pipelines, 0)

    def measure(self, frame: Frame) -> DepthMeasurement:
        """What stereo says; remembered for the picture that was matched last."""
        if self._measured is None or self._measured[0] is not frame.image:
            measured = self._match(frame) if frame.depth is None else measure_sensor_depth(frame)
            self._measured = frame.image, measured
        return self._measured[1]

    def run(self, name: str, frame: Frame) -> FrameDepth | None:
        """One way's result; None where it found no target."""
        try:
            return self._pipelines[name](frame)
        except BadFrame:
            self.refused[name] += 1
            return None

    def depth(self, name: str, frame: Frame) -> Float32:
        """(H, W) metres of one way, NaN = no value; where it found no target, what stereo says."""
        result = self.run(name, frame)
        return self.measure(frame).depth if result is None else result.depth


def network_free(frame: Frame, measurement: DepthMeasurement) -> dict[str, Float32]:
    """(H, W) metres by method: stereo outside the ToM mask, a simple answer inside it."""
    assert frame.labels is not None and frame.tom is not None
    camera, tom = frame.camera, frame.tom
    believed = np.where(tom, np.float32(np.nan), measurement.depth)
    around = DepthMeasurement(believed, np.where(tom, np.float32(0), measurement.confidence))
    constant, upright, ring = believed.copy(), believed.copy(), believed.copy()
    for label in np.unique(frame.labels[tom]).tolist():
        thing = frame.labels == label
        part = thing & tom
        constant[part] = constant_depth(measurement.depth, thing)[part]
        upright[part] = upright_plane(camera, thing, around, frame.stamp_ns)[part]
        ring[part] = ring_plane(camera, part, believed)[part]
    filled = camera.depth_from_disparity(fill_along_row(camera.disparity_from_depth(believed)))
    return {STEREO: measurement.depth, ROW_FILLED: filled, CONSTANT: constant, UPRIGHT: upright, RING: ring}


class Mono:
    """A monocular network for whole pictures, as its YAML file describes it.

    Attributes:
        network: its name in the catalogue, if its file says so.
    """

    def __init__(self, path: Path, parameters: Parameters) -> None:
        """Load it; raises as :class:`PictureGraph`."""
        self._graph, self._path = PictureGraph(path, {"image"}, {"relative disparity"}, parameters), path
        self.network = self._graph.graph.metadata.get("network", "")

    def __call__(self, frame: Frame, truth: Float32) -> Float32:
        """(H, W) metres after the Booster protocol's fit of scale and shift to the truth.

        Args:
            truth: (H, W) metres, NaN = unknown.

        Raises:
            BadInput: an answer that cannot be fitted.
        """
        description = self._graph.description.output
        answer = description.factor * self._graph(image=frame.image)[description.channel]
        camera = frame.camera
        known = Truth.within_range(camera.disparity_from_depth(truth), camera.fx * camera.baseline * 1000, None)
        try:
            fitted = fitted_depth_mm(np.ascontiguousarray(answer, np.float32), known)
        except BadInput as error:
            raise BadInput(f"{self._path} on {frame.frame_id}: {error}") from error
        return (fitted / 1000).astype(np.float32)
