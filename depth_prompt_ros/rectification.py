"""Raw pictures rectified as image_proc does it, with OpenCV's maps, which are made once for each calibration."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera_info import Calibration, read_calibration
from depth_prompt_ros.errors import BadFrame

FISHEYE = "equidistant"
_POLYNOMIAL = ("", "plumb_bob", "rational_polynomial")
_LENGTHS = {FISHEYE: (4,)}
"""Of D by model."""
_OPENCV_LENGTHS = (4, 5, 8, 12, 14)
"""Of the others, by OpenCV; sensor_msgs/distortion_models.hpp has 5 and 8."""
_CALIBRATIONS = 8
_SAME = 1e-6
_NAMED_RECTIFIED = re.compile(r"(?:^|[/_])(?:rect|rectified|undistorted)(?:[/_]|$)", re.IGNORECASE)

_OUTLINE = 9
"""Points along each side of a box: a lens bends it."""

Box = tuple[float, float, float, float]
Maps = tuple[NDArray[Any], NDArray[Any]]


def said_rectified(rectified: str, topic: str) -> bool:
    """Whether a topic's pictures are taken as rectified, whatever D and R of their camera_info say.

    Args:
        rectified: the parameter, ``auto``, ``true`` or ``false``.
        topic: name of the images. image_pipeline's rule decides for ``auto``: ``image_rect``, ``image_rect_color`` and
            ``rect/image`` are rectified, ``image_raw``, ``image_mono``, ``image_color`` and any other name are not.
    """
    return bool(_NAMED_RECTIFIED.search(topic)) if rectified == "auto" else rectified == "true"


def is_raw(calibration: Calibration, pair: bool) -> bool:
    """Whether a picture that is not rectified has to be: lines are bent or, in a pair, rows do not match.

    Args:
        calibration: of its camera.
        pair: it is one of a stereo pair, whose P is the geometry of both; a single picture without distortion is as
            good with its own K.
    """
    own = np.allclose(calibration.matrix, calibration.projection[:, :3], rtol=_SAME)
    return calibration.distorted or calibration.turned or (pair and not own)


def rectify(picture: NDArray[Any], info: Any, side: str, pair: bool, nearest: bool = False) -> NDArray[Any]:
    """The picture as a pinhole camera with the matrix P sees it; the same array where nothing is to be done.

    Args:
        picture: (H, W) or (H, W, 3), raw.
        info: its ``sensor_msgs/CameraInfo``; without P, K is the pinhole camera's matrix.
        side: ``left``, ``right`` or ``depth``, for messages to people.
        pair: it is one of a stereo pair.
        nearest: no means of neighbours, as labels and depth need it. Depth then also becomes that along the rectified
            camera's axis, and is NaN where the raw picture ends; labels are 0 there.

    Raises:
        BadFrame: a distortion model that is not known, or D of another length than it has.
    """
    calibration = read_calibration(info, side)
    if not is_raw(calibration, pair):
        return picture
    _check_model(calibration, side)
    maps = _maps(
        (calibration.width, calibration.height), calibration.model, calibration.matrix.tobytes(),
        calibration.distortion.tobytes(), calibration.rotation.tobytes(), calibration.projection.tobytes(),
    )  # fmt: skip
    depth = picture.dtype == np.float32
    rectified = cv2.remap(
        picture, *maps, cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
        borderValue=float("nan") if depth else 0,
    )  # fmt: skip
    return _along_new_axis(rectified, calibration) if depth and calibration.turned else rectified


def rectify_box(box: Box, info: Any, side: str, pair: bool) -> Box:
    """The upright box around what a box of the raw picture is in the rectified one; empty where that is nowhere.

    Args:
        box: x, y, width and height in pixels.
        info, side, pair: as of :func:`rectify`.

    Raises:
        BadFrame: as :func:`rectify`.
    """
    calibration = read_calibration(info, side)
    if not is_raw(calibration, pair):
        return box
    _check_model(calibration, side)
    along = np.linspace(0, 1, _OUTLINE)
    ends = np.concatenate([np.stack([along, np.full(_OUTLINE, end)], 1) for end in (0.0, 1.0)])
    outline = np.concatenate([ends, ends[:, ::-1]]) * box[2:] + box[:2]
    find = cv2.fisheye.undistortPoints if calibration.model == FISHEYE else cv2.undistortPoints
    seen = find(
        outline[None], calibration.matrix, calibration.distortion, R=calibration.rotation,
        P=calibration.projection[:, :3],
    ).reshape(-1, 2)  # fmt: skip
    if not np.isfinite(seen).all():
        return 0.0, 0.0, 0.0, 0.0
    (left, top), (right, bottom) = seen.min(0), seen.max(0)
    return float(left), float(top), float(right - left), float(bottom - top)


def _along_new_axis(depth: NDArray[np.float32], calibration: Calibration) -> NDArray[np.float32]:
    """Depth along the rectified camera's axis: a raw one lies on the ray r of P at ``z / (R^T r)_z``."""
    (fx, _, cx, _), (_, fy, cy, _), _ = calibration.projection
    x = (np.arange(calibration.width) - cx) / fx
    y = (np.arange(calibration.height) - cy) / fy
    along_x, along_y, along_z = calibration.rotation[:, 2]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        moved = depth / (x * along_x + (y * along_y + along_z)[:, None]).astype(np.float32)
    return np.where(moved > 0, moved, np.float32(np.nan))


def _check_model(calibration: Calibration, side: str) -> None:
    model, count = calibration.model, calibration.distortion.size
    if model not in (*_POLYNOMIAL, FISHEYE):
        raise BadFrame(
            f"{side} camera_info has the distortion model {model!r}: plumb_bob, rational_polynomial and equidistant "
            "are rectified here, pictures of others must come rectified (parameter rectified: true)"
        )
    lengths = _LENGTHS.get(model, _OPENCV_LENGTHS)
    if calibration.distorted and count not in lengths:
        raise BadFrame(
            f"{side} camera_info has {count} values in D for the distortion model {model!r}: it has "
            f"{' or '.join(str(length) for length in lengths)}"
        )


@lru_cache(maxsize=_CALIBRATIONS)
def _maps(
    size: tuple[int, int], model: str, matrix: bytes, distortion: bytes, rotation: bytes, projection: bytes
) -> Maps:
    """OpenCV's fixed-point maps from rectified to raw pixels."""
    K, R, P = (np.frombuffer(values).reshape(shape) for values, shape in (
        (matrix, (3, 3)), (rotation, (3, 3)), (projection, (3, 4))
    ))  # fmt: skip
    D = np.frombuffer(distortion)
    if model == FISHEYE:
        D = D if D.size else np.zeros(4)
        return cv2.fisheye.initUndistortRectifyMap(K, D, R, P[:, :3], size, cv2.CV_16SC2)
    return cv2.initUndistortRectifyMap(K, D if D.size else None, R, P[:, :3], size, cv2.CV_16SC2)
