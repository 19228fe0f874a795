"""A picture as its neighbour's camera would see it: exact warps of planes, nearest first; and the backward warp."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

_LEAST, _SLACK = 1e-6, 1e-3


class Seen(NamedTuple):
    """What another camera sees of a picture.

    Attributes:
        picture: (B, C, H, W) mean of what arrives at each pixel.
        arrived: (B, 1, H, W) in [0, 1], how much does: 0 where nothing of the picture is seen.
    """

    picture: Tensor
    arrived: Tensor


def rays(intrinsics: Tensor, height: int, width: int) -> Tensor:
    """(B, 3, H, W) viewing rays with z = 1 of (B, 4) fx, fy, cx, cy; mirrored where fx is below 0."""
    fx, fy, cx, cy = (part[:, None, None] for part in intrinsics.unbind(1))
    column = torch.arange(width, device=intrinsics.device, dtype=intrinsics.dtype)[None, None]
    row = torch.arange(height, device=intrinsics.device, dtype=intrinsics.dtype)[None, :, None]
    x, y = ((column - cx) / fx).expand(-1, height, -1), ((row - cy) / fy).expand(-1, -1, width)
    return torch.stack([x, y, torch.ones_like(x)], 1)


def plane_places(
    planes: Tensor, motion: Tensor, intrinsics: Tensor, others: Tensor, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Where in the picture each of the other camera's pixels hits each plane, exactly.

    A point of the plane z = 1 / d is R (ray z) + t in the other camera's frame. Solved for the ray: with a = R^T ray'
    and b = R^T t it is (1 + d b_z) a / a_z - d b, linear in d.

    Args:
        planes: (N,) disparities d, 1 over the unit of translations.
        motion: (B, 4, 4) from the picture's camera frame to the other's.
        intrinsics, others: (B, 4) fx, fy, cx, cy of the picture and of the other camera.
        height, width: of both pictures, pixels.

    Returns:
        (B, N, H, W, 2) column and row in the picture, far outside where the plane is behind a camera; (B, N, H, W)
        bool where it is not.
    """
    rotation, translation = motion[:, :3, :3], motion[:, :3, 3]
    a = torch.einsum("bji,bjhw->bihw", rotation, rays(others, height, width))
    b = torch.einsum("bji,bj->bi", rotation, translation)[:, :, None, None, None]
    d = planes.view(1, -1, 1, 1).to(a)
    nearness = 1 + d * b[:, 2]
    there = (a[:, None, 2] > _LEAST) & (nearness > _LEAST)
    depth = torch.where(a[:, 2] > _LEAST, a[:, 2], torch.ones_like(a[:, 2]))[:, None]
    fx, fy, cx, cy = (part[:, None, None, None] for part in intrinsics.unbind(1))
    column = fx * (nearness * a[:, None, 0] / depth - d * b[:, 0]) + cx
    row = fy * (nearness * a[:, None, 1] / depth - d * b[:, 1]) + cy
    outside = torch.full_like(column, -10.0 * max(height, width))
    return torch.stack([torch.where(there, column, outside), torch.where(there, row, outside)], -1), there


def sampled(picture: Tensor, places: Tensor) -> Tensor:
    """(B, C, H', W') bilinear values of (B, C, H, W) at (B, H', W', 2) columns and rows; its border goes on outside."""
    height, width = picture.shape[2:]
    size = torch.tensor([width - 1, height - 1], device=places.device, dtype=places.dtype)
    return functional.grid_sample(picture, 2 * places / size - 1, "bilinear", "border", align_corners=True)


def forward_warp(
    picture: Tensor, layers: Tensor, planes: Tensor, motion: Tensor, intrinsics: Tensor, others: Tensor
) -> Seen:
    """The picture from another camera, each plane warped exactly.

    Near planes hide far ones: from the nearest on, each plane takes its warped probability, and no more than the
    nearer ones have left of 1. The sum is the warped probability capped at 1, as in 2205.08851; where it is below 1,
    nothing of the picture is seen.

    Args:
        picture: (B, C, H, W) anything that is seen.
        layers: (B, N, H, W) probability of each plane.
        planes: (N,) disparities, the farthest first.
        motion, intrinsics, others: see :func:`plane_places`.
    """
    batch, channels, height, width = picture.shape
    count = len(planes)
    places, there = plane_places(planes, motion, intrinsics, others, height, width)
    there = there & _inside(places.detach(), height, width)
    weights = sampled(layers.flatten(0, 1)[:, None], places.flatten(0, 1)).view(batch, count, height, width)
    pictures = sampled(picture, places.flatten(1, 2)).view(batch, channels, count, height, width)
    filled = (weights * there).flip(1).cumsum(1).clamp(max=1)
    taken = torch.cat([filled[:, :1], filled[:, 1:] - filled[:, :-1]], 1).flip(1)
    arrived = filled[:, -1:]
    shown = (taken[:, None] * pictures).sum(2)
    return Seen(shown / arrived.clamp(min=1e-3), arrived)


def backward_warp(
    neighbour: Tensor, disparity: Tensor, motion: Tensor, intrinsics: Tensor, others: Tensor
) -> Seen:  # fmt: skip
    """The neighbour's picture sampled where the picture's points are seen in it, at the picture's pixels.

    Args:
        neighbour: (B, C, H, W).
        disparity: (B, 1, H, W) of the picture, above 0.
        motion, intrinsics, others: see :func:`plane_places`.
    """
    places, there = projected(disparity, motion, intrinsics, others)
    height, width = neighbour.shape[2:]
    inside = there & _inside(places.detach(), height, width)
    return Seen(sampled(neighbour, places), inside[:, None].to(neighbour))


def _inside(places: Tensor, height: int, width: int) -> Tensor:
    """(...) bool of (..., 2) columns and rows: on the picture, but for what rounding does."""
    column, row = places.unbind(-1)
    return (column > -_SLACK) & (column < width - 1 + _SLACK) & (row > -_SLACK) & (row < height - 1 + _SLACK)


def projected(disparity: Tensor, motion: Tensor, intrinsics: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Where the other camera sees each pixel's point.

    Returns:
        (B, H, W, 2) column and row; (B, H, W) bool where the point is before the other camera.
    """
    height, width = disparity.shape[2:]
    turned = torch.einsum("bij,bjhw->bihw", motion[:, :3, :3], rays(intrinsics, height, width))
    points = turned + motion[:, :3, 3, None, None] * disparity  # times the depth, which the division takes out
    there = points[:, 2] > _LEAST
    depth = torch.where(there, points[:, 2], torch.ones_like(points[:, 2]))
    fx, fy, cx, cy = (part[:, None, None] for part in others.unbind(1))
    places = torch.stack([fx * points[:, 0] / depth + cx, fy * points[:, 1] / depth + cy], -1)
    return places, there


def divided(motion: Tensor, zoom: Tensor) -> Tensor:
    """(B, 4, 4) motion whose translation is that of a picture enlarged ``zoom`` (B,) times."""
    scale = torch.ones_like(motion)
    scale[:, :3, 3] = 1 / zoom[:, None]
    return motion * scale
