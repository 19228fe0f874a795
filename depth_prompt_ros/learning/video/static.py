"""What moves with its place in the picture, found by telling a network that it stands elsewhere (2205.08851)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.networks.video.depth_net import VideoDepthNet
from depth_prompt_ros.stages.moving.disagreement import SHIFT, Rule, disagreement

LOOK = 2 / 3
"""Pictures are looked at this much smaller."""


@dataclass(frozen=True)
class StaticRule:
    """Which pixels are static.

    Attributes:
        dispersion: static where variance over squared mean of depths is below.
        horizon: rows with v below are static: the sky and far buildings of driving, -0.25 there; -1 = none.
        rule: which looks are compared, see :data:`depth_prompt_ros.stages.moving.disagreement.Rule`.
    """

    dispersion: float = 0.03
    horizon: float = -1.0
    rule: Rule = "outlier"


@torch.no_grad()
def three_looks(
    network: VideoDepthNet, picture: Tensor, grid: Tensor, focal: Tensor
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(3, H, W) disparities of one picture (1, 3, H, W), with its grid and with u moved to both sides; (H, W) its u."""
    shift = torch.tensor([0.0, -SHIFT, SHIFT], device=grid.device).view(3, 1, 1, 1)
    shifts = torch.cat([shift, torch.zeros_like(shift)], 1)
    found = network(picture.expand(3, -1, -1, -1), grid + shifts, focal.expand(3, -1))
    return found[:, 0].cpu().numpy(), grid[0, 0].cpu().numpy()


def static_mask(
    network: VideoDepthNet, picture: Tensor, grid: Tensor, focal: Tensor, rule: StaticRule
) -> NDArray[np.bool_]:
    """(H, W) bool, the static pixels of one picture (1, 3, H, W): see :class:`StaticRule`.

    The network looks three times at a picture of two thirds of the size: with its grid, and with u moved to both sides.
    Only motion that goes with the place leaves a trace: a network cannot know any other.
    """
    height, width = picture.shape[2:]
    size = max(8, round(height * LOOK)), max(8, round(width * LOOK))
    seen, places = (
        functional.interpolate(each, size=size, mode="bilinear", antialias=True, align_corners=False)
        for each in (picture, grid)
    )
    found, u = three_looks(network, seen, places, focal * LOOK)
    moved = disagreement(found, u, rule.rule)
    moved = np.asarray(cv2.resize(moved, (width, height), interpolation=cv2.INTER_LINEAR))
    return np.asarray((moved < rule.dispersion) | (grid[0, 1].cpu().numpy() < rule.horizon), np.bool_)


def whole_static_mask(
    network: VideoDepthNet, inputs: tuple[Tensor, Tensor, Tensor], rule: StaticRule, size: tuple[int, int]
) -> NDArray[np.bool_]:
    """:func:`static_mask` of a look at a whole picture, at the picture's height and width ``size``."""
    static = static_mask(network, *inputs, rule).astype(np.uint8)
    return np.asarray(cv2.resize(static, size[::-1], interpolation=cv2.INTER_NEAREST) > 0, np.bool_)
