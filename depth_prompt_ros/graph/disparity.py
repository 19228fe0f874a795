"""From what the frozen network says to a target's inverse depth up to scale."""

from __future__ import annotations

import torch
from torch import Tensor


def relative_inverse_depth(disparity: Tensor) -> Tensor:
    """``max((d - min d) / (max d - min d), 0.05)``, min and max over all pixels of each picture, background included.

    (N, 1, H, W) disparity up to scale and shift -> (N, 1, H, W) inverse depth up to scale, in [0.05, 1]
    (2306.05428, eq. 2: depth is its reciprocal).
    """
    low, high = disparity.amin((1, 2, 3), keepdim=True), disparity.amax((1, 2, 3), keepdim=True)
    return ((disparity - low) / (high - low).clamp(min=1e-6)).clamp(min=0.05)


def with_relief(inverse_depth: Tensor, mask: Tensor, relief: Tensor) -> Tensor:
    """The same shape seen by a camera of another focal length, normalised to inverse depth about 1.

    A shape's depth range is proportional to its width in metres. In the crop it fills the picture whatever its
    distance, so the depth range *relative to the distance* shrinks with the field of view. The prompt is learned at one
    focal length; ``relief`` (N,) is that focal length over the crop's, both over picture side [ours].

    Args:
        inverse_depth: (N, 1, H, W) up to scale.
        mask: (N, 1, H, W) in {0, 1}, the target.
    """
    depth = 1 / inverse_depth
    total = mask.sum((1, 2, 3), keepdim=True).clamp(min=1)
    mean = (mask * depth).sum((1, 2, 3), keepdim=True) / total
    ratio = depth / mean
    return 1 / torch.maximum(1 + relief.view(-1, 1, 1, 1) * (ratio - 1), 0.2 * ratio)
