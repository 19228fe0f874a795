"""The metric prompt: what is measured in and around a target, into a frozen decoder by layers that start at zero."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

_WIDTHS = (16, 32, 64)
"""Channels at 1/4, 1/8 and 1/16 of the crop's size."""

_FINEST, _EVERY = 4, 2
"""What is measured is averaged over squares of 4 pixels, of which every second one in each direction is looked at, and
the answer is corrected at the squares' size."""

_COARSEST = 16
_MAPS = 9
_FAR = 3.0
"""Inverse depth is clipped at so many widths of the target before and behind it."""

_MARGIN = 0.75
"""The target's longer side fills this share of the crop."""

_MOST = 2.0
"""No correction is larger, in widths of the target."""

_LEAST = 0.2
"""No answer is farther than five times what the target's middle is."""


class Metric(NamedTuple):
    """What is known of a crop in metres; (N, 1, S, S) inverse depth in 1/m, 0 = nothing.

    Attributes:
        trusted: measured pixels of the target, or its block.
        block: what the target would be by outline and support alone.
        measured: all that is believed of a measurement, in the target and around it.
        support: the plane that it stands on.
    """

    trusted: Tensor
    block: Tensor
    measured: Tensor
    support: Tensor

    def dense_depth(self, mask: Tensor, unit: Units) -> Tensor:
        """(N, 1, S, S) metres without a gap, no farther than five times the target's middle.

        Trusted pixels, else the block; around the target what is measured, else the support; else the target's middle.
        """
        inside = torch.where(self.trusted > 0, self.trusted, self.block)
        around = torch.where(self.measured > 0, self.measured, self.support)
        known = torch.where(mask > 0, inside, around)
        return 1 / torch.maximum(torch.where(known > 0, known, unit.middle), _LEAST * unit.middle)


class Units(NamedTuple):
    """The target's own unit of depth, its width, and how much of it is measured.

    Attributes:
        middle: (N, 1, 1, 1) its inverse depth, 1/m.
        width: (N, 1, 1, 1) its angular width: metres over metres of distance.
        measured: (N, 1, 1, 1) share of its pixels that are believed, in [0, 1].
    """

    middle: Tensor
    width: Tensor
    measured: Tensor

    def of(self, inverse_depth: Tensor) -> Tensor:
        """Widths of the target nearer than its middle, clipped; to first order where the target is far."""
        return ((inverse_depth / self.middle - 1) / self.width).clamp(-_FAR, _FAR)

    def nearer(self, widths: Tensor) -> Tensor:
        """By how much inverse depth grows, in 1/m, for what comes so many widths of the target nearer."""
        return widths * (self.middle * self.width)


def units(mask: Tensor, metric: Metric, view: Tensor) -> Units:
    """The target's unit: a robust mean of what is trusted, Geman-McClure weights at half a width.

    Args:
        mask: (N, 1, S, S) in {0, 1}.
        view: (N,) the crop's side over its focal length.
    """
    width = _MARGIN * view.view(-1, 1, 1, 1)
    mask, trusted, measured = (each[..., ::_FINEST, ::_FINEST] for each in (mask, metric.trusted, metric.measured))
    known = mask * (trusted > 0).to(mask.dtype)
    seen = mask * (measured > 0).to(mask.dtype)
    share = seen.sum((1, 2, 3), keepdim=True) / mask.sum((1, 2, 3), keepdim=True).clamp(min=1)
    weight = known
    middle = torch.ones_like(width)
    for _ in range(3):
        total = weight.sum((1, 2, 3), keepdim=True)
        middle = (weight * trusted).sum((1, 2, 3), keepdim=True) / total.clamp(min=1e-6)
        middle = torch.where(total > 0, middle, torch.ones_like(middle)).clamp(min=1e-3)
        off = (trusted / middle - 1) / (0.5 * width)
        weight = known / (1 + off * off).square()
    return Units(middle, width, share)


