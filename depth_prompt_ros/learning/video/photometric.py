"""What a picture seen from its neighbour's camera should look like: losses without any label (2205.08851)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.learning.video.warp import Seen

_SCALES = (0.5, 0.3, 0.2)
"""Weights of the errors at full, half and quarter size."""


def photometric_loss(seen: Seen, neighbour: Tensor, keep: Tensor) -> Tensor:
    """() float: mean absolute difference where something is seen and kept, at three sizes.

    Args:
        seen: the warped picture, (B, 3, H, W); how much arrived has no gradient here, or less would be better.
        neighbour: (B, 3, H, W) what it should be.
        keep: (B, 1, H, W) in [0, 1], what counts.
    """
    weight = (seen.arrived * keep).detach()
    wrong, loss = weight * (seen.picture - neighbour), seen.picture.new_zeros(())
    for level, share in enumerate(_SCALES):
        if level:
            wrong, weight = functional.avg_pool2d(wrong, 2), functional.avg_pool2d(weight, 2)
        loss = loss + share * wrong.abs().mean(1, keepdim=True).sum() / weight.sum().clamp(min=1)
    return loss


def moves_less(seen: Seen, picture: Tensor, neighbour: Tensor) -> Tensor:
    """(B, 1, H, W) in {0, 1}: the warped picture fits better than the picture as it is (auto-mask, Godard et al. 2019).

    What looks the same without any warp stands still before the camera, as a thing that moves with it does.
    """
    warped = (seen.picture - neighbour).abs().mean(1, keepdim=True)
    return (warped < (picture - neighbour).abs().mean(1, keepdim=True)).to(picture)


def smoothness_loss(disparity: Tensor, picture: Tensor, keep: Tensor) -> Tensor:
    """() float: mean absolute first differences of disparity times exp(-2 |second difference of grey|).

    Args:
        disparity, keep: (B, 1, H, W); only between pixels that are both kept.
        picture: (B, 3, H, W) RGB in [0, 1].
    """
    grey, loss = picture.mean(1, keepdim=True), disparity.new_zeros(())
    for axis in (2, 3):
        size = disparity.shape[axis]
        step = (disparity.narrow(axis, 1, size - 1) - disparity.narrow(axis, 0, size - 1)).abs()
        change = grey.narrow(axis, 1, size - 1) - grey.narrow(axis, 0, size - 1)
        bend = (change.narrow(axis, 1, size - 2) - change.narrow(axis, 0, size - 2)).abs()
        bend = torch.cat([bend, bend.narrow(axis, size - 3, 1)], axis)
        both = keep.narrow(axis, 1, size - 1) * keep.narrow(axis, 0, size - 1)
        loss = loss + (both * step * torch.exp(-2 * bend)).sum() / both.sum().clamp(min=1)
    return loss


def label_loss(disparity: Tensor, label: Tensor, valid: Tensor, rim: Tensor) -> Tensor:
    """() float: absolute log ratio to a label on moving pixels, scaled to the answer on what frames them.

    The sum over what counts is divided by the number of all pixels: a few moving pixels pull no more than as many
    others. As their own mean they outweighed everything else and drove a network to a constant.

    Args:
        disparity: (B, 1, H, W) above 0.
        label: (B, 1, H, W) above 0 where ``valid`` or ``rim``, in any scale of each picture's own.
        valid: (B, 1, H, W) in [0, 1], pixels with a label that is believed.
        rim: (B, 1, H, W) in [0, 1], static pixels around; a picture with fewer than 8 of them does not count.
    """
    terms = disparity.new_zeros(())
    for mine, its, inside, around in zip(disparity, label, valid > 0.5, rim > 0.5, strict=True):
        if around.sum() < 8 or not inside.any():
            continue
        scale = (mine.detach()[around].log() - its[around].log()).median()
        terms = terms + (mine[inside].log() - its[inside].log() - scale).abs().sum()
    return terms / disparity.numel()
