"""What is said of a thing of which a part is hidden: by rows without a network, and by the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.evaluation.baselines import constant_depth, fill_along_row, own_plane, upright_plane
from depth_prompt_ros.evaluation.scenes.methods import OURS_TOLD
from depth_prompt_ros.evaluation.silhouettes import foot_depth, inflated, standing_block
from depth_prompt_ros.evaluation.tom.methods import Way
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.parameters import MergeParameters
from depth_prompt_ros.stages.boxes import box_of, targets_in
from depth_prompt_ros.stages.local_plane import local_plane
from depth_prompt_ros.stages.merge import merge

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

CONSTANT, FILLED, OWN_PIXELS, OWN_PLANE = "constant", "filled along the row", "own pixels", "own plane"
UPRIGHT, BLOCK, OUTLINE, MEAN = "upright plane", "block", "inflated outline", "mean of block and outline"
LEARNED = Way("learned background", "the pipeline as it is", OURS_TOLD.changes)
WHITE = Way(
    "white background", "the pipeline, its network on white",
    {**OURS_TOLD.changes, "prompted_depth": {"background": "white"}},
)  # fmt: skip
WAYS = (WHITE, LEARNED)

HUMBLE = {
    CONSTANT: "the median of what is left of the thing; of nothing, its foot's depth",
    FILLED: "the nearest value of its row, of whatever that is",
    OWN_PIXELS: "planes through the thing's pixels near by",
    OWN_PLANE: "one plane through the thing's pixels",
    UPRIGHT: "through its contact",
    BLOCK: "on its contact, the pipeline's anchor",
    OUTLINE: "on the upright plane",
    MEAN: "",
}
"""Rows without a network, with what they are."""

ROWS = HUMBLE | {way.name: way.note for way in WAYS}
"""All rows, in the order in which they are shown, with what they are."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known of a scene in which something is hidden.

    Attributes:
        camera: of the picture.
        labels: (H, W) uint16, the things that are asked for; what is hidden is theirs.
        tom: (H, W) bool, what is named as transparent or mirror; nothing is measured there.
        measurement: without what is hidden.
    """

    camera: CameraModel
    labels: NDArray[np.uint16]
    tom: Mask
    measurement: DepthMeasurement


def network_free(seen: Seen) -> dict[str, Float32]:
    """(H, W) metres by row of :data:`HUMBLE`, NaN = no value.

    Upright plane, block and outline stand for the network's shape, and go through the pipeline's merge as that does:
    drawn to what is left of the thing, or overruled by planes through it.
    """
    depth, camera = seen.measurement.depth, seen.camera
    simple = {name: np.full(depth.shape, np.nan, np.float32) for name in (CONSTANT, OWN_PIXELS, OWN_PLANE)}
    shapes = {name: np.full(depth.shape, np.nan, np.float32) for name in (UPRIGHT, BLOCK, OUTLINE, MEAN)}
    targets = targets_in(seen.labels)
    for target in targets:
        mask = seen.labels == target.label
        left = mask & (depth > 0)
        constant = constant_depth(depth, mask) if left.any() else foot_depth(camera, mask, seen.measurement, 0)
        found = {CONSTANT: constant, OWN_PIXELS: _own_pixels(depth, mask, left), OWN_PLANE: own_plane(camera, mask, depth)}
        plane = upright_plane(camera, mask, seen.measurement, 0)
        block = standing_block(camera, mask, seen.labels > 0, seen.measurement, 0)
        outline = inflated(plane, mask, camera.fx)
        for name, shape in (found | {UPRIGHT: plane, BLOCK: block, OUTLINE: outline, MEAN: (block + outline) / 2}).items():
            (simple if name in simple else shapes)[name][mask] = shape[mask]
    merged = {
        name: merge(camera, seen.measurement, shape, targets, seen.tom, MergeParameters()).depth
        for name, shape in shapes.items()
    }
    answers: Mapping[str, Float32] = {FILLED: fill_along_row(depth), **simple, **merged}
    return {name: answers[name] for name in HUMBLE}


def _own_pixels(depth: Float32, mask: Mask, left: Mask) -> Float32:
    """(H, W) metres, the local planes through what is left, within the range of half to twice its inverse depth."""
    result = np.full(depth.shape, np.nan, np.float32)
    box = box_of(mask)
    known, inside = left[box], mask[box]
    if known.any():
        inverse = np.divide(1, depth[box], out=np.zeros_like(depth[box]), where=known)
        near, far = inverse[known].max(), inverse[known].min()
        result[box][inside] = 1 / np.clip(local_plane(inverse, known), 0.5 * far, 2 * near)[inside]
    return result
