"""SceneNet: the small convolutional depth network that this package ships, 1.9 M parameters, 0.35 GMAC at 160x160."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.networks.entry import NetworkEntry


class _Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut; the first may halve the picture (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity() if stride == 1 and inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, features: Tensor) -> Tensor:
        inner = functional.relu(self.first_norm(self.first(features)))
        return functional.relu(self.second_norm(self.second(inner)) + self.shortcut(features))


class _Context(nn.Module):
    """The whole picture's mean scales every channel (squeeze and excitation, Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Conv2d(channels, channels // 4, 1)
        self.outer = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        mean = features.mean((2, 3), keepdim=True)
        return features * torch.sigmoid(self.outer(functional.relu(self.inner(mean))))


class _Decode(nn.Module):
    """Upsample, join the encoder's features of that size, mix."""

    def __init__(self, inputs: int, skipped: int, outputs: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(inputs + skipped, outputs, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, features: Tensor, skipped: Tensor) -> Tensor:
        wide = functional.interpolate(features, scale_factor=2.0, mode="nearest")
        return functional.relu(self.norm(self.mix(torch.cat([wide, skipped], 1))))


class SceneNet(nn.Module):
    """Picture to disparity up to scale and shift.

    Input (N, 3, H, W) normalised RGB, H and W multiples of 32; output (N, 1, H, W), larger = nearer, no unit.
    """

    WIDTHS = (16, 32, 64, 128, 160)
    """Channels at 1/2, 1/4, ... 1/32 of the picture's size."""
    DECODED = (96, 64, 32, 16)
    """Channels on the way back, at 1/16 to 1/2."""

    def __init__(self) -> None:
        super().__init__()
        w, d = self.WIDTHS, self.DECODED
        self.stem = nn.Sequential(nn.Conv2d(3, w[0], 3, 2, 1, bias=False), nn.BatchNorm2d(w[0]), nn.ReLU())
        self.quarter = _Residual(w[0], w[1], 2)
        self.eighth = nn.Sequential(_Residual(w[1], w[2], 2), _Residual(w[2], w[2]))
        self.sixteenth = nn.Sequential(_Residual(w[2], w[3], 2), _Residual(w[3], w[3]), _Context(w[3]))
        self.thirtysecond = nn.Sequential(_Residual(w[3], w[4], 2), _Context(w[4]))
        self.up16 = _Decode(w[4], w[3], d[0])
        self.up8 = _Decode(d[0], w[2], d[1])
        self.up4 = _Decode(d[1], w[1], d[2])
        self.up2 = _Decode(d[2], w[0], d[3])
        self.head = nn.Conv2d(d[3], 1, 3, 1, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, H, W) disparity up to scale and shift."""
        half = self.stem(picture)
        quarter = self.quarter(half)
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        features = self.up16(self.thirtysecond(sixteenth), sixteenth)
        features = self.up2(self.up4(self.up8(features, eighth), quarter), half)
        disparity: Tensor = functional.interpolate(
            self.head(features), scale_factor=2.0, mode="bilinear", align_corners=False
        )
        return disparity


ENTRIES = (
    NetworkEntry(
        name="scene-net",
        build=SceneNet,
        size=160,
        multiple=32,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        output="disparity",
        licence="Apache-2.0",
        resampling="area",
        decoder=("up16", "up8", "up4"),
        weights="models/scene_net.safetensors",
    ),
)
