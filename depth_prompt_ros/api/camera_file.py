"""Camera files: ROS camera_info as camera_calibration and ``ros2 topic echo`` write it, OpenCV's storage, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import WrongValue
from depth_prompt_ros.yaml_file import read_yaml

_LENGTHS = {"k": 9, "r": 9, "p": 12}
_ROS = {
    "image_width": "width", "image_height": "height", "camera_matrix": "k", "rectification_matrix": "r",
    "projection_matrix": "p", "distortion_coefficients": "d",
}  # fmt: skip
"""Names in camera_calibration_parsers' YAML, and the fields of sensor_msgs/CameraInfo that they are."""
_OPENCV = {
    "k": ("camera_matrix", "cameraMatrix", "Camera_Matrix", "K", "M1", "K1", "cameraMatrix1"),
    "d": ("distortion_coefficients", "distCoeffs", "Distortion_Coefficients", "D", "D1", "distCoeffs1"),
    "r": ("R1", "rectification_matrix"),
    "p": ("P1", "P", "projection_matrix"),
}
"""Names that OpenCV's samples and documentation use."""
_OPENCV_RIGHT = {
    "k": ("M2", "K2", "cameraMatrix2"), "d": ("D2", "distCoeffs2"), "r": ("R2",), "p": ("P2",),
}  # fmt: skip
_EXPECTED = (
    "expected a camera_info (image_width, camera_matrix, ... or width, k, p, ...), OpenCV's (camera_matrix or K) or "
    "the numbers fx, fy, cx, cy"
)


def read_camera(path: Path) -> Any:
    """What a camera file says: a camera_info, or a mapping of numbers as :func:`.cameras.camera_infos` takes them.

    A camera_info of OpenCV's stereo calibration (P1 and P2) has that of the right camera as ``right``; a size that the
    file does not say is 0.

    Raises:
        WrongValue: no such file, or none of these formats.
    """
    if not path.is_file():
        raise WrongValue(f"there is no camera file {path}")
    head = path.read_bytes()[:4096]
    if head.startswith((b"%YAML:1", b"<?xml")) or b"opencv-matrix" in head or b"opencv_storage" in head:
        return _of_opencv(path)
    try:
        content = read_yaml(path, "the camera")
    except Exception as error:
        raise WrongValue(str(error)) from error
    if not isinstance(content, Mapping):
        raise WrongValue(f"{path} is no camera: {_EXPECTED}")
    if {"fx", "fy"} <= content.keys() or "intrinsic_matrix" in content:
        return content
    return _of_ros(content, path)


def _of_ros(content: Mapping[str, Any], path: Path) -> Any:
    found: dict[str, Any] = {_ROS.get(name, str(name).lower()): value for name, value in content.items()}
    for name in ("k", "r", "p", "d"):
        if isinstance(found.get(name), Mapping):
            found[name] = found[name].get("data")
    if found.get("k") is None:
        raise WrongValue(f"{path} is no camera: {_EXPECTED}")
    try:
        arrays = {name: np.array(found[name], np.float64).reshape(-1) for name in "krpd" if found.get(name) is not None}
        size = (int(found.get("width") or 0), int(found.get("height") or 0))
        roi = SimpleNamespace(
            **{
                name: int((found.get("roi") or {}).get(name) or 0)
                for name in ("x_offset", "y_offset", "width", "height")
            }
        )
        binning = {name: int(found.get(name) or 0) for name in ("binning_x", "binning_y")}
    except (TypeError, ValueError, AttributeError) as error:
        raise WrongValue(f"{path} holds what is no number: {error}") from error
    return _info(path, size, arrays, str(found.get("distortion_model") or ""), roi=roi, **binning)


def _of_opencv(path: Path) -> Any:
    try:
        storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
        matrices = {name: _matrices(storage, names) for name, names in _OPENCV.items()}
        others = {name: _matrices(storage, names) for name, names in _OPENCV_RIGHT.items()}
        size = (_number(storage, "image_width", "imageWidth"), _number(storage, "image_height", "imageHeight"))
        storage.release()
    except (cv2.error, SystemError) as error:  # OpenCV's constructor fails with the second
        raise WrongValue(f"cannot read {path}: it is damaged, or no storage of OpenCV's") from error
    left = {name: found for name, found in matrices.items() if found is not None}
    right = {name: found for name, found in others.items() if found is not None}
    for eye in (left, right):
        if "k" not in eye and "p" in eye:
            eye["k"] = eye["p"].reshape(3, -1)[:, :3].reshape(-1)
    if "k" not in left:
        raise WrongValue(f"{path} is no camera: {_EXPECTED}")
    info = _info(path, size, left)
    info.right = _info(path, size, right) if "p" in right else None
    return info


def _info(path: Path, size: tuple[int, int], arrays: dict[str, NDArray[Any]], model: str = "", **more: Any) -> Any:
    for name, length in _LENGTHS.items():
        if name in arrays and arrays[name].size != length:
            raise WrongValue(f"{path} has {arrays[name].size} numbers in {name.upper()}, expected {length}")
    fields = {name: np.zeros(length) for name, length in _LENGTHS.items()} | {"d": np.zeros(0)} | arrays
    return SimpleNamespace(width=size[0], height=size[1], distortion_model=model, **fields, **more)


def _matrices(storage: Any, names: tuple[str, ...]) -> NDArray[Any] | None:
    for name in names:
        node = storage.getNode(name)
        if not node.empty() and (matrix := node.mat()) is not None:
            return np.asarray(matrix, np.float64).reshape(-1)
    return None


def _number(storage: Any, *names: str) -> int:
    found = (storage.getNode(name) for name in names)
    return next((int(node.real()) for node in found if not node.empty()), 0)
