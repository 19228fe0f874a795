"""The metric prompt: what is measured in and around a target, into a frozen decoder by layers that start at zero."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

_WIDTHS = (24, 40, 64)
"""Channels at 1/4, 1/8 and 1/16 of the crop's size."""

_FINEST = 4
"""What is measured is averaged over squares of so many pixels, and the answer is corrected at their size."""

_COARSEST = 16
_MAPS = 9
_FAR = 3.0
"""Inverse depth is clipped at so many widths of the target before and behind it."""

_MARGIN = 0.75
"""The target's longer side fills this share of the crop."""

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


class Units(NamedTuple):
    """The target's own unit of depth: its width.

    Attributes:
        middle: (N, 1, 1, 1) its inverse depth, 1/m.
        width: (N, 1, 1, 1) its angular width: metres over metres of distance.
    """

    middle: Tensor
    width: Tensor

    def of(self, inverse_depth: Tensor) -> Tensor:
        """Widths of the target nearer than its middle, clipped; to first order where the target is far."""
        return ((inverse_depth / self.middle - 1) / self.width).clamp(-_FAR, _FAR)

    def moved(self, inverse_depth: Tensor, by: Tensor) -> Tensor:
        """Inverse depth ``by`` widths of the target nearer, at least a fifth of its middle."""
        return torch.maximum(inverse_depth + self.middle * self.width * by, _LEAST * self.middle)


def units(mask: Tensor, metric: Metric, view: Tensor) -> Units:
    """The target's unit: a robust mean of what is trusted, Geman-McClure weights at half a width.

    Args:
        mask: (N, 1, S, S) in {0, 1}.
        view: (N,) the crop's side over its focal length.
    """
    width = _MARGIN * view.view(-1, 1, 1, 1)
    trusted = metric.trusted[..., ::_FINEST, ::_FINEST]
    known = mask[..., ::_FINEST, ::_FINEST] * (trusted > 0).to(mask.dtype)
    weight = known
    middle = torch.ones_like(width)
    for _ in range(4):
        total = weight.sum((1, 2, 3), keepdim=True)
        middle = (weight * trusted).sum((1, 2, 3), keepdim=True) / total.clamp(min=1e-6)
        middle = torch.where(total > 0, middle, torch.ones_like(middle)).clamp(min=1e-3)
        off = (trusted / middle - 1) / (0.5 * width)
        weight = known / (1 + off * off).square()
    return Units(middle, width)


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
        mask, metric = _padded(mask), Metric(*(_padded(each) for each in metric))
        everywhere = torch.ones_like(mask)
        maps = [functional.avg_pool2d(mask, _FINEST)]
        for each, where in zip(metric, (mask, mask, everywhere, everywhere), strict=True):
            known = (each > 0).to(mask.dtype) * where
            share, total = (functional.avg_pool2d(part, _FINEST) for part in (known, each * known))
            mean = torch.where(share > 0, total / share.clamp(min=1e-3), unit.middle)
            maps += [unit.of(mean), share]
        quarter = self.quarter(torch.cat(maps, 1))
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        sixteenth = sixteenth + self.context(sixteenth.mean((2, 3)))[:, :, None, None]
        return [sixteenth, eighth, quarter]

    def additions(self, own: list[Tensor]) -> list[Tensor]:
        """What is added to the frozen decoder's features, coarse to fine; ``own``: of :meth:`features`."""
        return [layer(own[place]) for place, layer in enumerate(self.add)]

    def correct(self, own: list[Tensor], decoder: list[Tensor], relative: Tensor) -> tuple[Tensor, Tensor]:
        """How much nearer, in widths of the target, and the log of its mean error in widths; both (N, 1, S, S).

        Args:
            own: of :meth:`features`.
            decoder: the frozen decoder's features after the additions; empty where nothing is read.
            relative: (N, 1, S, S) the fitted shape in widths of the target.
        """
        joined = [each + self.read[place](decoder[place]) if decoder else each for place, each in enumerate(own)]
        features = joined[0]
        joined[-1] = joined[-1] + self.shape(functional.avg_pool2d(_padded(relative), _FINEST))
        for down, mix, finer in zip(self.down, self.mix, joined[1:], strict=True):
            wide = functional.interpolate(down(features), scale_factor=2.0, mode="nearest")
            features = mix(functional.relu(wide + finer))
        answer = functional.interpolate(
            self.last(features), scale_factor=float(_FINEST), mode="bilinear", align_corners=False
        )
        answer = answer[..., : relative.shape[2], : relative.shape[3]]
        return answer[:, :1], answer[:, 1:].clamp(-3, 3) - 2.0


def _padded(plane: Tensor) -> Tensor:
    """The plane with zeros to the right and below, to sides that halve four times."""
    side = plane.shape[-1]
    extra = -side % _COARSEST
    return functional.pad(plane, (0, extra, 0, extra)) if extra else plane


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
