"""Sharper disparity from several looks at one picture: labels of moving pixels (2205.08851)."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.networks.video.depth_net import VideoDepthNet
from depth_prompt_ros.stages.moving.disagreement import SHIFT

_SMALL, _LARGE = 0.75, 1.25
_AGREE = 0.10
"""Labels whose small and large look differ by more, relative, are not believed."""
_RIM = 4
"""Pixels around what moves that its label is scaled on."""


class Boosted(NamedTuple):
    """Disparity of N pictures.

    Attributes:
        disparity: (N, 1, H, W) fused.
        agree: (N, 1, H, W) bool, the small and the large look say nearly the same.
    """

    disparity: Tensor
    agree: Tensor


@torch.no_grad()
def boosted(network: VideoDepthNet, picture: Tensor, grid: Tensor, focal: Tensor) -> Boosted:
    """Looks at 0.75, 1 and 1.25 times the size, each also mirrored: near pixels of the small, far ones of the large.

    With n = d / max d the fused disparity is ((1 - n^2) d_large + n d_small + d) / (2 - n^2 + n); what is seen larger
    is taken for nearer, so each look's disparity is divided by its factor.

    Args:
        picture, grid, focal: inputs of the network; H and W at which it looks with the factor 1.
    """
    height, width = picture.shape[2:]

    def look(factor: float) -> Tensor:
        size = max(8, round(height * factor)), max(8, round(width * factor))
        seen, places = (
            functional.interpolate(each, size=size, mode="bilinear", antialias=True, align_corners=False)
            if size != (height, width) else each
            for each in (picture, grid)
        )  # fmt: skip
        found = network(seen, places, focal * factor)
        found = (found + network(seen.flip(3), places.flip(3), focal * factor).flip(3)) / 2
        if size != (height, width):
            found = functional.interpolate(found, size=(height, width), mode="bilinear", align_corners=False)
        return found / (size[1] / width)

    small, middle, large = look(_SMALL), look(1.0), look(_LARGE)
    near = middle / middle.amax((2, 3), keepdim=True)
    fused = ((1 - near**2) * large + near * small + middle) / (2 - near**2 + near)
    return Boosted(fused, (small / large - 1).abs() < _AGREE)


def boosted_elsewhere(
    network: VideoDepthNet, picture: Tensor, grid: Tensor, focal: Tensor, moving: Tensor
) -> Boosted:  # fmt: skip
    """:func:`boosted` with the network told that what moves stands a quarter of the width towards the other side.

    Where a thing always moves a network has learned how far away it seems; where its likes stand still, how far they
    are. A half of the picture on which nothing moves has no disparity, 0.

    Args:
        picture, grid, focal: see :func:`boosted`; N = 1.
        moving: (1, 1, H, W) bool.
    """
    u = grid[:, :1]
    disparity, agree = torch.zeros_like(u), torch.zeros_like(u, dtype=torch.bool)
    side = torch.tensor([SHIFT, 0.0], device=grid.device).view(1, 2, 1, 1)
    for half, shift in ((u < 0, side), (u >= 0, -side)):
        if bool((half & moving).any()):
            found = boosted(network, picture, grid + shift, focal)
            disparity, agree = torch.where(half, found.disparity, disparity), torch.where(half, found.agree, agree)
    return Boosted(disparity, agree)


def rim(moving: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W) bool: static pixels at most four from (H, W) moving ones."""
    kernel = np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)
    return (cv2.dilate(moving.astype(np.uint8), kernel) > 0) & ~moving
