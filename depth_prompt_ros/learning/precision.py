"""Bfloat16 where it is faster: on GPUs, and on processors that multiply it."""

from __future__ import annotations

import torch


def in_bfloat16(device: torch.device, wanted: bool) -> torch.autocast:
    """A context in which networks run in bfloat16, if that is ``wanted`` and the device has it; else in float32.

    A processor without it is not refused by PyTorch: it takes hundreds of times as long.
    """
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted and has_bfloat16(device))


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 itself."""
    if device.type != "cpu":
        return True
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 (PyTorch has no other name for it)
