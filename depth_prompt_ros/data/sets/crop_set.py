"""Targets' crops on disk, as the pipeline cuts them out, with their true depth: what metric prompts learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.array_folder import ArraySet, Shapes

KNOWN = ("trusted", "block", "measured", "support")
"""What is known of a target in metres, in the order of :class:`depth_prompt_ros.graph.metric_prompt.Metric`."""


@dataclass(frozen=True, eq=False)
class CropSet(ArraySet):
    """N crops of side S.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        masks: (N, S, S) bool, the target as the pipeline was told it.
        trusted, block, measured, support: (N, S, S) float16 inverse depth in 1/m, 0 = nothing; the inputs of
            :class:`depth_prompt_ros.graph.metric_prompted_network.MetricPromptedNetwork`.
        truth: (N, S, S) float16 inverse depth in 1/m of the target's own surface, 0 = unknown or another thing's.
        scalars: (N, 3) float32: relief, free shift, and the way in which the target was hidden.
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    trusted: NDArray[np.float16]
    block: NDArray[np.float16]
    measured: NDArray[np.float16]
    support: NDArray[np.float16]
    truth: NDArray[np.float16]
    scalars: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side of the crops, pixels."""
        return int(self.images.shape[1])

    @classmethod
    def arrays(cls, count: int, size: tuple[int, ...]) -> Shapes:
        """See :meth:`ArraySet.arrays`."""
        side = size[0]
        planes = dict.fromkeys((*KNOWN, "truth"), ((count, side, side), np.float16))
        return {
            "images": ((count, side, side, 3), np.uint8),
            "masks": ((count, side, side), np.bool_),
            **planes,
            "scalars": ((count, 3), np.float32),
        }
