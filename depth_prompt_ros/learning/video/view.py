"""Pictures with where they stand and how they were taken, through resizing, cropping and mirroring."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


def position_grid(height: int, width: int) -> Tensor:
    """(1, 2, H, W) float32 u and v of a whole picture, -1 at its first pixel, 1 at its last."""
    v, u = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack([u, v])[None]


class View(NamedTuple):
    """B moments, each seen by P cameras (a picture and its neighbours), cut alike; float32.

    Attributes:
        pictures: (B, P, 3, H, W) RGB in [0, 1].
        masks: (B, P, C, H, W) what else belongs to each pixel, in [0, 1].
        grid: (B, 2, H, W) u and v of the whole picture; what is cut and mirrored keeps its place.
        intrinsics: (B, P, 4) fx, fy, cx, cy in pixels; fx is below 0 in a mirrored view, so that its rays stay those
            of the camera, and motions need no mirroring.
        zoom: (B,) times that pictures were enlarged. A network takes what looks larger for nearer: its depth, and with
            it every translation, is divided by this.
    """

    pictures: Tensor
    masks: Tensor
    grid: Tensor
    intrinsics: Tensor
    zoom: Tensor

    @property
    def focal(self) -> Tensor:
        """(B, 2) fx and fy of the first camera, pixels."""
        return self.intrinsics[:, 0, :2].abs()

    def resized(self, height: int, width: int) -> View:
        """Pictures, masks and grid at another size; averages what shrinks by a whole number, else bilinear.

        ``zoom`` grows by the ratio of the widths; sides should keep their proportion to a pixel.
        """
        across, down = width / self.pictures.shape[-1], height / self.pictures.shape[-2]
        fx, fy, cx, cy = self.intrinsics.unbind(2)
        moved = torch.stack([fx * across, fy * down, (cx + 0.5) * across - 0.5, (cy + 0.5) * down - 0.5], 2)

        def at(planes: Tensor) -> Tensor:
            return _resized(planes.flatten(0, -4), height, width).view(*planes.shape[:-2], height, width)

        return View(
            at(self.pictures), at(self.masks), _resized(self.grid, height, width), moved, self.zoom * across
        )  # fmt: skip

    def cropped(self, top: int, left: int, height: int, width: int) -> View:
        """The window that begins at pixel (left, top)."""
        window = (..., slice(top, top + height), slice(left, left + width))
        corner = torch.tensor([0.0, 0.0, left, top], device=self.intrinsics.device, dtype=self.intrinsics.dtype)
        return View(
            self.pictures[window], self.masks[window], self.grid[window], self.intrinsics - corner, self.zoom
        )  # fmt: skip

    def mirrored(self) -> View:
        """Left and right exchanged."""
        fx, fy, cx, cy = self.intrinsics.unbind(2)
        moved = torch.stack([-fx, fy, self.pictures.shape[-1] - 1 - cx, cy], 2)
        return View(self.pictures.flip(-1), self.masks.flip(-1), self.grid.flip(-1), moved, self.zoom)


def joined(views: list[View]) -> View:
    """Views of one size as one."""
    return View(*(torch.cat(parts) for parts in zip(*views, strict=True)))


def _resized(planes: Tensor, height: int, width: int) -> Tensor:
    if planes.shape[-2:] == (height, width):
        return planes
    down, across = planes.shape[-2] / height, planes.shape[-1] / width
    if down == across and down == int(down):
        return functional.avg_pool2d(planes, int(down))
    return functional.interpolate(planes, size=(height, width), mode="bilinear", antialias=True, align_corners=False)
