"""The rows of the bench of real scenes: the sensor, humble rows that know as much as ours, and ours told more and more.

A row that is told of masks exists only on scenes that have them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.scenes import RealScene
from depth_prompt_ros.evaluation.baselines import fill_along_row, upright_plane
from depth_prompt_ros.evaluation.completion import inpaint, ip_basic
from depth_prompt_ros.evaluation.silhouettes import foot_depth, inflated, standing_block
from depth_prompt_ros.evaluation.tom.methods import Pipelines, Way
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.parameters import Parameters

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

SENSOR = "sensor or stereo alone"
_FILLS = {
    "filled along the row": fill_along_row,
    "inpainted": inpaint,
    "IP-Basic": ip_basic,
}
_TOLD = ", glass told"
FOOT, PLANE, BLOCK, INFLATED = "constant depth of the foot", "upright plane", "block on the contact", "inflated outline"

OURS = Way("ours, nothing given", "finds things and glass by itself")
_MASKS_GIVEN = {"segmentation": {"method": "labels"}}
OURS_MASKS = Way("ours, masks given", "finds glass by itself", _MASKS_GIVEN)
OURS_TOLD = Way("ours, masks and glass given", "", _MASKS_GIVEN | {"tom": {"method": "labels"}})
WAYS = (OURS, OURS_MASKS, OURS_TOLD)

UNTOLD = (SENSOR, *_FILLS, OURS.name)
"""Rows that every scene has."""

HUMBLE_TOLD = (*(name + _TOLD for name in _FILLS), FOOT, PLANE, BLOCK, INFLATED)
"""Rows without a network that are told what ``ours, masks and glass given`` is told, or less."""

NOTES = {
    SENSOR: "where it has a value",
    FOOT: "things and glass told",
    PLANE: "things and glass told",
    BLOCK: "things and glass told, the pipeline's anchor",
    INFLATED: "things and glass told, on the upright plane",
    **{way.name: way.note for way in WAYS},
}

ROWS = (*UNTOLD, OURS_MASKS.name, *HUMBLE_TOLD, OURS_TOLD.name)
"""All rows in the order in which they are shown."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What one row says of one scene.

    Attributes:
        depth: (H, W) float32 metres, NaN = no value.
        labels, tom: (H, W) uint16 and bool, what it found; None: it does not look.
    """

    depth: Float32
    labels: NDArray[np.uint16] | None = None
    tom: Mask | None = None


def without_masks(parameters: Parameters) -> Parameters:
    """The parameters with the default methods in place of masks from outside."""
    content, default = parameters.model_dump(), Parameters()
    for group, method in (("segmentation", default.segmentation.method), ("tom", default.tom.method)):
        if content[group]["method"] == "labels":
            content[group]["method"] = method
    return Parameters.checked(content, "the evaluation without masks")


def asked_row(parameters: Parameters) -> Way:
    """Our row that is told what these parameters take from outside."""
    if parameters.tom.method == "labels":
        return OURS_TOLD
    return OURS_MASKS if parameters.segmentation.method == "labels" else OURS


def answers(scene: RealScene, pipelines: Pipelines) -> tuple[DepthMeasurement, dict[str, Answer]]:
    """What was measured, and what every row that exists on this scene says, in the order of ``ROWS``.

    Raises:
        BadFrame: the scene cannot be measured.
    """
    frame = scene.frame()
    measurement = pipelines.measure(frame)
    found = {SENSOR: Answer(measurement.depth)}
    found |= {name: Answer(fill(measurement.depth)) for name, fill in _FILLS.items()}
    things, tom = scene.things, scene.tom
    if tom is not None and tom.any():
        believed = np.where(tom, np.float32(np.nan), measurement.depth)
        found |= {name + _TOLD: Answer(fill(believed)) for name, fill in _FILLS.items()}
    if things is not None:
        found |= _silhouettes(scene, measurement, things, np.zeros(things.shape, np.bool_) if tom is None else tom)
    shape = measurement.depth.shape
    nothing = Answer(measurement.depth, np.zeros(shape, np.uint16), np.zeros(shape, np.bool_))
    given = {OURS.name: (False, False)}
    if things is not None:
        given[OURS_MASKS.name] = (True, False)
        if tom is not None:
            given[OURS_TOLD.name] = (True, True)
    for name, (with_labels, with_tom) in given.items():
        result = pipelines.run(name, scene.frame(with_labels, with_tom))
        found[name] = nothing if result is None else Answer(result.depth, result.labels, result.tom)
    return measurement, {name: found[name] for name in ROWS if name in found}


def _silhouettes(
    scene: RealScene, measurement: DepthMeasurement, things: NDArray[np.uint16], tom: Mask
) -> dict[str, Answer]:
    """The measurement, and a simple shape in the holes and transparent or mirror pixels of each thing."""
    camera, everything = scene.camera, things > 0
    believed = np.where(tom, np.float32(np.nan), measurement.depth)
    around = DepthMeasurement(believed, np.where(tom, np.float32(0), measurement.confidence))
    depths = {name: believed.copy() for name in (FOOT, PLANE, BLOCK, INFLATED)}
    for label in np.unique(things[everything]).tolist():
        thing = things == label
        lost = thing & np.isnan(believed)
        plane = upright_plane(camera, thing, around, 0)
        shapes = {
            FOOT: foot_depth(camera, thing, around, 0),
            PLANE: plane,
            BLOCK: standing_block(camera, thing, everything, around, 0),
            INFLATED: inflated(plane, thing, camera.fx),
        }
        for name, shape in shapes.items():
            depths[name][lost] = shape[lost]
    return {name: Answer(depth) for name, depth in depths.items()}
