"""METER XXS (Papa et al. 2024), learned on NYU v2: MobileViT encoder, transposed-convolution decoder; metric depth.

Its weights come as a state dict of PyTorch that says nothing of pictures and units. The first batch norm's running
statistics do: they are those of pictures whose channels have mean 0.0 +- 0.1 and deviation 1.3, which is NYU under
ImageNet's mean and deviation. Depth is in centimetres: rooms come out at 1.5 to 5 m.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.networks.entry import NetworkEntry, Source

_HEADS, _HEAD_WIDTH = 4, 8
_PATCH = 2
_SHALLOW = ((16, 16, 1), (16, 24, 2), (24, 24, 1), (24, 24, 1), (24, 48, 2), (48, 64, 2), (64, 80, 2))
"""Channels in, channels out and stride of the inverted residuals; a global block follows each of the last three."""
_GLOBAL = ((48, 64, 128), (64, 80, 320), (80, 96, 384))
"""Channels, width of the tokens and of the layer between them."""
_DECODER = ((64, 32, 64), (32, 16, 48), (16, 8, 24))
"""Channels in, channels out, and channels of the encoder's features of that size."""
_CENTIMETRES = 0.01


class _Separable(nn.Module):
    """Named as published, where "depthwise" sees all channels: a plain 3x3 convolution, then a pointwise one."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.pointwise = nn.Conv2d(outputs, outputs, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        narrowed: Tensor = self.pointwise(self.depthwise(features))
        return narrowed


def _local(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_Separable(inputs, outputs, stride), nn.BatchNorm2d(outputs), nn.ReLU())


def _pointwise(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class _Inverted(nn.Module):
    """Double the channels, look at 3x3 of each, narrow (Sandler et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        wide = 2 * inputs
        self.conv = nn.Sequential(
            *_pointwise(inputs, wide),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU(),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        inner: Tensor = self.conv(features)
        return features + inner if self.shortcut else inner


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_qkv = nn.Linear(width, 3 * _HEADS * _HEAD_WIDTH, bias=False)
        self.to_out = nn.Sequential(nn.Linear(_HEADS * _HEAD_WIDTH, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, T, width), each of the T tokens attends to all of its row."""
        count, length = tokens.shape[:2]
        parts = self.to_qkv(tokens).view(count, length, 3, _HEADS, _HEAD_WIDTH).permute(2, 0, 3, 1, 4)
        queries, keys, values = parts[0] * _HEAD_WIDTH**-0.5, parts[1], parts[2]
        seen = torch.softmax(queries @ keys.transpose(-1, -2), -1) @ values
        mixed: Tensor = self.to_out(seen.transpose(1, 2).reshape(count, length, -1))
        return mixed


class _Between(nn.Module):
    def __init__(self, width: int, wide: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(width, wide), nn.ReLU(), nn.Identity(), nn.Linear(wide, width)
        )  # the published dropout, which does nothing here, keeps its place

    def forward(self, tokens: Tensor) -> Tensor:
        mixed: Tensor = self.net(tokens)
        return mixed


class _Normed(nn.Module):
    def __init__(self, width: int, inner: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fn = inner

    def forward(self, tokens: Tensor) -> Tensor:
        mixed: Tensor = tokens + self.fn(self.norm(tokens))
        return mixed


class _Transformer(nn.Module):
    def __init__(self, width: int, wide: int) -> None:
        super().__init__()
        pair = nn.ModuleList([_Normed(width, _Attention(width)), _Normed(width, _Between(width, wide))])
        self.layers = nn.ModuleList([pair])

    def forward(self, tokens: Tensor) -> Tensor:
        for pair in self.layers:
            for step in cast(nn.ModuleList, pair):
                tokens = step(tokens)
        return tokens


class _Global(nn.Module):
    """Local features, a transformer over one pixel of every 2x2 patch at a time, and the input beside (2110.02178)."""

    def __init__(self, channels: int, width: int, wide: int) -> None:
        super().__init__()
        self.conv1 = _local(channels, channels)
        self.conv2 = _pointwise(channels, width)
        self.transformer = _Transformer(width, wide)
        self.conv3 = _pointwise(width, channels)
        self.conv4 = _local(2 * channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels, H, W), H and W even; the same shape."""
        local = self.conv2(self.conv1(features))
        count, width, high, long = local.shape
        rows, columns = high // _PATCH, long // _PATCH
        cells = local.view(count, width, rows, _PATCH, columns, _PATCH).permute(0, 3, 5, 2, 4, 1)
        tokens = self.transformer(cells.reshape(count * _PATCH**2, rows * columns, width))
        cells = tokens.view(count, _PATCH, _PATCH, rows, columns, width).permute(0, 5, 3, 1, 4, 2)
        fused: Tensor = self.conv4(torch.cat([self.conv3(cells.reshape(local.shape)), features], 1))
        return fused


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _local(3, 16, 2)
        self.mv2 = nn.ModuleList([_Inverted(*sizes) for sizes in _SHALLOW])
        self.mvit = nn.ModuleList([_Global(*sizes) for sizes in _GLOBAL])
        self.conv2 = _pointwise(80, 160)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Features at a 4th, 8th, 16th and 32nd of the sides; the middle ones before their global block."""
        features = self.mv2[1](self.mv2[0](self.conv1(picture)))
        kept = [features]
        features = self.mv2[3](self.mv2[2](features))
        for shrink, look in zip(self.mv2[4:], self.mvit, strict=True):
            features = shrink(features)
            kept.append(features)
            features = look(features)
        return [*kept[:3], self.conv2(features)]


class _Widen(nn.Module):
    def __init__(self, inputs: int, outputs: int, skipped: int) -> None:
        super().__init__()
        self.conv2d_transpose = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1, bias=False)
        self.end_up_layer = nn.Sequential(_Separable(outputs + skipped, outputs), nn.ReLU())

    def forward(self, path: Tensor, skipped: Tensor) -> Tensor:
        joined: Tensor = self.end_up_layer(torch.cat([self.conv2d_transpose(path), skipped], 1))
        return joined


class _Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv2d_in = nn.Conv2d(160, 64, 1, bias=False)
        for level, sizes in enumerate(_DECODER, start=1):
            self.add_module(f"ups_block_{level}", _Widen(*sizes))
        self.conv2d_out = nn.Conv2d(8, 1, 3, 1, 1, bias=False)

    def forward(self, encoded: list[Tensor]) -> Tensor:
        path = self.conv2d_in(encoded[3])
        for level, skipped in enumerate(encoded[2::-1], start=1):
            path = self.get_submodule(f"ups_block_{level}")(path, skipped)
        depth: Tensor = self.conv2d_out(path)
        return depth


class Meter(nn.Module):
    """Picture to metric depth; modules are named as published. 713,464 weights and 4,307 statistics of batch norm.

    Input (N, 3, H, W) normalised RGB, H and W multiples of 64; output (N, 1, H, W) metres, which nothing keeps above 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _Encoder()
        self.decoder = _Decoder()

    def quarter(self, picture: Tensor) -> Tensor:
        """(N, 1, H/4, W/4) centimetres, float32 on a CPU: what the published network says."""
        if torch.is_autocast_enabled("cpu"):
            # Its gradient takes five times as long in bfloat16 there, most of it in the strided depthwise convolutions.
            with torch.autocast("cpu", enabled=False):
                return self.quarter(picture.float())
        depth: Tensor = self.decoder(self.encoder(picture))
        return depth

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, H, W) metres."""
        metres = _CENTIMETRES * self.quarter(picture)
        return functional.interpolate(metres, scale_factor=4.0, mode="bilinear", align_corners=False)


ENTRIES = (
    NetworkEntry(
        name="meter-xxs",
        build=Meter,
        size=192,
        multiple=64,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        output="metric depth",
        licence="MIT",
        resampling="area",
        source=Source(
            page="https://github.com/lorenzopapa5/METER (models/build_model_best_nyu_xxs)",
            files=("https://github.com/lorenzopapa5/METER/raw/main/models/build_model_best_nyu_xxs",),
            sha256="327cddf3bfc85f4a13b8d18d2f13d8e40cdeb022ea397995c409ef1569bcbb53",
        ),
    ),
)
