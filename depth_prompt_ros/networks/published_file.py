"""Files of weights as people have them, safetensors, TFLite, checkpoints of PyTorch, TorchScript, folders of one."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.networks.depth.tflite_file import read_tflite
from depth_prompt_ros.networks.torchscript_file import is_torchscript, read_torchscript

WRAPPINGS = ("state_dict", "model_state_dict", "model", "depth_model")
"""Under which of its keys a checkpoint may keep the network's tensors."""

USUAL_NAMES = ("model.safetensors", "pytorch_model.bin")
SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".tflite")


def weights_file(source: Path, name: str, published: tuple[str, ...] = ()) -> Path:
    """``source`` itself, or the file of that folder that holds the weights.

    Args:
        source: a file, or a folder such as a model repository.
        name: of the network, for messages to people.
        published: names of files that are taken first.

    Raises:
        BadModel: there is none, or it does not say which.
    """
    if source.is_file():
        return source
    if not source.is_dir():
        raise BadModel(f"there is no file or folder {source}")
    for each in (*published, *USUAL_NAMES):
        if (source / each).is_file():
            return source / each
    found = sorted(path for path in source.iterdir() if path.suffix in SUFFIXES)
    if len(found) != 1:
        listed = ", ".join(path.name for path in found) or "none"
        raise BadModel(f"which file of {source} are the weights of {name}? There are: {listed}")
    return found[0]


def read_file(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file and its metadata, if it has any; never runs code that it may hold.

    Raises:
        BadModel: corrupt or truncated, code inside, or no tensors.
    """
    if path.suffix == ".safetensors":
        return read_weights(path)
    if path.suffix == ".tflite":
        return read_tflite(path), {}
    return _read_checkpoint(path), {}


def read_config(path: Path) -> dict[str, Any]:
    """The ``config.json`` of a model repository.

    Raises:
        BadModel: it cannot be read or is no configuration.
    """
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise BadModel(f"cannot read {path}: {error}") from error
    if not isinstance(config, dict):
        raise BadModel(f"{path} is not a network's configuration")
    return config


def _read_checkpoint(path: Path) -> dict[str, Tensor]:
    try:
        if is_torchscript(path):
            content: Any = read_torchscript(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever pickle, zipfile and PyTorch meet in damaged data
        if isinstance(error, pickle.UnpicklingError) and re.search("[Uu]nsupported (global|GLOBAL|class)", str(error)):
            raise BadModel(
                f"{path} holds more than tensors, and reading it could run code: refused; "
                "save its state_dict as safetensors where you trust it"
            ) from error
        raise BadModel(
            f"cannot read weights {path} ({type(error).__name__}): it is damaged, not all there or no checkpoint of "
            "PyTorch; fetch it again"
        ) from error
    for key in WRAPPINGS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    named = content.items() if isinstance(content, Mapping) else ()
    tensors = {key: value for key, value in named if isinstance(value, Tensor)}
    if not tensors:
        raise BadModel(f"{path} holds no tensors by name: it is not a network's weights")
    return tensors
