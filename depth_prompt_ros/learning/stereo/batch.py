"""Batches of stereo pairs, and how they are varied: as RAFT-Stereo (2109.07547) and CREStereo (2203.11483) do it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.data.sets.stereo_set import StereoSet

Size = tuple[int, int]

_ASYMMETRIC = 0.2
_GREY = torch.tensor([0.299, 0.587, 0.114])
_LARGEST_SHIFT = 1.5


class PairBatch(NamedTuple):
    """N rectified pairs with the left picture's disparity, float32.

    Attributes:
        left, right: (N, 3, H, W) RGB in [0, 1].
        disparity: (N, 1, H, W) pixels, 0 where it is not known.
        mask: (N, 1, H, W) weight of each pixel, 0 where disparity is not known.
    """

    left: Tensor
    right: Tensor
    disparity: Tensor
    mask: Tensor


def load_pairs(
    data: StereoSet,
    truth_of: Callable[[int], NDArray[np.float32]],
    indices: NDArray[np.int64],
    device: torch.device,
    tom_weight: float = 1.0,
) -> PairBatch:
    """Those pairs of a set with what is to be learned of them: (H, W) float32 disparity, NaN = unknown.

    Args:
        tom_weight: of pixels on ToM surfaces; others weigh 1.
    """
    left, right = (
        torch.from_numpy(pictures[indices]).to(device).permute(0, 3, 1, 2).float() / 255
        for pictures in (data.lefts, data.rights)
    )
    truth = torch.from_numpy(np.stack([truth_of(int(index)) for index in indices])).to(device)[:, None]
    tom = torch.from_numpy(np.asarray(data.tom[indices])).to(device)[:, None]
    known = truth.isfinite()
    return PairBatch(left, right, torch.where(known, truth, 0), torch.where(tom, tom_weight, 1.0) * known)


def vary(batch: PairBatch, size: Size, generator: torch.Generator) -> PairBatch:
    """Another zoom and window of each batch; other colours, rows and holes of each pair.

    - a window of ``size`` (height, width) of the pictures enlarged by 2^-0.2 to 2^0.7, their width by up to a seventh
      more or less than their height;
    - brightness, contrast, saturation, hue and gamma; in one pair of five the right picture has its own (RAFT-Stereo);
      noise is always each picture's own [ours];
    - every other right picture is moved by up to 1.5 rows (CREStereo), every other gets one or two rectangles of its
      mean colour: what is occluded must be guessed (both).
    """
    batch = _window(batch, size, generator)
    left, right = _recoloured(batch.left, batch.right, generator)
    right = _erased(_moved(right, generator), generator)
    return batch._replace(left=left, right=right)


def _draw(low: float, high: float, generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator) * (high - low) + low


def _window(batch: PairBatch, size: Size, generator: torch.Generator) -> PairBatch:
    height, width = batch.left.shape[2:]
    zoom = 2 ** float(_draw(-0.2, 0.7, generator))
    stretch = 2 ** float(_draw(-0.1, 0.1, generator))
    rows = max(size[0], round(height * zoom / stretch))
    columns = max(size[1], round(width * zoom * stretch))
    top, side = (int(torch.randint(0, large - small + 1, (), generator=generator))
                 for large, small in ((rows, size[0]), (columns, size[1])))  # fmt: skip
    window = (..., slice(top, top + size[0]), slice(side, side + size[1]))
    pictures = torch.cat([batch.left, batch.right])
    pictures = functional.interpolate(
        pictures, (rows, columns), mode="bilinear", align_corners=False, antialias=rows < height
    )
    left, right = pictures[window].chunk(2)
    disparity, mask = (functional.interpolate(each, (rows, columns))[window] for each in (batch.disparity, batch.mask))
    return PairBatch(left, right, disparity * (columns / width), mask)


def _recoloured(left: Tensor, right: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    count = len(left)
    own = torch.rand(count, generator=generator) < _ASYMMETRIC
    draws = [_colour_draws(count, generator) for _ in range(2)]
    draws[1] = [torch.where(own.view(-1, 1), other, same) for same, other in zip(*draws, strict=True)]
    varied = []
    for picture, each in zip((left, right), draws, strict=True):
        matrix, brightness, contrast, gamma = (
            _matrices(each[0], each[1]),
            *(draw.view(-1, 1, 1, 1) for draw in each[2:]),
        )
        colours = torch.einsum("nij,njhw->nihw", matrix.to(picture), picture)
        mean = colours.mean((1, 2, 3), keepdim=True)
        colours = (colours - mean) * contrast.to(picture) + mean
        colours = (colours * brightness.to(picture)).clamp(1e-3, 1) ** gamma.to(picture)
        noise = torch.randn(colours.shape, generator=generator) * _draw(0, 0.02, generator, count, 1, 1, 1)
        varied.append((colours + noise.to(picture)).clamp(0, 1))
    return varied[0], varied[1]


def _colour_draws(count: int, generator: torch.Generator) -> list[Tensor]:
    """(N, 1) each: saturation, hue in radians, brightness, contrast, gamma."""
    ranges = ((0.2, 1.4), (-0.5, 0.5), (0.6, 1.4), (0.6, 1.4), (0.8, 1.25))
    return [_draw(*each, generator, count, 1) for each in ranges]


def _matrices(saturation: Tensor, hue: Tensor) -> Tensor:
    """(N, 3, 3) that turn colours around the grey axis and move them towards or away from it."""
    grey = torch.full((3, 3), 1 / 3)
    across = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3)
    cosine, sine = hue.cos().view(-1, 1, 1), hue.sin().view(-1, 1, 1)
    turned = grey + cosine * (torch.eye(3) - grey) + sine * across
    luminance = _GREY.expand(3, 3)
    share = saturation.view(-1, 1, 1)
    return (share * torch.eye(3) + (1 - share) * luminance) @ turned


def _moved(right: Tensor, generator: torch.Generator) -> Tensor:
    """Rows moved up or down by parts of a pixel, the border repeated."""
    count, _, height, _ = right.shape
    rows = _draw(-_LARGEST_SHIFT, _LARGEST_SHIFT, generator, count)
    rows = torch.where(torch.rand(count, generator=generator) < 0.5, rows, torch.zeros(())).to(right)
    places = (torch.arange(height, device=right.device) + rows[:, None]).clamp(0, height - 1)
    above = places.floor().long().clamp(max=height - 2)
    part = (places - above).view(count, 1, height, 1)
    index = above.view(count, 1, height, 1).expand_as(right)
    return right.gather(2, index) * (1 - part) + right.gather(2, index + 1) * part


def _erased(right: Tensor, generator: torch.Generator) -> Tensor:
    """One or two rectangles of up to a third of each side in every other picture, of the picture's mean colour."""
    erased = right.clone()
    for picture in erased:
        if torch.rand((), generator=generator) < 0.5:
            continue
        mean = picture.mean((1, 2), keepdim=True)
        for _ in range(int(torch.randint(1, 3, (), generator=generator))):
            spans = []
            for side in picture.shape[1:]:
                length = int(side * float(_draw(0.1, 0.33, generator)))
                start = int(torch.randint(0, side, (), generator=generator))
                spans.append(slice(start, start + length))
            picture[:, spans[0], spans[1]] = mean
    return erased
