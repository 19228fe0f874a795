"""A ball and a card on a table by formula, and what is seen of them when a part is hidden."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from standing import CAMERA, StandingBlock, measured

from depth_prompt_ros.evaluation.hidden.holes import WHOLE, hidden_part
from depth_prompt_ros.evaluation.hidden.seen import Seen

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


def ball(radius: float = 0.08, near: float = 0.6) -> tuple[Float32, Mask]:
    """(H, W) metres and mask of a ball that lies on the table of :class:`StandingBlock`."""
    table = StandingBlock()
    middle = near * table.forward + (radius - table.above) * table.up
    rays = CAMERA.rays.astype(np.float64)
    squared, along = (rays**2).sum(-1), rays @ middle
    root = along**2 - squared * (middle @ middle - radius**2)
    depth = np.where(root > 0, (along - np.sqrt(np.maximum(root, 0))) / squared, table.background)
    return depth.astype(np.float32), root > 0


def card() -> tuple[Float32, Mask]:
    """(H, W) metres and mask of a plane that stands upright on the table."""
    block = StandingBlock(thickness=1e-4)
    return block.depth, block.mask


def seen(depth: Float32, mask: Mask, case: str, number: int = 1) -> tuple[Seen, Mask]:
    """What is known when a part of the thing is hidden, and that part."""
    hidden = hidden_part(mask, case, number)
    tom = hidden if case == WHOLE else np.zeros_like(hidden)
    left = measured(np.where(hidden, np.float32(np.nan), depth))
    return Seen(CAMERA, mask.astype(np.uint16), tom, left), hidden


def error(answer: Float32, depth: Float32, where: Mask) -> float:
    """RMSE in millimetres, NaN if a pixel has no answer."""
    return float(1000 * np.sqrt(np.mean((answer[where] - depth[where]) ** 2)))
