"""The depth network of 2205.08851: picture, position grid and focal length in, disparity or levels of it out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.networks.entry import VideoEntry
from depth_prompt_ros.networks.video.levels import Layered, Levels

Head = Literal["disparity", "levels", "adaptive"]

HEADS: tuple[Head, ...] = ("disparity", "levels", "adaptive")
"""One number a pixel; weights of fixed levels; weights of levels along a curve of each pixel's own."""

_GRID, _FOCAL = 8, 2


@dataclass(frozen=True)
class VideoSettings:
    """What a depth network for video is built to.

    Attributes:
        head: see :data:`HEADS`.
        width: of all channels, 1 = the published 14.5 M parameters.
        levels: N of the heads that have levels.
        farthest, nearest: ends of the disparity's range.
        grid: give it the position grid; without, the grid is zeros.
        focal_unit: pixels; focal lengths are given in this unit. The published 2000 is for pictures 1242 pixels wide:
            those of small pictures would hardly be felt, and with them how much a picture was enlarged.
        proportional: what is learned is multiplied by the focal length in that unit: the disparity of a picture twice
            as large is twice as large, but for what the network itself sees otherwise there.
    """

    head: Head = "adaptive"
    width: float = 1.0
    levels: int = 33
    farthest: float = 0.005
    nearest: float = 0.3
    grid: bool = True
    focal_unit: float = 2000.0
    proportional: bool = False

    def checked(self) -> VideoSettings:
        """These settings.

        Raises:
            BadModel: values that make no network.
        """
        if self.head not in HEADS:
            raise BadModel(f"there is no head {self.head!r}: choose from {', '.join(HEADS)}")
        if not (self.width > 0 and self.levels >= 2 and 0 < self.farthest < self.nearest and self.focal_unit > 0):
            raise BadModel(f"no network has width {self.width:g}, {self.levels} levels, disparities {self.farthest:g} "
                           f"to {self.nearest:g}, focal lengths in {self.focal_unit:g} pixels")  # fmt: skip
        return self


class _Convolution(nn.Sequential):
    """A 3x3 convolution with bias and ELU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.ELU())


class _Residual(nn.Module):
    """Two 3x3 convolutions without bias around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        return functional.elu(features + self.second(functional.elu(self.first(features))))


class _Decode(nn.Module):
    """Enlarge to the size of the encoder's features, join, mix."""

    def __init__(self, inputs: int, between: int, skipped: int, outputs: int | None) -> None:
        super().__init__()
        self.shrink = nn.Conv2d(inputs, between, 3, 1, 1, bias=False)
        self.mix = _Convolution(between + skipped, outputs) if outputs else nn.Identity()

    def forward(self, features: Tensor, skipped: Tensor) -> Tensor:
        wide = functional.interpolate(features, size=skipped.shape[2:], mode="nearest")
        return self.mix(torch.cat([functional.elu(self.shrink(wide)), skipped], 1))


