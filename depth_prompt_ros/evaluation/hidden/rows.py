"""What is said of a thing of which a part is hidden: by rows without a network, and by the pipeline."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.scenes import RealScene
from depth_prompt_ros.evaluation.baselines import constant_depth, fill_along_row, own_plane, upright_plane
from depth_prompt_ros.evaluation.hidden.choice import with_outline
from depth_prompt_ros.evaluation.hidden.seen import Seen
from depth_prompt_ros.evaluation.scenes.methods import OURS_TOLD
from depth_prompt_ros.evaluation.silhouettes import foot_depth, inflated, outline_on_anchor, standing_block
from depth_prompt_ros.evaluation.tom.methods import Pipelines, Way
from depth_prompt_ros.parameters import MergeParameters
from depth_prompt_ros.stages.boxes import box_of
from depth_prompt_ros.stages.local_plane import local_plane_in_range
from depth_prompt_ros.stages.merge import merge
from depth_prompt_ros.stages.prompted_depth import BACKGROUND_GRAPH

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

CONSTANT, FILLED, OWN_PIXELS, OWN_PLANE = "constant", "filled along the row", "own pixels", "own plane"
UPRIGHT, BLOCK, OUTLINE, MEAN = "upright plane", "block", "inflated outline", "mean of block and outline"
ANCHORED, CHOICE = "outline in the network's place", "metric prompt, or the outline"
OURS = Way("metric prompt", "the pipeline as it is", OURS_TOLD.changes)
LEARNED = Way(
    "learned background",
    f"the pipeline with {BACKGROUND_GRAPH}",
    {**OURS_TOLD.changes, "prompted_depth": {"graph": BACKGROUND_GRAPH}},
)
WHITE = Way(
    "white background",
    "the same, its network on white",
    {**OURS_TOLD.changes, "prompted_depth": {"graph": BACKGROUND_GRAPH, "background": "white"}},
)
WAYS = (WHITE, LEARNED, OURS)

HUMBLE = {
    CONSTANT: "the median of what is left of the thing; of nothing, its foot's depth",
    FILLED: "the nearest value of its row, of whatever that is",
    OWN_PIXELS: "planes through the thing's pixels near by",
    OWN_PLANE: "one plane through the thing's pixels",
    UPRIGHT: "through its contact",
    BLOCK: "on its contact, the pipeline's anchor",
    OUTLINE: "on the upright plane",
    MEAN: "",
    ANCHORED: "scaled and tilted to the pipeline's anchor",
}
"""Rows without a network, with what they are."""

ROWS = {
    **HUMBLE,
    WHITE.name: WHITE.note,
    LEARNED.name: LEARNED.note,
    CHOICE: "by what foretells withheld pixels best",
    OURS.name: OURS.note,
}
"""All rows, in the order in which they are shown, with what they are."""

_SHAPES = (UPRIGHT, BLOCK, OUTLINE, MEAN, ANCHORED)


def answers(seen: Seen, scene: RealScene, pipelines: Pipelines) -> tuple[dict[str, Float32], Float32]:
    """(H, W) metres by row, NaN = no value, and half the width of the interval that the pipeline states, metres.

    Upright plane, block and outline stand for the network's shape, and go through the pipeline's merge as that does:
    drawn to what is left of the thing, or overruled by planes through it.

    Args:
        scene: with no more depth, labels and ToM mask than what is seen.
        pipelines: of :data:`WAYS`.
    """
    simple = shapes(seen)
    shaped = merged(seen, simple)
    found = {FILLED: fill_along_row(seen.measurement.depth), **filled(seen), **shaped}
    nothing, frame = np.full(seen.labels.shape, np.nan, np.float32), scene.frame(True, True)
    results = {way.name: pipelines.run(way.name, frame) for way in WAYS}
    found |= {name: nothing if result is None else result.depth for name, result in results.items()}
    ours, stated = results[OURS.name], nothing
    found[CHOICE] = nothing
    if ours is not None:
        outline = simple[ANCHORED], shaped[ANCHORED]
        found[CHOICE] = with_outline(seen, ours.depth, ours.mono_depth, *outline)
        stated = nothing if ours.uncertainty is None else ours.uncertainty
    return {name: found[name] for name in ROWS}, stated


def merged(seen: Seen, simple: Mapping[str, Float32]) -> dict[str, Float32]:
    """(H, W) metres of each shape after the pipeline's merge with what is measured."""
    return {
        name: merge(seen.camera, seen.measurement, shape, seen.targets, seen.tom, MergeParameters()).depth
        for name, shape in simple.items()
    }


def filled(seen: Seen) -> dict[str, Float32]:
    """(H, W) metres of rows that go by what is left of each thing, NaN beside them and where nothing is left."""
    depth = seen.measurement.depth
    found = {name: np.full(depth.shape, np.nan, np.float32) for name in (CONSTANT, OWN_PIXELS, OWN_PLANE)}
    for target in seen.targets:
        mask = seen.labels == target.label
        left = mask & (depth > 0)
        own = {OWN_PLANE: own_plane(seen.camera, mask, depth), OWN_PIXELS: _own_pixels(depth, mask, left)}
        own[CONSTANT] = (
            constant_depth(depth, mask) if left.any() else foot_depth(seen.camera, mask, seen.measurement, 0)
        )
        for name, answer in own.items():
            found[name][mask] = answer[mask]
    return found


def shapes(seen: Seen) -> dict[str, Float32]:
    """(H, W) metres of shapes that know nothing of what is left of the things, but for that in the network's place."""
    camera, measurement, everything = seen.camera, seen.measurement, seen.labels > 0
    found = {name: np.full(everything.shape, np.nan, np.float32) for name in _SHAPES}
    for target in seen.targets:
        mask = seen.labels == target.label
        plane = upright_plane(camera, mask, measurement, 0)
        block = standing_block(camera, mask, everything, measurement, 0)
        outline = inflated(plane, mask, camera.fx)
        anchored = outline_on_anchor(camera, mask, seen.tom, everything, measurement, 0)
        mean = np.asarray((block + outline) / 2, np.float32)
        own = {UPRIGHT: plane, BLOCK: block, OUTLINE: outline, MEAN: mean, ANCHORED: anchored}
        for name, shape in own.items():
            found[name][mask] = shape[mask]
    return found


def _own_pixels(depth: Float32, mask: Mask, left: Mask) -> Float32:
    """(H, W) metres, the local planes through what is left."""
    result = np.full(depth.shape, np.nan, np.float32)
    box = box_of(mask)
    known, inside = left[box], mask[box]
    if known.any():
        inverse = np.divide(1, depth[box], out=np.zeros_like(depth[box]), where=known)
        result[box][inside] = 1 / local_plane_in_range(inverse, known)[inside]
    return result
