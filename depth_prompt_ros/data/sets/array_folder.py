"""A folder of NumPy arrays with a note of what they were made of: written aside, renamed, memory-mapped after."""

from __future__ import annotations

import json
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.written_aside import folder_aside

if TYPE_CHECKING:
    from typing_extensions import Self

_NOTE = "set.json"

Shapes = Mapping[str, tuple[tuple[int, ...], Any]]
"""Shape and type of each array by name."""


def open_arrays(folder: Path, expected: Callable[[NDArray[Any]], Shapes], mode: Literal["r", "r+"]) -> dict[str, Any]:
    """The arrays of ``folder`` by name, memory-mapped.

    Args:
        expected: from the array ``NAME``.npy that comes first among them to what all of them must be; called first with
            an empty array for the names.

    Raises:
        BadInput: the folder is not such a set, or it is damaged.
    """
    names = list(expected(np.empty((0, 0, 0, 0))))
    try:
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode=mode) for name in names}
    except FileNotFoundError as error:
        raise BadInput(f"{folder} is no picture set: it has no {Path(error.filename).name}") from error
    except (OSError, ValueError) as error:
        raise BadInput(f"{folder} is a damaged picture set ({error}): delete it and make it again") from error
    first = arrays[names[0]]
    shapes = expected(first if first.ndim == 4 else np.empty((0, 0, 0, 0)))
    for name, array in arrays.items():
        shape, dtype = shapes[name]
        if array.shape != shape or array.dtype != dtype:
            raise BadInput(
                f"{folder / name}.npy is {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}: "
                "delete the set and make it again"
            )
    return arrays


def made_before(folder: Path, settings: dict[str, Any]) -> bool:
    """Whether ``folder`` holds what these settings make.

    Raises:
        BadInput: it holds something else.
    """
    if not folder.exists():
        return False
    try:
        found = json.loads((folder / _NOTE).read_text())
    except (OSError, ValueError) as error:
        raise BadInput(f"{folder} is no picture set: give another folder") from error
    if found != settings:
        raise BadInput(f"{folder} holds a set made with {found}, not {settings}: give another folder")
    return True


def settings_of(folder: Path) -> dict[str, Any]:
    """What a set was made of, as its note says; empty where there is none."""
    try:
        found = json.loads((folder / _NOTE).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _make_arrays(folder: Path, settings: dict[str, Any], shapes: Shapes, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write into empty arrays."""

    def reserve_and_fill(aside: Path) -> None:
        for name, (shape, dtype) in shapes.items():
            _reserve(aside / f"{name}.npy", shape, dtype)
        fill(aside)

    make_folder(folder, settings, reserve_and_fill)


def make_folder(folder: Path, settings: dict[str, Any], fill: Callable[[Path], object]) -> None:
    """Let ``fill`` write into a folder aside, which then gets its note and is renamed to ``folder``.

    Raises:
        BadInput: it cannot be written; nothing is left behind.
    """
    try:
        with folder_aside(folder) as aside:
            fill(aside)
            (aside / _NOTE).write_text(json.dumps(settings))
            aside.rename(folder)
    except OSError as error:
        raise BadInput(f"cannot write the picture set {folder} ({error.strerror or error})") from error


def _reserve(path: Path, shape: tuple[int, ...], dtype: Any) -> None:
    """Make an array's file with all of its space, since a memory-mapped one that runs out of it ends the process.

    Raises:
        OSError: there is not that much room.
    """
    try:
        np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape).flush()
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        needed = np.prod(shape, dtype=np.int64) * np.dtype(dtype).itemsize
        free = shutil.disk_usage(path.parent).free
        raise OSError(
            error.errno, f"{error.strerror}: {path.name} needs {needed / 2**20:.1f} MiB, {free / 2**20:.1f} are free"
        ) from error


class ArraySet(ABC):
    """A set of samples in a folder of arrays; a dataclass with one field an array."""

    @classmethod
    @abstractmethod
    def arrays(cls, count: int, size: tuple[int, ...]) -> Shapes:
        """Shape and type of each array of ``count`` samples of (height, width) pixels, by name."""

    @classmethod
    def open(cls, folder: Path, mode: Literal["r", "r+"] = "r") -> Self:
        """The set in ``folder``, memory-mapped.

        Raises:
            BadInput: the folder is not such a set, or it is damaged.
        """
        return cls(**open_arrays(folder, lambda first: cls.arrays(first.shape[0], first.shape[1:3]), mode))

    @classmethod
    def open_or_make(
        cls,
        folder: Path,
        settings: dict[str, Any],
        count: int,
        size: tuple[int, int],
        fill: Callable[[Path], None],
    ) -> Self:
        """The set in ``folder``; where there is none, it is made in a folder aside, which is then renamed.

        Args:
            settings: what the set is made of, kept in its note; a set made of anything else is refused.
            size: height and width, pixels.
            fill: gets the folder aside with empty arrays, opens it with mode "r+" and writes every sample, in any
                number of processes.

        Raises:
            BadInput: the folder holds a set made with other settings, or a damaged one, or it cannot be written.
        """
        if not made_before(folder, settings):
            _make_arrays(folder, settings, cls.arrays(count, size), fill)
        return cls.open(folder)
