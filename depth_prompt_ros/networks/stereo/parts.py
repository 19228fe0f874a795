"""What recurrent stereo networks share: residual units, gathered correlations, convex upsampling."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Norm = Literal["batch", "instance", "group", "none"]


def norm_layer(kind: Norm, channels: int) -> nn.Module:
    """Normalisation of (N, C, H, W) features; a group is eight channels."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "instance":
        return nn.InstanceNorm2d(channels)
    return nn.GroupNorm(channels // 8, channels) if kind == "group" else nn.Identity()


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut, rectified before and after the sum; the first may halve the picture.

    Args:
        project: put a 1x1 convolution into the shortcut even where the shape stays.
    """

    def __init__(self, inputs: int, outputs: int, norm: Norm, stride: int = 1, project: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.norm1 = norm_layer(norm, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.norm2 = norm_layer(norm, outputs)
        self.downsample: nn.Module = nn.Identity()
        if project or stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride), norm_layer(norm, outputs))

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H/stride, W/stride)."""
        inner = functional.relu(self.norm1(self.conv1(features)))
        inner = functional.relu(self.norm2(self.conv2(inner)))
        return functional.relu(self.downsample(features) + inner)


def two_units(inputs: int, outputs: int, norm: Norm, stride: int, project: bool = False) -> nn.Sequential:
    """One stage of an encoder."""
    return nn.Sequential(Residual(inputs, outputs, norm, stride, project), Residual(outputs, outputs, norm, 1, project))


class DisparityHead(nn.Module):
    """Two convolutions from a hidden state to what is added to disparity (or flow)."""

    def __init__(self, hidden: int, inner: int, outputs: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(hidden, inner, 3, 1, 1)
        self.conv2 = nn.Conv2d(inner, outputs, 3, 1, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """(N, outputs, H, W)."""
        change: Tensor = self.conv2(functional.relu(self.conv1(hidden)))
        return change


def gather_linear(values: Tensor, places: Tensor, radius: int) -> Tensor:
    """Linear interpolation along the last axis at ``place - radius .. place + radius``; nothing (0) outside.

    A gather of whole neighbours in place of a grid sample: all places share one fraction, and every runtime has it.

    Args:
        values: (..., K).
        places: (...) float, where 0 is the first of the K values and K - 1 the last.

    Returns:
        (..., 2 * radius + 1).
    """
    whole = places.detach().floor()
    part = (places - whole).unsqueeze(-1)
    steps = torch.arange(-radius, radius + 2, device=values.device)
    index = whole.long().unsqueeze(-1) + steps
    inside = (index >= 0) & (index < values.shape[-1])
    near = values.gather(-1, index.clamp(0, values.shape[-1] - 1)) * inside
    return near[..., :-1] * (1 - part) + near[..., 1:] * part


def convex_upsample(field: Tensor, logits: Tensor, factor: int, border: Literal["zero", "repeat"] = "zero") -> Tensor:
    """Each fine value is a convex combination of its 3x3 coarse neighbours (RAFT, 2003.12039, section 3.3).

    Args:
        field: (N, C, H, W) in coarse pixels.
        logits: (N, 9 * factor^2, H, W) of the combination: neighbour first, then place within the coarse pixel.
        border: what is outside the field; nothing in the published networks.

    Returns:
        (N, C, factor * H, factor * W), in fine pixels.
    """
    count, channels, height, width = field.shape
    logits = logits.view(count, 1, 9, factor, factor, height, width)
    weights = (logits - logits.amax(2, keepdim=True)).exp()  # softmax in parts: over this axis ONNX Runtime's is slow
    padded = functional.pad(factor * field, (1, 1, 1, 1), mode="replicate" if border == "repeat" else "constant")
    around = functional.unfold(padded, 3).view(count, channels, 9, 1, 1, height, width)
    fine = ((weights * around).sum(2) / weights.sum(2)).permute(0, 1, 4, 2, 5, 3)
    return fine.reshape(count, channels, factor * height, factor * width)
