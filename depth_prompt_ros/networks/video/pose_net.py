"""The pose network of 2205.08851: how the camera moved between a picture and another, in the light of a third."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_BINS = 32
_RANGES = (2.0, 1.0, 10.0, math.pi / 6, math.pi / 4, math.pi / 6)
"""Largest translation along and rotation about x, y and z."""


class PoseNet(nn.Module):
    """Three pictures to one rigid motion; run once for each neighbour of the middle picture.

    Each of its six numbers is a soft-argmax over 32 bins. The last layer begins at zero, so the first motion is none.
    """

    def __init__(self, width: float = 1.0, ranges: tuple[float, ...] = _RANGES) -> None:
        """Build; 5.3 M parameters at a width of 1.

        Args:
            ranges: (6,) largest translations, in the unit of depth, and rotations, radians.
        """
        super().__init__()
        channels = [9, *(max(8, round(each * width)) for each in (16, 32, 64, 128, 256, 512, 512))]
        sizes = (7, 5, 3, 3, 3, 3, 3)
        self.encoder = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(inputs, outputs, size, 2, size // 2), nn.ELU())
                for inputs, outputs, size in zip(channels, channels[1:], sizes, strict=False)
            )
        )
        between = max(8, round(280 * width))
        self.mix = nn.Sequential(nn.Conv2d(channels[-1], between, 3, 1, 1), nn.ELU())
        self.head = nn.Conv2d(between, 6 * _BINS, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        bins = torch.linspace(-1, 1, _BINS)
        self.register_buffer("bins", torch.tensor(ranges)[:, None] * bins, persistent=False)

    bins: Tensor

    def forward(self, picture: Tensor, neighbour: Tensor, third: Tensor) -> Tensor:
        """(B, 4, 4) from the picture's camera frame to the neighbour's.

        Args:
            picture, neighbour, third: (B, 3, H, W) RGB in [0, 1], whole pictures of one size.
        """
        features = self.encoder(torch.cat([picture, neighbour, third], 1) - 0.45)
        weights = self.head(self.mix(features)).mean((2, 3)).view(-1, 6, _BINS).softmax(2)
        return rigid((weights * self.bins).sum(2))


def rigid(motion: Tensor) -> Tensor:
    """(B, 4, 4) of (B, 6): translation along x, y, z, then rotation R = Rz Ry Rx, radians."""
    x, y, z = motion[:, 3], motion[:, 4], motion[:, 5]
    zero, one = torch.zeros_like(x), torch.ones_like(x)

    def about(*rows: Tensor) -> Tensor:
        return torch.stack(rows, 1).view(-1, 3, 3)

    about_x = about(one, zero, zero, zero, x.cos(), -x.sin(), zero, x.sin(), x.cos())
    about_y = about(y.cos(), zero, y.sin(), zero, one, zero, -y.sin(), zero, y.cos())
    about_z = about(z.cos(), -z.sin(), zero, z.sin(), z.cos(), zero, zero, zero, one)
    top = torch.cat([about_z @ about_y @ about_x, motion[:, :3, None]], 2)
    below = torch.tensor([0.0, 0.0, 0.0, 1.0], device=motion.device, dtype=motion.dtype).expand(len(motion), 1, 4)
    return torch.cat([top, below], 1)