class MetricPrompt(nn.Module):
    """Learned maps from what is measured to additions to a frozen decoder's features, and a correction of its shape.

    An encoder sees mask, trusted pixels, block, all that is measured, and support, in widths of the target and at a
    quarter of the crop's size. Its features are added to the frozen decoder's through 1x1 convolutions that start at
    zero (as Prompt Depth Anything, 2412.14015, adds its prompt); a second way up reads the frozen decoder's features,
    adds the encoder's and ends in two channels that start at zero, too: how much nearer the surface is than the fitted
    shape, in widths of the target, and how wrong that is. So before learning the answer is the frozen network's own.
    """

    def __init__(self, decoder: Sequence[int]) -> None:
        """Make it with random weights.

        Args:
            decoder: channels of the frozen decoder's features at 1/16, 1/8 and 1/4 of the crop's size; empty: nothing
                is added to them or read.
        """
        super().__init__()
        fine, middle, coarse = _WIDTHS
        self.quarter = nn.Sequential(_block(_MAPS, fine), _block(fine, fine))
        self.eighth = nn.Sequential(_block(fine, middle, 2), _block(middle, middle))
        self.sixteenth = nn.Sequential(_block(middle, coarse, 2), _block(coarse, coarse))
        self.context = nn.Linear(coarse, coarse)
        back = (coarse, middle, fine)
        joined = list(zip(back, decoder, strict=True)) if decoder else []
        self.add = nn.ModuleList(_zero(nn.Conv2d(own, theirs, 1)) for own, theirs in joined)
        self.read = nn.ModuleList(nn.Conv2d(theirs, own, 1) for own, theirs in joined)
        self.down = nn.ModuleList(nn.Conv2d(coarser, finer, 1) for coarser, finer in pairwise(back))
        self.mix = nn.ModuleList(_block(own, own) for own in back[1:])
        self.shape = nn.Conv2d(1, fine, 3, 1, 1)
        self.last = _zero(nn.Conv2d(fine, 2, 3, 1, 1))

    def features(self, mask: Tensor, metric: Metric, unit: Units) -> list[Tensor]:
        """The encoder's features at 1/16, 1/8 and 1/4 of the crop's size."""
        planes = _sparse(torch.cat([mask, *metric], 1))
        mask, maps = planes[:, :1], planes[:, 1:]
        everywhere = torch.ones_like(mask)
        known = (maps > 0).to(mask.dtype) * torch.cat([mask, mask, everywhere, everywhere], 1)
        pooled = functional.avg_pool2d(torch.cat([mask, known, maps * known], 1), _FINEST // _EVERY)
        share, total = pooled[:, 1 : 1 + len(metric)], pooled[:, 1 + len(metric) :]
        mean = torch.where(share > 0, total / share.clamp(min=1e-3), unit.middle)
        quarter = self.quarter(torch.cat([pooled[:, : 1 + len(metric)], unit.of(mean)], 1))
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        sixteenth = sixteenth + self.context(sixteenth.mean((2, 3)))[:, :, None, None]
        return [sixteenth, eighth, quarter]

    def additions(self, own: list[Tensor]) -> list[Tensor]:
        """What is added to the frozen decoder's features, coarse to fine; ``own``: of :meth:`features`."""
        return [layer(own[place]) for place, layer in enumerate(self.add)]

    def correct(
        self, own: list[Tensor], decoder: list[Tensor], shape: Tensor, mask: Tensor, unit: Units
    ) -> tuple[Tensor, Tensor]:
        """Inverse depth in 1/m of the corrected shape, and the mean error of its depth in metres; both (N, 1, S, S).

        Args:
            own: of :meth:`features`.
            decoder: the frozen decoder's features after the additions; empty where nothing is read.
            shape: (N, 1, S, S) 1/m, as it was fitted.
        """
        joined = [each + self.read[place](decoder[place]) if decoder else each for place, each in enumerate(own)]
        features = joined[0]
        relative = unit.of(_sparse(shape)) * _sparse(mask)
        joined[-1] = joined[-1] + self.shape(functional.avg_pool2d(relative, _FINEST // _EVERY))
        for down, mix, finer in zip(self.down, self.mix, joined[1:], strict=True):
            wide = functional.interpolate(down(features), scale_factor=2.0, mode="nearest")
            features = mix(functional.relu(wide + finer))
        said = self.last(features)
        error = torch.exp(said[:, 1:].clamp(-3, 3) - 2.0) * unit.width / unit.middle
        answer = torch.cat([unit.nearer(said[:, :1].clamp(-_MOST, _MOST)), error], 1)
        answer = functional.interpolate(answer, scale_factor=float(_FINEST), mode="bilinear", align_corners=False)
        answer = answer[..., : shape.shape[2], : shape.shape[3]]
        return torch.maximum(shape + answer[:, :1], _LEAST * unit.middle), answer[:, 1:]


def _sparse(plane: Tensor) -> Tensor:
    """Every second pixel in each direction of a plane that zeros make larger, to sides that halve four times."""
    extra = -plane.shape[-1] % _COARSEST
    plane = functional.pad(plane, (0, extra, 0, extra)) if extra else plane
    return plane[..., ::_EVERY, ::_EVERY]


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def _zero(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class Taps:
    """Features of named modules of a frozen network, added to on the way and kept.

    The modules' outputs are (N, C, h, w) and come in the order of their names.
    """

    def __init__(self, network: nn.Module, names: Sequence[str]) -> None:
        self.network, self.names = network, list(names)

    @contextmanager
    def adding(self, additions: Sequence[Tensor]) -> Iterator[list[Tensor]]:
        """While the network runs, add to each module's output; yields the list that the sums are kept in."""
        kept: list[Tensor] = []

        def hook(place: int) -> Callable[..., Tensor]:
            def add(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
                kept.append(output + additions[place])
                return kept[-1]

            return add

        handles = [
            self.network.get_submodule(name).register_forward_hook(hook(place)) for place, name in enumerate(self.names)
        ]
        try:
            yield kept
        finally:
            for handle in handles:
                handle.remove()
