"""Transparent or mirror regions that stand on a support and are on no target: they become targets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.frame import Frame
from depth_prompt_ros.stages.anchor.support_plane import fit_support_plane
from depth_prompt_ros.stages.anchor.upright import cast_silhouette, seen_from_above
from depth_prompt_ros.stages.tom.regions import surfaces_in

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SPECK = 0.0005
"""Regions below this share of the picture are no things: 150 pixels of 640x480."""

_LARGE = 0.15
"""Regions above this share of the picture are panes and mirrors of the room."""


def add_standing_glass(
    frame: Frame, depth: Float32, labels: NDArray[np.uint16], tom: Mask, most: int, min_area: int
) -> None:
    """Label, in place, what a ToM mask shows on no target and that stands on a support plane.

    A depth camera looks through a bottle, so that nothing stands out of the table where it is, and no target is found.
    A region stands if a support is found around it and its lower edge is seen on that support, or if the camera looks
    down on it steeply. Panes and mirrors of a room do not; they take the depth of their surroundings.

    Args:
        depth: (H, W) float32 metres, invalid = NaN.
        labels: (H, W) uint16, 0 = no target; changed in place.
        tom: (H, W) bool, transparent or mirror.
        most: targets at most, those in ``labels`` included; the largest regions come first.
        min_area: smaller regions are left out, pixels.
    """
    room = most - len(np.unique(labels[labels > 0]))
    if room <= 0:
        return
    regions = surfaces_in(tom, labels, max(min_area, round(_SPECK * labels.size)))
    regions.sort(key=lambda region: -int(region.mask.sum()))
    anywhere = (labels > 0) | tom
    for region in regions:
        if room == 0:
            return
        whole = np.zeros(labels.shape, np.bool_)
        whole[region.box] = region.mask
        support = fit_support_plane(frame.camera, depth, anywhere, whole, frame.seed)
        if support is None or region.mask.sum() > _LARGE * labels.size:
            continue
        silhouette = cast_silhouette(frame.camera, support, whole, labels > 0, depth)
        stands = silhouette.on_support if silhouette is not None else seen_from_above(frame.camera, support, whole)
        if stands:
            labels[whole] = int(labels.max()) + 1
            room -= 1
