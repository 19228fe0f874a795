"""Picture files of data sets and of users: read in one way, refused in the same words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput

_JPEG, _END_OF_JPEG, _TAIL = b"\xff\xd8", b"\xff\xd9", 1024


def read_unchanged(path: Path, what: str = "picture", flags: int = cv2.IMREAD_UNCHANGED) -> NDArray[Any]:
    """(H, W) or (H, W, channels, BGR) in the file's own type.

    Args:
        what: it is called in messages to people.
        flags: of ``cv2.imread``.

    Raises:
        BadInput: missing, truncated or no picture that OpenCV reads.
    """
    try:
        found = cv2.imread(str(path), flags) if path.is_file() else None
    except cv2.error:  # more pixels than it takes
        found = None
    if found is None or _torn_jpeg(path):
        raise BadInput(f"cannot read {what} {path}: it is missing or damaged, or no picture")
    return np.asarray(found)


def read_picture(path: Path, as_stored: bool = False) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB.

    Args:
        as_stored: not turned as the file's EXIF says; a calibration is of the stored pixels.

    Raises:
        BadInput: missing, truncated or no picture.
    """
    flags = cv2.IMREAD_COLOR | (cv2.IMREAD_IGNORE_ORIENTATION if as_stored else 0)
    return np.ascontiguousarray(read_unchanged(path, "picture", flags)[..., ::-1], np.uint8)


def read_png16(path: Path, what: str = "depth") -> NDArray[np.uint16]:
    """(H, W) uint16 counts of a picture with depth, disparity or labels.

    Raises:
        BadInput: missing, damaged, or no 16-bit picture of one channel.
    """
    content = read_unchanged(path, what)
    if content.dtype != np.uint16 or content.ndim != 2:
        raise BadInput(f"cannot read {what} {path}: it is no 16-bit picture of one channel")
    return content


def read_mask(path: Path, level: int = 128) -> NDArray[np.bool_]:
    """(H, W) bool, true where one of the picture's channels is at least ``level``.

    Raises:
        BadInput: missing, truncated or no picture.
    """
    return np.asarray(read_picture(path).max(-1) >= level)


def _torn_jpeg(path: Path) -> bool:
    """Whether a JPEG's end is missing: OpenCV fills such pictures with grey."""
    with path.open("rb") as file:
        if file.read(len(_JPEG)) != _JPEG:
            return False
        file.seek(max(0, path.stat().st_size - _TAIL), os.SEEK_SET)
        return _END_OF_JPEG not in file.read()
