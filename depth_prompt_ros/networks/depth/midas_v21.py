"""MiDaS v2.1 (1907.01341), the large convolutional network: ResNeXt-101 32x8d encoder, RefineNet-like decoder."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.networks.depth.resnet import EXPANSION, stages
from depth_prompt_ros.networks.entry import NetworkEntry, Source


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions over the *rectified* input, added to it.

    The published network rectifies in place, so its shortcut carries the rectified features as well.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, 1, 1)
        self.conv2 = nn.Conv2d(features, features, 3, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Same shape."""
        features = functional.relu(features)
        inner: Tensor = self.conv2(functional.relu(self.conv1(features)))
        return inner + features


class Fusion(nn.Module):
    """Adds the encoder's features of this size and doubles the size; the deepest one's first unit goes unused."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.resConfUnit1 = ResidualUnit(features)
        self.resConfUnit2 = ResidualUnit(features)

    def forward(self, path: Tensor, skipped: Tensor | None = None) -> Tensor:
        """(N, C, H, W) -> (N, C, 2H, 2W)."""
        if skipped is not None:
            path = path + self.resConfUnit1(skipped)
        return functional.interpolate(self.resConfUnit2(path), scale_factor=2.0, mode="bilinear", align_corners=True)


class _Encoder(nn.Module):
    def __init__(self, base: int, counts: tuple[int, int, int, int], groups: int, group_width: int) -> None:
        super().__init__()
        first, self.layer2, self.layer3, self.layer4 = stages(counts, base, groups, group_width)
        stem = (nn.Conv2d(3, base, 7, 2, 3, bias=False), nn.BatchNorm2d(base), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.layer1 = nn.Sequential(*stem, first)


class _Decoder(nn.Module):
    def __init__(self, base: int, features: int) -> None:
        super().__init__()
        for level in range(1, 5):
            narrowed = nn.Conv2d(base * 2 ** (level - 1) * EXPANSION, features, 3, 1, 1, bias=False)
            self.add_module(f"layer{level}_rn", narrowed)
            self.add_module(f"refinenet{level}", Fusion(features))
        self.output_conv = nn.Sequential(
            nn.Conv2d(features, features // 2, 3, 1, 1),
            nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=False),
            nn.Conv2d(features // 2, 32, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(32, 1, 1),
            nn.ReLU(),
        )


def refine(picture: Tensor, pretrained: nn.Module, scratch: nn.Module) -> Tensor:
    """(N, 1, H, W) disparity: the encoder's four stages down, fusion by fusion up again, the output convolutions."""
    encoded = [picture]
    for level in range(1, 5):
        encoded.append(getattr(pretrained, f"layer{level}")(encoded[-1]))
    path: Tensor | None = None
    for level in range(4, 0, -1):
        skipped = getattr(scratch, f"layer{level}_rn")(encoded[level])
        fuse = getattr(scratch, f"refinenet{level}")
        path = fuse(skipped) if path is None else fuse(path, skipped)
    disparity: Tensor = scratch.get_submodule("output_conv")(path)
    return disparity


class MidasLarge(nn.Module):
    """Picture to disparity up to scale and shift, 105 M parameters; modules are named as published.

    Input (N, 3, H, W) normalised RGB, H and W multiples of 32; output (N, 1, H, W), at least 0. The arguments other
    than the published ones make small networks of the same architecture.
    """

    def __init__(
        self,
        base: int = 64,
        counts: tuple[int, int, int, int] = (3, 4, 23, 3),
        groups: int = 32,
        group_width: int = 8,
        features: int = 256,
    ) -> None:
        super().__init__()
        self.pretrained = _Encoder(base, counts, groups, group_width)
        self.scratch = _Decoder(base, features)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, H, W) disparity up to scale and shift."""
        return refine(picture, self.pretrained, self.scratch)


ENTRIES = (
    NetworkEntry(
        name="midas-v21-large",
        build=MidasLarge,
        size=384,
        multiple=32,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        output="disparity",
        licence="MIT",
        bounds="long side",
        source=Source(
            page="https://github.com/isl-org/MiDaS",
            files=("https://github.com/isl-org/MiDaS/releases/download/v2_1/midas_v21_384.pt",),
        ),
    ),
)
