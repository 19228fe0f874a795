"""MiDaS v2.1 small (1907.01341): EfficientNet-Lite3 encoder, RefineNet-like decoder that widens with depth."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.networks.depth.midas_v21 import refine
from depth_prompt_ros.networks.entry import NetworkEntry, Source

_LITE3 = (
    (1, 3, 1, 1, 24), (3, 3, 2, 6, 32), (3, 5, 2, 6, 48), (5, 3, 2, 6, 96), (5, 5, 1, 6, 136), (6, 5, 2, 6, 232),
    (1, 3, 1, 6, 384),
)  # fmt: skip
"""Blocks, kernel, first stride, expansion and channels of each group: EfficientNet with 1.2 x width and 1.4 x depth."""

_EPSILON = 1e-3
"""TensorFlow's, which the weights were converted from."""


class SameConvolution(nn.Conv2d):
    """TensorFlow's SAME padding: as much as the stride leaves over, the odd pixel at the right and bottom."""

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', ceil(H / stride), ceil(W / stride))."""
        padding = []
        for size, kernel, stride in zip(features.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            padding += [missing // 2, missing - missing // 2]
        return self._conv_forward(functional.pad(features, padding), self.weight, self.bias)


class _Separable(nn.Module):
    """Depthwise, then pointwise: the first group's block."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = SameConvolution(inputs, inputs, kernel, stride, groups=inputs, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs, _EPSILON)
        self.conv_pw = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs, _EPSILON)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        inner: Tensor = self.bn2(self.conv_pw(functional.relu6(self.bn1(self.conv_dw(features)))))
        return inner + features if self.shortcut else inner


class _Inverted(nn.Module):
    """Widen, depthwise, narrow (Sandler et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        self.conv_pw = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width, _EPSILON)
        self.conv_dw = SameConvolution(width, width, kernel, stride, groups=width, bias=False)
        self.bn2 = nn.BatchNorm2d(width, _EPSILON)
        self.conv_pwl = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs, _EPSILON)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        inner = functional.relu6(self.bn1(self.conv_pw(features)))
        inner = functional.relu6(self.bn2(self.conv_dw(inner)))
        inner = self.bn3(self.conv_pwl(inner))
        return inner + features if self.shortcut else inner


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        groups, inputs = [], 32
        for count, kernel, stride, expansion, outputs in _LITE3:
            blocks: list[nn.Module] = []
            for index in range(count):
                step = stride if index == 0 else 1
                blocks.append(
                    _Separable(inputs, outputs, kernel, step)
                    if expansion == 1
                    else _Inverted(inputs, outputs, kernel, step, expansion)
                )
                inputs = outputs
            groups.append(nn.Sequential(*blocks))
        stem = (SameConvolution(3, 32, 3, 2, bias=False), nn.BatchNorm2d(32, _EPSILON), nn.ReLU6())
        self.layer1 = nn.Sequential(*stem, *groups[:2])
        self.layer2 = nn.Sequential(groups[2])
        self.layer3 = nn.Sequential(*groups[3:5])
        self.layer4 = nn.Sequential(*groups[5:])


class _ResidualUnit(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, 1, 1)
        self.conv2 = nn.Conv2d(features, features, 3, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        inner: Tensor = self.conv2(functional.relu(self.conv1(functional.relu(features))))
        return inner + features


class _Fusion(nn.Module):
    """Adds the encoder's features of this size, doubles the size, narrows; the deepest one's first unit goes unused."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.out_conv = nn.Conv2d(features, outputs, 1)
        self.resConfUnit1 = _ResidualUnit(features)
        self.resConfUnit2 = _ResidualUnit(features)

    def forward(self, path: Tensor, skipped: Tensor | None = None) -> Tensor:
        if skipped is not None:
            path = path + self.resConfUnit1(skipped)
        wide = functional.interpolate(self.resConfUnit2(path), scale_factor=2.0, mode="bilinear", align_corners=True)
        narrowed: Tensor = self.out_conv(wide)
        return narrowed


class _Decoder(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        for level, inputs in enumerate((32, 48, 136, 384)):
            width = features * 2**level
            self.add_module(f"layer{level + 1}_rn", nn.Conv2d(inputs, width, 3, 1, 1, bias=False))
            self.add_module(f"refinenet{level + 1}", _Fusion(width, width // 2 if level else width))
        self.output_conv = nn.Sequential(
            nn.Conv2d(features, features // 2, 3, 1, 1),
            nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=False),
            nn.Conv2d(features // 2, 32, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(32, 1, 1),
            nn.ReLU(),
        )


class MidasSmall(nn.Module):
    """Picture to disparity up to scale and shift, 21 M parameters; modules are named as published.

    Input (N, 3, H, W) normalised RGB, H and W multiples of 32; output (N, 1, H, W), at least 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pretrained = _Encoder()
        self.scratch = _Decoder(64)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, H, W) disparity up to scale and shift."""
        return refine(picture, self.pretrained, self.scratch)


ENTRIES = (
    NetworkEntry(
        name="midas-v21-small",
        build=MidasSmall,
        size=256,
        multiple=32,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        output="disparity",
        licence="MIT",
        bounds="long side",
        source=Source(
            page="https://github.com/isl-org/MiDaS",
            files=("https://github.com/isl-org/MiDaS/releases/download/v2_1/midas_v21_small_256.pt",),
        ),
    ),
)
