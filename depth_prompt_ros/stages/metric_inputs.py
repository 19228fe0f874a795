"""What a metric prompt gets of a crop besides picture, mask and trusted pixels: block, measurement and support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import VirtualCamera
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.runtime.graph import Arrays
from depth_prompt_ros.stages.anchor.choose import Anchor
from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.belief import Belief

Float32 = NDArray[np.float32]

METRIC_INPUTS = ("block", "measured", "support")

_RIM = 0.045
"""Share of the crop's side around a target of which nothing is trusted that is left out of what is measured."""


@dataclass(frozen=True, eq=False)
class Around:
    """What is known of a frame besides its targets.

    Attributes:
        supports: the plane that each of n targets stands on; None: not found.
        believed: (H, W) float32 1/m of what is measured, sure enough and not disbelieved, 0 elsewhere; None: nothing.
    """

    supports: Sequence[Plane | None]
    believed: Float32 | None

    @classmethod
    def nothing(cls, count: int) -> Around:
        """Of so many targets."""
        return cls([None] * count, None)

    @classmethod
    def of(cls, measurement: DepthMeasurement, belief: Belief, trust_confidence: float) -> Around:
        """What is believed of a measurement.

        Args:
            trust_confidence: least confidence of a measured pixel.
        """
        depth = measurement.depth
        known = (depth > 0) & ~belief.disbelieved & (measurement.confidence >= trust_confidence)
        believed = np.divide(1, depth, out=np.zeros_like(depth), where=known)
        return cls([belief.supports[target.label] for target in belief.targets], believed)


def metric_inputs(views: Sequence[VirtualCamera], anchors: Sequence[Anchor], around: Around) -> Arrays:
    """The graph's inputs :data:`METRIC_INPUTS`, (n, 1, S, S) inverse depth in 1/m, 0 = nothing.

    What is measured at the rim of a target of which nothing is trusted is left out. Masks are a little too small or too
    large there and sensors smear edges, so that it tells an opaque target's distance, and glass's wrongly.

    Args:
        anchors: of n targets, made with their blocks.
    """
    size = views[0].size
    found = {name: np.zeros((len(views), 1, size, size), np.float32) for name in METRIC_INPUTS}
    for row, (view, anchor, support) in enumerate(zip(views, anchors, around.supports, strict=True)):
        if anchor.block is not None:
            found["block"][row, 0] = view.warp_inverse_depth(anchor.block)
        if around.believed is not None:
            found["measured"][row, 0] = view.warp_inverse_depth(around.believed)
        if anchor.kind != "inside":
            found["measured"][row, 0][_rim(found["block"][row, 0] > 0)] = 0
        if support is not None:
            found["support"][row, 0] = Plane(view.rotation @ support.normal, support.offset).inverse_depth(view.pinhole)
    return found


def _rim(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(S, S) bool, around the mask of a crop."""
    reach = 2 * round(_RIM * len(mask)) + 1
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((reach, reach), np.uint8)).view(np.bool_) & ~mask)