class VideoDepthNet(nn.Module):
    """Disparity of one picture, learned from video.

    The encoder halves six times; every halving also sees where in the whole picture its pixels stand and the focal
    length, so the network may learn that what stands here is so far away or moves so.
    """

    MEAN = (0.411, 0.432, 0.45)

    def __init__(self, settings: VideoSettings | None = None) -> None:
        """Build with random weights.

        Raises:
            BadModel: settings that make no network.
        """
        super().__init__()
        self.settings = chosen = (settings or VideoSettings()).checked()
        self.levels = Levels(chosen.farthest, chosen.nearest, chosen.levels)
        thin, some, many = (max(4, round(channels * chosen.width)) for channels in (64, 128, 256))
        self.position = nn.Sequential(nn.Conv2d(2, 16, 1), nn.ELU(), nn.Conv2d(16, _GRID, 1), nn.ELU())
        encoded = (thin, some, *(many,) * 5)
        self.first = nn.Sequential(_Convolution(3, thin), _Residual(thin))
        self.down = nn.ModuleList(
            nn.Sequential(_Convolution(inputs + _GRID + _FOCAL, outputs, 2), _Residual(outputs))
            for inputs, outputs in pairwise(encoded)
        )
        self.up = nn.ModuleList(
            [_Decode(many, some, many, many) for _ in range(4)]
            + [_Decode(many, some, some, some), _Decode(some, thin, thin, None)]
        )
        outputs = {"disparity": 1, "levels": chosen.levels, "adaptive": chosen.levels + 1}[chosen.head]
        self.head = nn.Conv2d(2 * thin, outputs, 3, 1, 1, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, _Residual):  # begins as its shortcut: sums of many blocks would saturate the head
                nn.init.zeros_(module.second.weight)
        nn.init.normal_(self.head.weight, std=1e-3)
        self.register_buffer("mean", torch.tensor(self.MEAN).view(1, 3, 1, 1), persistent=False)

    mean: Tensor

    def features(self, picture: Tensor, grid: Tensor, focal: Tensor) -> Tensor:
        """(B, C, H, W): the head's output as it is.

        Args:
            picture: (B, 3, H, W) RGB in [0, 1].
            grid: (B, 2, H, W) u and v in [-1, 1] of the *whole* picture that this is part of.
            focal: (B, 2) fx and fy, pixels.
        """
        if not self.settings.grid:
            grid = grid * 0
        position = self.position(grid)
        lengths = (focal.abs() / self.settings.focal_unit)[:, :, None, None]
        encoded = [self.first(picture - self.mean)]
        for stage in self.down:
            size = encoded[-1].shape[2:]
            if position.shape[2:] != size:
                position = functional.interpolate(position, size=size, mode="bilinear", align_corners=False)
            places = torch.cat([encoded[-1], position, lengths.expand(-1, -1, size[0], size[1])], 1)
            encoded.append(stage(places))
        features = encoded[-1]
        for stage, skipped in zip(self.up, reversed(encoded[:-1]), strict=True):
            features = stage(features, skipped)
        return self.head(features)

    def forward(self, picture: Tensor, grid: Tensor, focal: Tensor) -> Tensor:
        """(B, 1, H, W) expected disparity, 1 over the unit of translations; inputs as of :meth:`features`."""
        return self._answer(self.features(picture, grid, focal), focal)[0]

    def layered(self, picture: Tensor, grid: Tensor, focal: Tensor, planes: Levels) -> Layered:
        """Disparity, and the probability of each shared plane; inputs as of :meth:`features`.

        Args:
            planes: with the same range; disparities between two planes are shared by both.
        """
        disparity, values, weights = self._answer(self.features(picture, grid, focal), focal)
        if self.settings.head == "levels" and planes == self.levels and not self.settings.proportional:
            return Layered(disparity, weights)
        return Layered(disparity, planes.layers(values.expand_as(weights), weights))

    def _answer(self, output: Tensor, focal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Expected disparity; disparities (broadcast to B, K, H, W) and their weights."""
        disparity, values, weights = self._of_unit(output)
        if self.settings.proportional:
            scale = (focal.abs().mean(1) / self.settings.focal_unit).view(-1, 1, 1, 1)
            disparity, values = disparity * scale, values * scale
        return disparity, values, weights

    def _of_unit(self, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What :meth:`_answer` says for the focal length of one unit."""
        chosen = self.settings
        if chosen.head == "disparity":
            disparity = chosen.farthest + (chosen.nearest - chosen.farthest) * torch.sigmoid(output)
            return disparity, disparity, torch.ones_like(disparity)
        weights = torch.softmax(output[:, : chosen.levels], 1)
        place = (torch.arange(chosen.levels, device=output.device) / (chosen.levels - 1)).view(1, -1, 1, 1)
        if chosen.head == "adaptive":
            power = torch.exp(
                math.log(3.0) * torch.tanh(output[:, chosen.levels :])
            )  # in [1/3, 3]; 1 is the fixed curve
            place = torch.cat([place[:, :1].expand_as(power), place[:, 1:] ** power], 1)  # 0 ** power has no gradient
        values = self.levels.at(place)
        return (weights * values).sum(1, keepdim=True), values, weights


def _full(head: Head) -> Callable[[], VideoDepthNet]:
    return lambda: VideoDepthNet(VideoSettings(head))


ENTRIES = tuple(VideoEntry(name=f"video-{head}", build=_full(head), multiple=4, licence="Apache-2.0") for head in HEADS)
