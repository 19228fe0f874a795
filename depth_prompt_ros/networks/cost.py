"""What a network costs on this machine, said when it is chosen."""

from __future__ import annotations

import time

import torch
from torch import nn

_SLOW = 0.5


def describe_cost(name: str, network: nn.Module, size: int) -> str:
    """How many pictures a second it looks at here, in one line.

    Args:
        name: of the network.
        network: takes (1, 3, S, S).
        size: side S of its picture, pixels.
    """
    parameter = next(network.parameters())
    picture = torch.zeros((1, 3, size, size), device=parameter.device)
    seconds = _seconds(network, picture)
    if seconds < _SLOW:  # the first run of a small one is mostly preparation
        seconds = min(_seconds(network, picture) for _ in range(3))
    million = sum(each.numel() for each in network.parameters()) / 1e6
    return (
        f"{name}: {1 / seconds:.2g} frames a second on this machine ({parameter.device.type.upper()}, PyTorch, "
        f"{size}x{size}, {million:.1f} million parameters)"
    )


@torch.inference_mode()
def _seconds(network: nn.Module, picture: torch.Tensor) -> float:
    began = time.perf_counter()
    network(picture)
    if picture.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began
