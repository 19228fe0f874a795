"""What the pipeline would answer if it could also choose the inflated outline for holes, by its own check."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.evaluation.hidden.seen import Seen
from depth_prompt_ros.stages.boxes import Target
from depth_prompt_ros.stages.hole_filling import Foretold, foretell
from depth_prompt_ros.stages.merge import measured_surface, noise_of

Float32 = NDArray[np.float32]


def with_outline(seen: Seen, answer: Float32, network: Float32, outline: Float32, merged: Float32) -> Float32:
    """(H, W) metres: the pipeline's, and in the holes of targets whose withheld pixels the outline foretells best, its.

    The check is that of planes through the target's own pixels: what foretells measured pixels beside the holes with
    the smallest error, network's shape, planes or outline. Where nothing is measured there is nothing to tell it from.

    Args:
        answer, network: (H, W) metres, what the pipeline says, and its network's shape alone.
        outline, merged: (H, W) metres, the outline in the network's place, alone and merged with what is measured.
    """
    depth = answer.copy()
    for target in seen.targets:
        box = target.box
        holes = target.mask & ~(seen.measurement.depth[box] > 0)
        ours, rival = (_foretold(seen, target, shape) for shape in (network, outline))
        if rival is None or rival.by_shape >= rival.by_planes:
            continue
        if ours is None or rival.by_shape < min(ours.by_shape, ours.by_planes):
            depth[box][holes] = merged[box][holes]
    return depth


def _foretold(seen: Seen, target: Target, shape: Float32) -> Foretold | None:
    depth, mono = seen.measurement.depth[target.box], shape[target.box]
    believed = target.mask & (depth > 0)
    if not (mono[target.mask] > 0).any() or seen.tom[target.box][target.mask].all():
        return None
    extent = max(target.mask.shape) / seen.camera.fx
    surface = measured_surface(target.mask, believed, depth, mono, extent, noise_of(seen.camera))
    return None if surface is None else foretell(surface, target.mask & ~believed)
