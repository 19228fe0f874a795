"""Bottleneck stages of ResNet and ResNeXt under their published tensor names (He et al. 2016, Xie et al. 2017)."""

from __future__ import annotations

from torch import Tensor, nn

EXPANSION = 4


class Bottleneck(nn.Module):
    """1x1, 3x3 (grouped in ResNeXt, takes the stride), 1x1 around a shortcut; ``outputs`` = 4 * ``planes``."""

    def __init__(self, inputs: int, planes: int, stride: int, groups: int, group_width: int) -> None:
        super().__init__()
        outputs = planes * EXPANSION
        width = groups * planes * group_width // 64
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        inner = self.relu(self.bn1(self.conv1(features)))
        inner = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(inner)))))
        result: Tensor = self.relu(inner + self.downsample(features))
        return result


def stages(
    counts: tuple[int, int, int, int], base: int = 64, groups: int = 1, group_width: int = 64
) -> list[nn.Module]:
    """The four stages after the stem, of 4, 8, 16 and 32 times ``base`` channels, all but the first halving."""
    inputs = base
    found: list[nn.Module] = []
    for level, count in enumerate(counts):
        planes, stride = base * 2**level, 1 if level == 0 else 2
        blocks = [Bottleneck(inputs, planes, stride, groups, group_width)]
        inputs = planes * EXPANSION
        blocks += [Bottleneck(inputs, planes, 1, groups, group_width) for _ in range(count - 1)]
        found.append(nn.Sequential(*blocks))
    return found
