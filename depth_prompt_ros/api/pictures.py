"""Pictures, depth and masks as people have them, arrays, PIL pictures or files, checked and made into arrays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.picture_file import read_picture, read_unchanged
from depth_prompt_ros.errors import BadInput, WrongType, WrongValue

_FARTHEST = 100.0
"""Metres: a depth image of a table whose median is beyond this is in millimetres."""


def as_picture(given: Any, what: str, bgr: bool = False) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB.

    Args:
        given: (H, W) grey or (H, W, 3) RGB uint8 array, a PIL picture, or the path of a file.
        what: it is called in messages to people.
        bgr: arrays have blue first, as OpenCV reads them; PIL pictures and files say themselves what they hold.

    Raises:
        WrongType: none of these, or an array of another type.
        WrongValue: another shape, or a file that cannot be read.
    """
    if _is_path(given):
        try:
            return read_picture(Path(given))
        except BadInput as error:
            raise WrongValue(f"{what}: {error}") from error
    if _is_pil(given):
        if given.mode.startswith(("I", "F")):
            raise WrongType(f"{what} is a PIL picture of mode {given.mode}, which holds no 8-bit colours: convert it")
        return np.ascontiguousarray(given.convert("RGB"), np.uint8)
    array = _array(given, what, "a uint8 array, a PIL picture or a path")
    if array.dtype != np.uint8:
        hint = "multiply by 255 and .astype(np.uint8)" if array.dtype.kind == "f" else "scale it to 0..255"
        raise WrongType(f"{what} is an array of {array.dtype}, pictures are uint8: {hint}")
    if array.ndim == 2:
        return cv2.cvtColor(np.ascontiguousarray(array), cv2.COLOR_GRAY2RGB).astype(np.uint8, copy=False)
    if array.ndim != 3 or array.shape[2] != 3:
        raise WrongValue(
            f"{what} has shape {array.shape}, expected (height, width) or (height, width, 3){_turn(array)}"
        )
    return np.ascontiguousarray(array[..., ::-1] if bgr else array)


def as_depth(given: Any, unit: float, float_unit: float) -> NDArray[np.float32]:
    """(H, W) float32 metres, invalid = NaN.

    Args:
        given: (H, W) array of floats in metres or uint16 in ``unit``; a PIL picture of 16 bits; or the path of a
            16-bit PNG or TIFF, or of an ``.npy`` file.
        unit: metres of one count of uint16.
        float_unit: metres of 1.0.

    Raises:
        WrongType: none of these.
        WrongValue: another shape, no value that is valid, metres that are millimetres, or a file that cannot be read.
    """
    array = _array(_stored(given, "depth"), "depth", "an array, a PIL picture or a path")
    if array.ndim != 2:
        raise WrongValue(f"depth has shape {array.shape}, expected (height, width)")
    if array.dtype == np.uint16 or (array.dtype.kind in "iu" and array.dtype.itemsize > 1 and _in_16_bits(array)):
        depth = array.astype(np.float32) * np.float32(unit)
    elif array.dtype.kind == "f":
        depth = array.astype(np.float32) * np.float32(float_unit)
    else:
        raise WrongType(f"depth is an array of {array.dtype}: give floats in metres or uint16 in millimetres")
    depth[~(np.isfinite(depth) & (depth > 0))] = np.nan
    if not np.isfinite(depth).any():
        raise WrongValue("depth has no valid value: all are 0, negative or not finite")
    if (middle := float(np.nanmedian(depth))) > _FARTHEST:
        raise WrongValue(
            f"depth has a median of {middle:.0f} m, that is no table: if it is in millimetres divide by 1000 or give "
            "it as uint16"
        )
    return depth


def as_labels(given: Any, what: str) -> NDArray[np.uint16]:
    """(H, W) uint16, 0 = background.

    Args:
        given: (H, W) bool or integer array, a PIL picture, or the path of a PNG of one channel.
        what: it is called in messages to people.

    Raises:
        WrongType: none of these.
        WrongValue: another shape, a label beyond 16 bits, or a file that cannot be read.
    """
    array = _array(_stored(given, what), what, "an array of integers, a PIL picture or a path")
    if array.ndim != 2:
        raise WrongValue(
            f"{what} has shape {array.shape}, expected (height, width): one number a pixel, 0 = background"
        )
    if array.dtype.kind not in "biu":
        raise WrongType(f"{what} is an array of {array.dtype}, expected integers or bool")
    if not _in_16_bits(array):
        raise WrongValue(f"{what} has values from {array.min()} to {array.max()}, expected 0 to 65535")
    return array.astype(np.uint16)


def _stored(given: Any, what: str) -> Any:
    """The array in a file or a PIL picture; anything else as it is."""
    if _is_pil(given):
        return np.asarray(given)
    if not _is_path(given):
        return given
    path = Path(given)
    try:
        return np.load(path, allow_pickle=False) if path.suffix == ".npy" else read_unchanged(path)
    except BadInput as error:
        raise WrongValue(f"{what}: {error}") from error
    except (OSError, ValueError, EOFError) as error:
        raise WrongValue(f"{what}: cannot read {path}: {error}") from error


def _array(given: Any, what: str, wanted: str) -> NDArray[Any]:
    if isinstance(given, np.ndarray):
        if not given.size:
            raise WrongValue(f"{what} has shape {given.shape}: it is empty")
        return given
    hint = ": .cpu().numpy() makes an array of a tensor" if hasattr(given, "numpy") else ""
    raise WrongType(f"{what} is {type(given).__name__}, expected {wanted}{hint}")


def _in_16_bits(array: NDArray[Any]) -> bool:
    return array.dtype == np.bool_ or bool(array.min() >= 0 and array.max() <= 65535)


def _turn(array: NDArray[Any]) -> str:
    if array.ndim == 3 and array.shape[0] in (1, 3):
        return ": its channels come first, .transpose(1, 2, 0) puts them last"
    if array.ndim == 3 and array.shape[2] == 4:
        return ": [..., :3] leaves its transparency out"
    return ""


def _is_path(given: Any) -> bool:
    return isinstance(given, (str, os.PathLike))


def _is_pil(given: Any) -> bool:
    return hasattr(given, "mode") and hasattr(given, "convert") and hasattr(given, "getbands")
