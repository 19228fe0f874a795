"""Levels of disparity, and what a network's answer weighs on each of them (2205.08851)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class Levels:
    """Disparities, 1 / depth, in geometric steps: d_n = d_max * exp(ln(d_max / d_min) * (n / (N - 1) - 1)).

    Attributes:
        farthest, nearest: d_min and d_max, 1 over the unit in which translations are; above 0.
        count: N, at least 2.
    """

    farthest: float = 0.005
    nearest: float = 0.3
    count: int = 33

    @property
    def spread(self) -> float:
        """ln(d_max / d_min)."""
        return math.log(self.nearest / self.farthest)

    def values(self) -> Tensor:
        """(N,) float32 disparities, the farthest first."""
        return self.at(torch.arange(self.count) / (self.count - 1))

    def at(self, place: Tensor) -> Tensor:
        """Disparity at a place in [0, 1] from farthest to nearest; same shape."""
        return self.nearest * torch.exp(self.spread * (place - 1))

    def layers(self, disparity: Tensor, weight: Tensor) -> Tensor:
        """Share each weight between the two levels around its disparity, so that the mean disparity stays.

        Args:
            disparity: (B, K, H, W) within the levels' range; beyond it the end takes all.
            weight: (B, K, H, W).

        Returns:
            (B, N, H, W), sums over N as ``weight`` over K.
        """
        values = self.values().to(disparity)
        inside = disparity.clamp(self.farthest, self.nearest)
        place = (1 + torch.log(inside.detach() / self.nearest) / self.spread) * (self.count - 1)
        low = place.floor().clamp(0, self.count - 2).long()
        share = ((inside - values[low]) / (values[low + 1] - values[low])).clamp(0, 1)
        found = weight.new_zeros((weight.shape[0], self.count, *weight.shape[2:]))
        return found.scatter_add(1, low, weight * (1 - share)).scatter_add(1, low + 1, weight * share)


class Layered(NamedTuple):
    """What a network says of pictures.

    Attributes:
        disparity: (B, 1, H, W) expected disparity.
        layers: (B, N, H, W) probability of each of the shared levels, sums to 1.
    """

    disparity: Tensor
    layers: Tensor
