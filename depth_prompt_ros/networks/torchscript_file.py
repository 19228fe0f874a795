"""The tensors of a TorchScript archive, read without running any of the code that is in it."""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch
from torch import Tensor

_STORAGES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


def is_torchscript(path: Path) -> bool:
    """Whether the file is an archive that ``torch.jit.save`` wrote."""
    if not is_zipfile(path):
        return False
    with ZipFile(path) as archive:
        return any(name.count("/") == 1 and name.endswith("/constants.pkl") for name in archive.namelist())


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """Every tensor of the module and of those in it, by name; what ``state_dict`` gives, and tensors it leaves out.

    Modules become objects without any method, and nothing else is made than tensors, lists and dictionaries.

    Raises:
        pickle.UnpicklingError: something else is in it.
        Exception: whatever zipfile, pickle and PyTorch meet in damaged data.
    """
    with ZipFile(path) as archive:
        root = next(name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl"))
        with archive.open(root) as file:
            module = _Reader(file, archive, root.removesuffix(".pkl")).load()
    return dict(_tensors(module, ""))


class _Module:
    """A module of the archive: its attributes, and nothing that runs."""


class _Reader(pickle.Unpickler):
    def __init__(self, file: Any, archive: ZipFile, folder: str) -> None:
        super().__init__(file, encoding="utf-8")
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a class or function of the archive."""
        if module == "__torch__" or module.startswith("__torch__."):
            return _Module
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilt
        if module == "torch.jit._pickle":  # lists and dictionaries of one type
            return _unchanged
        raise pickle.UnpicklingError(f"Unsupported global {module}.{name}")

    def persistent_load(self, pid: Any) -> Tensor:
        """(n,) values of a storage; where they were stored from does not matter."""
        _, kind, key, _, count = pid
        info = self._archive.getinfo(f"{self._folder}/{key}")
        if info.file_size != count * kind.itemsize:
            raise pickle.UnpicklingError(f"{info.filename} has {info.file_size} bytes, not those of {count} values")
        if not count:
            return torch.empty(0, dtype=kind)
        return torch.frombuffer(bytearray(self._archive.read(info)), dtype=kind)


def _rebuilt(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    if math.prod(size) > len(storage):
        raise pickle.UnpicklingError(f"{size} values are not in a storage of {len(storage)}")
    return storage.as_strided(size, stride, offset)


def _unchanged(value: Any, *_: object) -> Any:
    return value


def _tensors(module: object, prefix: str) -> Iterator[tuple[str, Tensor]]:
    for name, value in vars(module).items():
        if isinstance(value, Tensor):
            yield prefix + name, value
        elif isinstance(value, _Module):
            yield from _tensors(value, f"{prefix}{name}.")
