"""Batches of captioned pictures, and the ways in which a small CLIP looks at them while it learns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.data.sets.captioned_set import CaptionedSet

_ZOOM, _SHIFT = 1.4, 0.1
"""Most that :func:`framed` zooms in or out by, and moves an object by, of the picture's side."""


class Captioned(NamedTuple):
    """N pictures with their attributes.

    Attributes:
        image: (N, 3, S, S) RGB in [0, 1].
        words: (N, 4) int64.
        mask: (N, 1, S, S) in {0, 1}, the object.
    """

    image: Tensor
    words: Tensor
    mask: Tensor


def load_captioned(data: CaptionedSet, places: NDArray[np.int64], device: torch.device) -> Captioned:
    """Those pictures."""
    image = torch.from_numpy(np.asarray(data.images[places])).to(device).permute(0, 3, 1, 2).float() / 255
    words = torch.from_numpy(data.words[places].astype(np.int64)).to(device)
    mask = torch.from_numpy(np.asarray(data.masks[places])).to(device)[:, None].float()
    return Captioned(image.contiguous(), words, mask)


def framed(batch: Captioned, generator: torch.Generator, most: float | None = None) -> Captioned:
    """The same pictures, each zoomed about its object, moved, and flipped or not; what lies beyond is its border's.

    Args:
        batch: pictures with one object each.
        generator: for the choice; all ways are as likely.
        most: of an object's longer side afterwards, of the picture's side; what would be larger is zoomed out.
    """
    count, device = len(batch.image), batch.image.device

    def drawn(least: float, greatest: float, *shape: int) -> Tensor:
        return (least + (greatest - least) * torch.rand((count, *shape), generator=generator)).to(device)

    middle, longest = _boxes(batch.mask)
    zoom = _ZOOM ** drawn(-1, 1)
    if most is not None:
        zoom = torch.minimum(zoom, most / longest.clamp(min=1e-3))
    there = middle + 2 * drawn(-_SHIFT, _SHIFT, 2)
    turned = torch.where(drawn(0, 1) < 0.5, -1.0, 1.0)
    scale = torch.stack([turned, torch.ones_like(turned)], 1) / zoom[:, None]
    where = torch.cat([torch.diag_embed(scale), (middle - scale * there)[:, :, None]], 2)
    grid = functional.affine_grid(where, list(batch.image.shape), align_corners=False)
    seen = functional.grid_sample(
        torch.cat([batch.image, batch.mask], 1), grid, padding_mode="border", align_corners=False
    )
    return Captioned(seen[:, :3].clamp(0, 1), batch.words, (seen[:, 3:] > 0.5).float())


def _boxes(mask: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 2) column and row of each mask's middle, the picture from -1 to 1; (N,) its longer side, of the picture's."""
    side = mask.shape[2]
    ends = []
    for axis in (2, 3):  # what is seen in each column, then in each row
        held = mask[:, 0].amax(axis - 1) > 0
        first = held.float().argmax(1)
        ends.append((first, side - held.flip(1).float().argmax(1)))
    middle = torch.stack([(first + last) / side - 1 for first, last in ends], 1)
    longest = torch.stack([(last - first) / side for first, last in ends], 1).amax(1)
    return middle, longest


def patches_of(mask: Tensor, patch: int, count: int, generator: torch.Generator) -> Tensor:
    """(N, count) numbers of patches, drawn at random: of those that show the object first, then of the others.

    Args:
        mask: (N, 1, S, S) in {0, 1}.
        patch: side of a patch, pixels.
        count: of patches; all of them if there are fewer.
        generator: for the choice.
    """
    shown = (functional.max_pool2d(mask, patch) > 0).float().flatten(1)
    order = shown + torch.rand(shown.shape, generator=generator).to(mask.device)
    return order.topk(min(count, order.shape[1])).indices
