"""A camera as people have it, numbers, a matrix, a file or a camera_info, made into camera_info of one or two eyes."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from depth_prompt_ros.api.camera_file import read_camera
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import WrongType, WrongValue

logger = logging.getLogger(__name__)

_WIDEST_BASELINE = 10.0
"""Metres; a longer one is in millimetres."""
_NUMBERS = ("fx", "fy", "cx", "cy")
_KNOWN = (*_NUMBERS, "baseline", "cx_offset", "K", "width", "height")
_OTHERS = {"ppx": "cx", "ppy": "cy"}
_WANTED = (
    "the path of a camera file, {'fx': ..., 'fy': ..., 'cx': ..., 'cy': ...} in pixels, a 3x3 matrix, a CameraInfo or "
    "a CameraModel"
)


def camera_infos(
    camera: Any, right_camera: Any, baseline: float | None, size: tuple[int, int], pair: bool
) -> tuple[Any, Any | None]:
    """The left camera's camera_info, and of a pair the right one's.

    Args:
        camera: see :meth:`depth_prompt_ros.api.object_depth.ObjectDepth.__call__`; with ``right_camera`` the left one.
        right_camera: the right one's, or None: the baseline says it.
        baseline: metres between the eyes, where ``camera`` does not say it.
        size: of the picture, width and height, for cameras that do not say theirs.
        pair: there is a right picture.

    Raises:
        WrongType, WrongValue: what is given is no camera, or of a pair nothing says how far apart its eyes are.
    """
    if pair and right_camera is None and baseline is not None:
        baseline = _checked_baseline(baseline)
    left, second = _info(camera, "camera", size)
    _check_size(left, "camera", size)
    if not pair:
        return left, None
    if right_camera is not None:
        right = _info(right_camera, "right_camera", size)[0]
        _check_size(right, "right_camera", size)
        return left, right
    if baseline is not None:
        return left, _right_of(left, baseline, _offset(left, second))
    if second is None or not _p(second)[0, 3] - _p(left)[0, 3]:
        raise WrongValue("a pair needs the distance between its cameras: give baseline in metres, or right_camera")
    return left, second


def _offset(left: Any, right: Any | None) -> float:
    """``cx`` of the right camera minus that of the left one, pixels, where a right one is said."""
    return 0.0 if right is None else float(_p(right)[0, 2] - _p(left)[0, 2])


def _info(given: Any, what: str, size: tuple[int, int]) -> tuple[Any, Any | None]:
    """The camera_info of a camera, and of its right-hand neighbour where it is said."""
    if isinstance(given, (str, os.PathLike)):
        given = read_camera(Path(given))
    if isinstance(given, CameraModel):
        numbers = {name: getattr(given, name) for name in (*_NUMBERS, "width", "height", "baseline", "cx_offset")}
        return _of_numbers({name: value for name, value in numbers.items() if name in _NUMBERS or value}, what, size)
    if isinstance(given, Mapping):
        return _of_numbers(dict(given), what, size)
    if isinstance(given, (np.ndarray, list, tuple)):
        return _of_numbers({"K": given}, what, size)
    if any(hasattr(given, name) for name in "kK"):
        right = getattr(given, "right", None)
        return _with_size(given, size), None if right is None else _with_size(right, size)
    raise WrongType(f"{what} is {type(given).__name__}, expected {_WANTED}")


def _in_our_words(given: dict[str, Any], what: str) -> dict[str, Any]:
    """The names of RealSense's intrinsics (ppx, ppy, model, coeffs) and of Open3D's (intrinsic_matrix, by columns)."""
    found = {_OTHERS.get(name, name): value for name, value in given.items() if name not in ("model", "coeffs")}
    try:
        if np.any(np.asarray(given.get("coeffs", 0), np.float64)):
            raise WrongValue(
                f"{what} has lens distortion in coeffs: rectify the pictures, or give a camera_info and raw ones"
            )
        if "intrinsic_matrix" in found:
            found["K"] = np.asarray(found.pop("intrinsic_matrix"), np.float64).reshape(3, 3, order="F")
    except (TypeError, ValueError) as error:
        if isinstance(error, WrongValue):
            raise
        raise WrongType(f"{what} holds what is no number or no 3x3 matrix: {error}") from error
    return found


def _of_numbers(given: dict[str, Any], what: str, size: tuple[int, int]) -> tuple[Any, Any | None]:
    given = _in_our_words(given, what)
    if unknown := [str(name) for name in given if name not in _KNOWN]:
        raise WrongValue(f"{what} says {', '.join(unknown)}, which is none of {', '.join(_KNOWN)}")
    try:
        if "K" in given:
            K = np.asarray(given["K"], np.float64).reshape(3, 3)
            given = {"fx": K[0, 0], "fy": K[1, 1], "cx": K[0, 2], "cy": K[1, 2]} | given
        values = {name: float(given[name]) for name in given if name != "K"}
    except (TypeError, ValueError) as error:
        raise WrongType(f"{what} holds what is no number or no 3x3 matrix: {error}") from error
    if "K" in given and tuple(K[2]) != (0, 0, 1):
        hint = ": it is transposed, .T turns it" if tuple(K[:, 2]) == (0, 0, 1) else ""
        row = " ".join(f"{number:g}" for number in K[2])
        raise WrongValue(f"{what} has a 3x3 matrix with {row} in its last row, expected 0 0 1{hint}")
    if missing := [name for name in _NUMBERS if name not in values]:
        raise WrongValue(f"{what} does not say {', '.join(missing)}: focal lengths and principal point are in pixels")
    K = np.array([[values["fx"], 0, values["cx"]], [0, values["fy"], values["cy"]], [0, 0, 1]])
    width, height = int(values.get("width") or size[0]), int(values.get("height") or size[1])
    info = SimpleNamespace(
        width=width, height=height, distortion_model="plumb_bob", d=np.zeros(5), k=K.reshape(-1),
        r=np.eye(3).reshape(-1), p=np.hstack([K, np.zeros((3, 1))]).reshape(-1),
    )  # fmt: skip
    offset = values.get("cx_offset", 0.0)
    if "baseline" in values:
        return info, _right_of(info, _checked_baseline(values["baseline"]), offset)
    return info, _right_of(info, 0.0, offset) if offset else None


def _checked_baseline(baseline: Any) -> float:
    if not isinstance(baseline, (int, float)):
        raise WrongType(f"baseline is {type(baseline).__name__}, expected metres")
    if not 0 < baseline <= _WIDEST_BASELINE:
        hint = ": it is in metres, not millimetres" if baseline > _WIDEST_BASELINE else ""
        raise WrongValue(f"baseline is {baseline:g}, expected more than 0 and at most {_WIDEST_BASELINE:g}{hint}")
    return float(baseline)


def _right_of(info: Any, baseline: float, offset: float = 0.0) -> Any:
    """The right camera's camera_info: ``P[0, 3] = -fx * baseline`` more than the left's (sensor_msgs/CameraInfo)."""
    p = _p(info)
    p[0, 2] += offset
    p[0, 3] -= p[0, 0] * baseline
    return SimpleNamespace(
        width=info.width, height=info.height, distortion_model="", d=np.zeros(0), k=p[:, :3].reshape(-1),
        r=np.eye(3).reshape(-1), p=p.reshape(-1),
    )  # fmt: skip


def _p(info: Any) -> np.ndarray:
    """(3, 4) projection matrix of a camera_info, from its K where it has none; a copy."""
    p = np.array(getattr(info, "p", getattr(info, "P", np.zeros(12))), np.float64).reshape(3, 4)
    if not p[:, :3].any():
        p[:, :3] = np.array(getattr(info, "k", getattr(info, "K", None)), np.float64).reshape(3, 3)
    return p


def _with_size(info: Any, size: tuple[int, int]) -> Any:
    if info.width and info.height:
        return info
    content = vars(info) if hasattr(info, "__dict__") else {name: getattr(info, name) for name in info.__slots__}
    return SimpleNamespace(**{**content, "width": size[0], "height": size[1]})


def _check_size(info: Any, what: str, size: tuple[int, int]) -> None:
    said = (int(info.width), int(info.height))
    roi = getattr(info, "roi", None)
    windowed = roi is not None and (roi.width or roi.height or roi.x_offset or roi.y_offset)
    binned = max(getattr(info, "binning_x", 0), getattr(info, "binning_y", 0)) > 1
    if said != size and not windowed and not binned:
        raise WrongValue(
            f"{what} is calibrated for {said[0]}x{said[1]} but the picture is {size[0]}x{size[1]}: give pictures of "
            "the calibrated size"
        )
