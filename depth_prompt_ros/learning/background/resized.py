"""Objects at another picture side than their set's."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.learning.trainer import Batch


def shrink(batch: Batch, size: int) -> Batch:
    """The batch at another side: pictures averaged, depth, mask and normals looked up, intrinsics scaled along."""
    scale = size / batch.image.shape[3]
    image = functional.interpolate(batch.image, size=(size, size), mode="bilinear", antialias=True)
    depth, mask = (functional.interpolate(each, size=(size, size)) for each in (batch.depth, batch.mask))
    fx, fy, cx, cy = batch.intrinsics.unbind(1)
    middle = [(c + 0.5) * scale - 0.5 for c in (cx, cy)]
    normals = None if batch.normals is None else functional.interpolate(batch.normals, size=(size, size))
    return Batch(image, depth, mask, torch.stack([fx * scale, fy * scale, *middle], 1), normals)


def at_side(answer: Callable[[Batch], Tensor], size: int) -> Callable[[Batch], Tensor]:
    """Answer at another side, and enlarge or shrink the answer to the batch's own, (N, 1, S, S)."""

    def resized(batch: Batch) -> Tensor:
        return functional.interpolate(answer(shrink(batch, size)), size=batch.image.shape[2:], mode="bilinear")

    return resized
