"""Safetensors files: tensors with their metadata."""

from __future__ import annotations

from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from depth_prompt_ros.errors import BadModel, in_one_line
from depth_prompt_ros.resources import named_file


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file; ``models/X``: a shipped one.

    Raises:
        BadModel: no such file, or it cannot be read.
    """
    path = named_file(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except FileNotFoundError as error:
        raise BadModel(f"no weights at {path}: learn them or give another file") from error
    except Exception as error:  # SafetensorError, and what Python and PyTorch raise in damaged data
        raise BadModel(f"cannot read weights {path} ({in_one_line(error)}): fetch or learn it again") from error
