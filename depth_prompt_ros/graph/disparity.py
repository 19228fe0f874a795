"""From what the frozen network says to a target's inverse depth up to scale."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

OutputKind = Literal["disparity", "depth", "shifted depth", "metric depth"]
"""What a monocular network gives: disparity (inverse depth) up to scale and shift; depth up to scale; depth up to scale
and shift; depth in metres."""


def inverse_depth_up_to_scale(output: Tensor, kind: OutputKind) -> Tensor:
    """Convert the frozen network's output to positive inverse depth up to scale.

    - disparity: :func:`relative_inverse_depth` (2306.05428, eq. 2);
    - depth, metric depth: the reciprocal, of at least a thousandth of the picture's largest depth [ours];
    - shifted depth: the reciprocal of ``output - min + 0.01``, min over all pixels of each picture (2306.05428, as its
      authors use LeReS).

    Args:
        output: (N, 1, H, W).
        kind: of the network, from its catalogue entry.

    Returns:
        (N, 1, H, W).

    Raises:
        ValueError: unknown kind.
    """
    if kind == "disparity":
        return relative_inverse_depth(output)
    if kind == "shifted depth":
        return 1 / (output - output.amin((1, 2, 3), keepdim=True) + 0.01)
    if kind in ("depth", "metric depth"):
        return 1 / torch.maximum(output, output.amax((1, 2, 3), keepdim=True).clamp(min=1e-3) / 1000)
    raise ValueError(f"no output kind {kind!r}")


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
    relief = relief.view(-1, 1, 1, 1)
    total = mask.sum((1, 2, 3), keepdim=True).clamp(min=1)
    mean = (mask / inverse_depth).sum((1, 2, 3), keepdim=True) / total
    # 1 / max(1 + relief (depth / mean - 1), 0.2 depth / mean) without its quotients
    return inverse_depth / torch.maximum((1 - relief) * inverse_depth + relief / mean, 0.2 / mean)
