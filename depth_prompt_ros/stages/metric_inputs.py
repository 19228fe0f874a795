"""What a metric prompt gets of a crop besides picture, mask and trusted pixels: block, measurement and support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        if support is not None:
            found["support"][row, 0] = Plane(view.rotation @ support.normal, support.offset).inverse_depth(view.pinhole)
    return found
