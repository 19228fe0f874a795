"""FastDepth (1903.03273), pruned, learned on NYU v2: MobileNet encoder, depthwise 5x5 decoder; metric depth.

Floating point, from an 8-bit file: what the file's own arithmetic says differs by about half of its step of 0.07 m. The
ranges of its 8-bit activations are not imposed: they change nothing on photographs and would stop gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.networks.entry import NetworkEntry, Source

_ENCODER = (
    (16, 56, 1), (56, 88, 2), (88, 120, 1), (120, 144, 2), (144, 256, 1), (256, 408, 2), (408, 376, 1), (376, 272, 1),
    (272, 288, 1), (288, 296, 1), (296, 328, 1), (328, 480, 2), (480, 512, 1),
)  # fmt: skip
_DECODER = ((512, 200), (200, 256), (256, 120), (120, 56), (56, 16))
_SKIPS = {1: 4, 2: 2, 3: 0}
"""Which encoder block's output is added after which decoder block."""


class _Separable(nn.Module):
    """A depthwise convolution, then a pointwise one; batch norm is folded into both."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, limit: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, kernel, stride, kernel // 2, groups=inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        self.limit = limit

    def forward(self, features: Tensor) -> Tensor:
        if self.depthwise.stride == (2, 2) and torch.is_autocast_enabled("cpu"):
            # On the CPU the gradient of this convolution is many times slower in bfloat16 than in float32.
            with torch.autocast("cpu", enabled=False):
                features = self.depthwise(features.float())
        else:
            features = self.depthwise(features)
        features = functional.hardtanh(features, 0.0, self.limit)
        return functional.hardtanh(self.pointwise(features), 0.0, self.limit)


class FastDepth(nn.Module):
    """Picture to metric depth. Input (N, 3, S, S) RGB in [0, 1], S a multiple of 32; output (N, 1, S, S) metres."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        self.encoder = nn.ModuleList(_Separable(i, o, 3, stride, 6.0) for i, o, stride in _ENCODER)
        self.decoder = nn.ModuleList(_Separable(i, o, 5, 1, torch.inf) for i, o in _DECODER)
        self.head = nn.Conv2d(16, 1, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, S, S) metres, at least 0."""
        features = functional.relu6(self.stem(picture))
        kept = []
        for block in self.encoder:
            features = block(features)
            kept.append(features)
        for level, block in enumerate(self.decoder):
            features = block(features)
            if level == len(self.decoder) - 1:  # a 1x1 convolution and copying pixels may change places
                features = functional.relu(self.head(features))
            features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            if level in _SKIPS:
                features = features + kept[_SKIPS[level]]
        return features


def convolutions_in_order(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """From "0.weight", "0.bias", "1.weight", ... in the order of the file's operators to this module's names.

    Raises:
        KeyError: the file has another number of convolutions.
    """
    names = ["stem"]
    for part, blocks in (("encoder", _ENCODER), ("decoder", _DECODER)):
        names += [f"{part}.{i}.{kind}" for i in range(len(blocks)) for kind in ("depthwise", "pointwise")]
    names.append("head")
    if len(tensors) != 2 * len(names):
        raise KeyError(f"{len(tensors) // 2} convolutions instead of {len(names)}")
    return {f"{name}.{part}": tensors[f"{i}.{part}"] for i, name in enumerate(names) for part in ("weight", "bias")}


ENTRIES = (
    NetworkEntry(
        name="fastdepth",
        build=FastDepth,
        size=224,
        multiple=32,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        output="metric depth",
        licence="none stated: for studies, not shipped",
        source=Source(page="https://github.com/openmv/openmv (fast_depth_224.tflite)"),
        adapt=convolutions_in_order,
    ),
)
