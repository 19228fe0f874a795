"""Transparent or mirror regions that stand on a support and are on no target: they become targets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.stages.anchor.support_plane import fit_support_plane
from depth_prompt_ros.stages.anchor.upright import cast_silhouette, seen_from_above
from depth_prompt_ros.stages.numbering import count_labels
from depth_prompt_ros.stages.tom.regions import surfaces_in

Mask = NDArray[np.bool_]

_EVERYTHING = ("things", "tabletop")
"""Methods of segmentation that look for every thing."""

_SPECK = 0.0005
"""Regions below this share of the picture are no things: 150 pixels of 640x480."""

_LARGE = 0.15
"""Regions above this share of the picture are panes and mirrors of the room."""


def becomes_a_target(parameters: Parameters) -> bool:
    """Whether glass on no target becomes one: where every thing is looked for and evidence may add to it."""
    return parameters.segmentation.method in _EVERYTHING and parameters.tom.evidence


def with_standing_glass(
    frame: Frame, measurement: DepthMeasurement, labels: NDArray[np.uint16], tom: Mask, parameters: Parameters
) -> NDArray[np.uint16]:
    """(H, W) uint16 labels, and one more for each ToM region on no target that stands on a support plane.

    A depth camera looks through a bottle, so that nothing stands out of the table where it is, and no target is found.
    A region stands if a support is found around it and its lower edge is seen on that support, or if the camera looks
    down on it steeply. Panes and mirrors of a room do not; they take the depth of their surroundings.

    Nothing is added where targets are chosen (a point, a box, labels) or ``tom.evidence`` is off.

    Args:
        labels: (H, W) uint16, 0 = no target.
        tom: (H, W) bool, transparent or mirror.
        parameters: at most ``segmentation.max_targets`` targets, the largest regions first; regions below
            ``tom.min_area`` are left out.
    """
    if not becomes_a_target(parameters):
        return labels
    depth = measurement.depth
    regions = surfaces_in(tom, labels, max(parameters.tom.min_area, round(_SPECK * labels.size)))
    if not regions:
        return labels
    room = parameters.segmentation.max_targets - np.count_nonzero(count_labels(labels)[1:])
    regions = [region for region in regions if region.mask.sum() <= _LARGE * labels.size]
    regions.sort(key=lambda region: -int(region.mask.sum()))
    anywhere, found = (labels > 0) | tom, labels.copy()
    for region in regions:
        if room <= 0:
            break
        whole = np.zeros(labels.shape, np.bool_)
        whole[region.box] = region.mask
        support = fit_support_plane(frame.camera, depth, anywhere, region.box, frame.seed)
        if support is None:
            continue
        silhouette = cast_silhouette(frame.camera, support, whole, found > 0, depth)
        stands = silhouette.on_support if silhouette is not None else seen_from_above(frame.camera, support, whole)
        if stands:
            found[whole] = int(found.max()) + 1
            room -= 1
    return found
