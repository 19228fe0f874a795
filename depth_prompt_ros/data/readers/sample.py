"""What a reader gives: one picture of one object with its truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput

Square = Literal["object", "middle", "padded"]

FAR = 65000.0
"""Blender writes about 65504 (the largest half) where nothing was hit."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture with its truth.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        depth: (H, W) float32 metres along the optical axis, NaN = unknown.
        mask: (H, W) bool, the object.
        intrinsics: (4,) fx, fy, cx, cy in pixels.
        normals: (H, W, 3) float32 of length 1, x right, y down, z forward, towards the camera, 0 = unknown; None where
            nothing but the depth says what they are.
        square: which square of the picture is taken: around the object, the middle, or all of it with nothing added at
            the short sides.
    """

    image: NDArray[np.uint8]
    depth: NDArray[np.float32]
    mask: NDArray[np.bool_]
    intrinsics: NDArray[np.float64]
    normals: NDArray[np.float32] | None = None
    square: Square = "object"


S = TypeVar("S")


@dataclass(frozen=True)
class Layout(Generic[S]):
    """A data set as it was published.

    Attributes:
        name: on the command line.
        expects: what the folder must hold, for the error message.
        samples: the samples' own paths, sorted; empty where the folder is not of this layout.
        read: one sample; raises BadInput where it cannot be used.
        split_of: of a folder, which samples are of which part of the published split; None: none was published.
    """

    name: str
    expects: str
    samples: Callable[[Path], list[Path]]
    read: Callable[[Path], S]
    split_of: Callable[[Path], Callable[[Path], str]] | None = field(default=None, kw_only=True)


def read_matrix(values: Any, where: Path) -> NDArray[np.float64]:
    """(4,) fx, fy, cx, cy of a 3x3 matrix given in any shape.

    Raises:
        BadInput: not nine numbers, or no focal length.
    """
    try:
        matrix = np.asarray(values, np.float64).reshape(3, 3)
    except (TypeError, ValueError) as error:
        raise BadInput(f"the camera matrix in {where} is not 3x3") from error
    intrinsics = matrix[[0, 1, 0, 1], [0, 1, 2, 2]]
    if not np.isfinite(intrinsics).all() or min(intrinsics[:2]) <= 0:
        raise BadInput(f"the camera matrix in {where} has no focal length")
    return intrinsics


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        BadInput: missing, no JSON, or no object.
    """
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise BadInput(f"there is no camera file {path}") from error
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read {path}: {error}") from error
    if not isinstance(found, dict):
        raise BadInput(f"cannot read {path}: it holds no object with names")
    return found


def read_arrays(path: Path, names: tuple[str, ...]) -> list[NDArray[Any]]:
    """Arrays of an .npz file; nothing in it is unpickled.

    Raises:
        BadInput: missing, damaged, or an array is not there.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = [stored[name] for name in names]
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {path}") from error
    except KeyError as error:
        raise BadInput(f"{path} has no array {error}: it needs {', '.join(names)}") from error
    except Exception as error:  # a damaged archive raises many kinds
        raise BadInput(f"cannot read {path}: it is damaged") from error
    for name, array in zip(names, found, strict=True):
        if array.dtype.kind not in "biuf" or not array.ndim:
            raise BadInput(f"array {name} of {path} is {array.dtype} {array.shape}, expected an array of numbers")
    return found


def read_array_if_there(path: Path, name: str) -> NDArray[Any] | None:
    """One array of an .npz file, None where it has none of that name.

    Raises:
        BadInput: as :func:`read_arrays`.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            there = name in stored.files
    except Exception as error:  # a damaged archive raises many kinds
        raise BadInput(f"cannot read {path}: it is damaged") from error
    return read_arrays(path, (name,))[0] if there else None
