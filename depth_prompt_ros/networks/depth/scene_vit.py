"""SceneViT: a small transformer depth network, convolutional stem, global attention at 1/16, 2.5 M parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.networks.entry import NetworkEntry


def _convolve(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class _Block(nn.Module):
    """Pre-norm attention over all tokens and a two-layer perceptron (Dosovitskiy et al. 2021)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        qkv = self.qkv(self.attention_norm(tokens)).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        # Written out: PyTorch's fused attention takes ten times as long backward on a CPU at a hundred tokens.
        mixed = torch.softmax(query @ key.transpose(2, 3) * query.shape[3] ** -0.5, 3).to(value) @ value
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(batch, count, width))
        return tokens + self.mlp(self.mlp_norm(tokens))


class _Fuse(nn.Module):
    """Double the size, add the features of that size, mix: the refinement of DPT (Ranftl et al. 2021), made small."""

    def __init__(self, inputs: int, skipped: int, outputs: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(inputs, outputs, 1)
        self.bridge = nn.Conv2d(skipped, outputs, 1)
        self.mix = _convolve(outputs, outputs)

    def forward(self, features: Tensor, skipped: Tensor) -> Tensor:
        wide = functional.interpolate(self.reduce(features), scale_factor=2.0, mode="nearest")
        mixed: Tensor = self.mix(wide + self.bridge(skipped))
        return mixed


class SceneViT(nn.Module):
    """Picture to disparity up to scale and shift.

    Input (N, 3, S, S) normalised RGB, S = :attr:`SIZE`; output (N, 1, S, S), larger = nearer, no unit.
    """

    SIZE = 160
    WIDTH = 192

    def __init__(self) -> None:
        super().__init__()
        width = self.WIDTH
        self.stem = _convolve(3, 16, 2)
        self.quarter = nn.Sequential(_convolve(16, 32, 2), _convolve(32, 32))
        self.eighth = nn.Sequential(_convolve(32, 64, 2), _convolve(64, 64))
        self.embed = nn.Conv2d(64, width, 3, 2, 1)
        self.positions = nn.Parameter(0.02 * torch.randn(1, (self.SIZE // 16) ** 2, width))
        self.blocks = nn.ModuleList([_Block(width, heads=6) for _ in range(5)])
        self.norm = nn.LayerNorm(width)
        self.up8 = _Fuse(width, 64, 96)
        self.up4 = _Fuse(96, 32, 48)
        self.up2 = _Fuse(48, 16, 24)
        self.head = nn.Conv2d(24, 1, 3, 1, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, S, S) disparity up to scale and shift."""
        half = self.stem(picture)
        quarter = self.quarter(half)
        eighth = self.eighth(quarter)
        embedded = self.embed(eighth)
        tokens = embedded.flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            tokens = block(tokens)
        features = self.norm(tokens).transpose(1, 2).reshape(embedded.shape)
        features = self.up2(self.up4(self.up8(features, eighth), quarter), half)
        disparity: Tensor = functional.interpolate(
            self.head(features), scale_factor=2.0, mode="bilinear", align_corners=False
        )
        return disparity


ENTRIES = (
    NetworkEntry(
        name="scene-vit",
        build=SceneViT,
        size=SceneViT.SIZE,
        multiple=SceneViT.SIZE,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        output="disparity",
        licence="Apache-2.0",
        resampling="area",
        weights="models/scene_vit.safetensors",
    ),
)
