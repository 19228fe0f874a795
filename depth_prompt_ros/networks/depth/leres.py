"""LeReS (2012.09365) with ResNet-50: depth up to scale and shift."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.networks.depth.resnet import EXPANSION, stages
from depth_prompt_ros.networks.entry import NetworkEntry, Source

_PREFIXES = ("module.", "depth_model.")
"""Of learning on several GPUs, and of the published class around the network."""


class Block(nn.Module):
    """A 3x3 convolution, then two more around a shortcut that is rectified too: in the published code, in place."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.conv_branch = nn.Sequential(
            nn.Identity(),
            nn.Conv2d(outputs, outputs, 3, 1, 1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        features = functional.relu(self.conv1(features))
        return functional.relu(features + self.conv_branch(features))


class Fusion(nn.Module):
    """Adds the encoder's features of this size and doubles the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.ftb1 = Block(inputs, outputs)
        self.ftb2 = Block(outputs, outputs)

    def forward(self, skipped: Tensor, path: Tensor) -> Tensor:
        """(N, outputs, H, W) path -> (N, outputs, 2H, 2W)."""
        return _doubled(self.ftb2(self.ftb1(skipped) + path))


class _Output(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.adapt_conv = nn.Sequential(
            nn.Conv2d(inputs, inputs // 2, 3, 1, 1),
            nn.BatchNorm2d(inputs // 2),
            nn.ReLU(),
            nn.Conv2d(inputs // 2, 1, 3, 1, 1),
            nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=True),
        )


class _Encoder(nn.Module):
    def __init__(self, base: int, counts: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, base, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages(counts, base)

    def forward(self, picture: Tensor) -> list[Tensor]:
        features = functional.max_pool2d(functional.relu(self.bn1(self.conv1(picture))), 3, 2, 1)
        found = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = stage(features)
            found.append(features)
        return found


class _Wrapped(nn.Module):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder


class _Decoder(nn.Module):
    def __init__(self, base: int) -> None:
        super().__init__()
        width = base * EXPANSION
        self.conv = Block(width * 8, width * 2)
        self.conv1 = nn.Conv2d(width * 2, width, 3, 1, 1)
        self.ffm2 = Fusion(width * 4, width)
        self.ffm1 = Fusion(width * 2, width)
        self.ffm0 = Fusion(width, width)
        self.outconv = _Output(width)

    def forward(self, encoded: list[Tensor]) -> Tensor:
        path = _doubled(self.conv1(self.conv(encoded[3])))
        path = self.ffm0(encoded[0], self.ffm1(encoded[1], self.ffm2(encoded[2], path)))
        depth: Tensor = self.outconv.adapt_conv(path)
        return depth


class LeReS(nn.Module):
    """Picture to depth up to scale and shift, 52 M parameters; modules are named as published.

    Input (N, 3, H, W) normalised RGB, H and W multiples of 32; output (N, 1, H, W), larger = farther. Other arguments
    than the published ones make small networks of the same architecture.
    """

    def __init__(self, base: int = 64, counts: tuple[int, int, int, int] = (3, 4, 6, 3)) -> None:
        super().__init__()
        self.encoder_modules = _Wrapped(_Encoder(base, counts))
        self.decoder_modules = _Decoder(base)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, H, W) depth up to scale and shift."""
        depth: Tensor = self.decoder_modules(self.encoder_modules.encoder(picture))
        return depth


def without_prefixes(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published names, "module.depth_model.encoder_modules..." and the like, without what stands before ours."""
    for prefix in _PREFIXES:
        tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors


def _doubled(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=True)


ENTRIES = (
    NetworkEntry(
        name="leres-resnet50",
        build=LeReS,
        size=448,
        multiple=32,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        output="shifted depth",
        licence="non-commercial (Adobe Research)",
        source=Source(
            page="https://github.com/aim-uofa/AdelaiDepth (res50.pth)",
        ),
        adapt=without_prefixes,
    ),
)
