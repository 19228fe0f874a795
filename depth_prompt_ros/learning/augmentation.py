"""Pictures and their masks as other cameras, lenses, sensors and files would give them.

What is learned from rendered pictures alone holds for photographs as far as it cannot lean on how they were rendered.
All draws are a picture's own, from one generator.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.learning.trainer import augment_colour

_MOSAIC, _RECOLOURED, _SOFT, _SHARP, _COMPRESSED = 0.15, 0.5, 0.3, 0.3, 0.5
"""Shares of the pictures."""


def augment(image: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Crop, rotate and mirror picture and mask, then vary the picture's colour, light, sharpness, noise, compression.

    Args:
        image: (N, 3, H, W) RGB in [0, 1], H and W even.
        mask: (N, 1, H, W) in {0, 1}.

    Returns:
        Both in the same shape and range; the image has no gradient.
    """
    image, mask = _mosaic(*_moved(image, mask, generator), generator)
    image = augment_colour(_sharpened(_lit(_recoloured(image, generator), generator), generator), generator)
    return _compressed(image, generator), mask


def _moved(image: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A window of 0.55 to 1 times the sides, up to 1.3 times wider or narrower, turned by 10 degrees, mirrored."""
    count = len(image)
    side, shape, turn, x, y, flip = torch.rand((6, count), generator=generator).to(image.device)
    side, shape, turn = 0.55 + 0.45 * side, torch.exp(0.26 * (2 * shape - 1)), 0.17 * (2 * turn - 1)
    wide, high = (side * shape).clamp(max=1), (side / shape).clamp(max=1)
    aspect = image.shape[3] / image.shape[2]
    cos, sin, sign = torch.cos(turn), torch.sin(turn), torch.where(flip < 0.5, -1.0, 1.0)
    rows = (
        torch.stack([sign * wide * cos, -high * sin / aspect, (1 - wide) * (2 * x - 1)], 1),
        torch.stack([sign * wide * sin * aspect, high * cos, (1 - high) * (2 * y - 1)], 1),
    )
    grid = functional.affine_grid(torch.stack(rows, 1), list(image.shape), align_corners=False)
    moved = functional.grid_sample(
        torch.cat([image, mask], 1), grid, "bilinear", padding_mode="border", align_corners=False
    )
    return moved[:, :3], (moved[:, 3:] > 0.5).to(mask)


def _mosaic(image: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Replace some pictures by a mosaic of four at half size."""
    count, _, height, width = image.shape
    small = functional.avg_pool2d(torch.cat([image, mask], 1), 2)
    tiles = [small.roll(shift, 0) for shift in range(4)]
    four = torch.cat([torch.cat(tiles[:2], 3), torch.cat(tiles[2:], 3)], 2)
    four = functional.pad(four, (0, width - four.shape[3], 0, height - four.shape[2]))
    chosen = _chosen(count, _MOSAIC, generator).to(image.device)
    return torch.where(chosen, four[:, :3], image), torch.where(chosen, (four[:, 3:] > 0.5).to(mask), mask)


def _recoloured(image: Tensor, generator: torch.Generator) -> Tensor:
    """Some pictures' colours mixed: dull to vivid, their hues turned, less contrast."""
    count = len(image)
    saturation, turn, contrast = torch.rand((3, count, 1, 1, 1), generator=generator).to(image.device)
    grey = image.mean(1, keepdim=True)
    difference = image - grey
    angle = 2 * torch.pi * turn
    cross = (difference.roll(1, 1) - difference.roll(2, 1)) / 3**0.5  # turns about the grey axis (Rodrigues)
    turned = torch.cos(angle) * difference + torch.sin(angle) * cross
    mean = image.mean((1, 2, 3), keepdim=True)
    mixed = mean + (0.3 + 0.9 * contrast) * (grey + 1.4 * saturation * turned - mean)
    return torch.where(_chosen(count, _RECOLOURED, generator).to(image.device), mixed, image).clamp(0, 1)


def _lit(image: Tensor, generator: torch.Generator) -> Tensor:
    """Darken the picture linearly towards one side, down to 0.6."""
    count, _, height, width = image.shape
    across, down = 0.4 * torch.rand((2, count, 1, 1, 1), generator=generator).to(image.device) - 0.2
    x = torch.linspace(-1, 1, width, device=image.device)
    y = torch.linspace(-1, 1, height, device=image.device)[:, None]
    return (image * (1 + across * x + down * y)).clamp(0, 1)


def _sharpened(image: Tensor, generator: torch.Generator) -> Tensor:
    """Some pictures as a smaller or unsharp camera gives them, others with edges that a camera has enhanced."""
    count = len(image)
    scale, amount = torch.rand((2, count), generator=generator)
    soft, sharp = (_chosen(count, share, generator).flatten().tolist() for share in (_SOFT, _SHARP))
    found = []
    for index in range(count):
        picture = image[index : index + 1]
        if soft[index]:
            smaller = functional.interpolate(picture, scale_factor=0.35 + 0.6 * float(scale[index]), mode="area")
            picture = functional.interpolate(smaller, size=image.shape[2:], mode="bilinear", align_corners=False)
        if sharp[index]:
            around = functional.avg_pool2d(picture, 3, 1, 1, count_include_pad=False)
            picture = picture + 1.5 * amount[index].to(image.device) * (picture - around)
        found.append(picture)
    return torch.cat(found).clamp(0, 1)


def _compressed(image: Tensor, generator: torch.Generator) -> Tensor:
    """Some pictures through JPEG, quality 20 to 95; all of them in steps of 1/255, as cameras give them."""
    chosen = _chosen(len(image), _COMPRESSED, generator).flatten().tolist()
    quality = torch.randint(20, 96, (len(image),), generator=generator).tolist()
    pictures = (255 * image.permute(0, 2, 3, 1) + 0.5).byte().cpu().numpy()
    for index, wanted in enumerate(chosen):
        if wanted:
            _, written = cv2.imencode(".jpg", pictures[index], [cv2.IMWRITE_JPEG_QUALITY, quality[index]])
            pictures[index] = cv2.imdecode(written, cv2.IMREAD_COLOR)
    found = torch.from_numpy(np.ascontiguousarray(pictures)).to(image.device).permute(0, 3, 1, 2).float() / 255
    return found.contiguous(memory_format=torch.channels_last)


def _chosen(count: int, share: float, generator: torch.Generator) -> Tensor:
    """(N, 1, 1, 1) bool."""
    return torch.rand((count, 1, 1, 1), generator=generator) < share
