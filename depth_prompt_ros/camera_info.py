"""What a ``sensor_msgs/CameraInfo`` says about the picture beside it: REP 104's window and binning applied, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame

Float64 = NDArray[np.float64]

_MOST_PIXELS = 2**28
_WIDEST, _LONGEST = 0.01, 1000.0
"""Focal lengths outside these multiples of the picture's longer side belong to no lens."""
_UNEVEN = 4.0
"""fx and fy differ by at most this factor: anamorphic lenses have 2."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """A camera's calibration for the pictures that it sends, in their own pixels.

    Attributes:
        width, height: of the picture in pixels.
        matrix: (3, 3) K of the raw picture.
        projection: (3, 4) P of the rectified picture; ``[K | 0]`` where the message has none.
        rotation: (3, 3) R, from the raw to the rectified camera; identity where the message has none.
        distortion: (N,) D of ``model``; empty or zeros where the lens has none.
        model: distortion model, for example ``plumb_bob``.
    """

    width: int
    height: int
    matrix: Float64
    projection: Float64
    rotation: Float64
    distortion: Float64
    model: str

    @property
    def distorted(self) -> bool:
        """The lens bends lines in the raw picture."""
        return bool(np.any(self.distortion != 0))

    @property
    def turned(self) -> bool:
        """The rectified camera looks elsewhere than the raw one, as in a stereo pair."""
        return not np.allclose(self.rotation, np.eye(3), atol=1e-7)


def read_calibration(info: Any, side: str) -> Calibration:
    """Read a CameraInfo (rclpy's ``.k .p`` or rosbags' ``.K .P`` alike).

    K and P are those of the full sensor (REP 104). ``roi`` is the window of the sensor that is sent, in its pixels, and
    ``binning`` how many of them make one of the picture: offsets are taken from the principal point, then all is
    divided, as image_geometry's PinholeCameraModel does.

    Args:
        info: the message.
        side: ``left``, ``right`` or ``depth``, for messages to people.

    Raises:
        BadFrame: no size, one beyond 2^28 pixels, NaN or infinite values, or focal lengths that no lens has.
    """
    matrix = _field(info, "k", (3, 3))
    projection = _field(info, "p", (3, 4))
    rotation = _field(info, "r", (3, 3))
    distortion = np.asarray(getattr(info, "d", getattr(info, "D", ())), np.float64).reshape(-1)
    if not all(np.isfinite(values).all() for values in (matrix, projection, rotation, distortion)):
        raise BadFrame(f"{side} camera_info has NaN or infinite values in K, P, R or D: calibrate the camera")
    if not projection[:, :3].any():
        projection[:, :3] = matrix
    if not rotation.any():
        rotation = np.eye(3)
    left, top, width, height = _window(info)
    binning = [max(1, int(getattr(info, f"binning_{axis}", 0))) for axis in "xy"]
    if width <= 0 or height <= 0:
        raise BadFrame(f"{side} camera_info has picture size {describe_size(info)}: set width and height")
    width, height = width // binning[0], height // binning[1]
    if not 0 < width * height <= _MOST_PIXELS:
        raise BadFrame(f"{side} camera_info has picture size {describe_size(info)}: that is no camera's")
    for values in (matrix, projection):
        values[0, 2] -= left
        values[1, 2] -= top
        values[0] /= binning[0]
        values[1] /= binning[1]
    return Calibration(
        width, height, matrix, projection, rotation, distortion, str(getattr(info, "distortion_model", ""))
    )


def check_focal_lengths(fx: float, fy: float, size: tuple[int, int], where: str) -> None:
    """Refuse focal lengths that no lens has.

    Args:
        fx, fy: pixels.
        size: of the picture, pixels.
        where: the message and its field, for messages to people.

    Raises:
        BadFrame: one is not positive, far from the other, or far from the picture's size.
    """
    longer = max(size)
    plausible = all(_WIDEST * longer <= focal <= _LONGEST * longer for focal in (fx, fy))
    if not plausible or not 1 / _UNEVEN <= fx / fy <= _UNEVEN:
        raise BadFrame(
            f"{where} has focal length fx={fx:g} fy={fy:g} for a picture of {size[0]}x{size[1]}: calibrate the camera"
        )


def describe_size(info: Any) -> str:
    """The picture's size in words, with the window and the binning that it follows from."""
    left, top, width, height = _window(info)
    binning = [max(1, int(getattr(info, f"binning_{axis}", 0))) for axis in "xy"]
    notes = []
    if (left, top) != (0, 0) or (width, height) != (int(info.width), int(info.height)):
        notes.append(f"roi {width}x{height} at ({left}, {top})")
    if binning != [1, 1]:
        notes.append(f"binning {binning[0]}x{binning[1]}")
    size = f"{width // binning[0]}x{height // binning[1]}"
    return f"{size} ({info.width}x{info.height} with {' and '.join(notes)})" if notes else size


def _window(info: Any) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is sent, in the sensor's pixels; all zeros means the whole sensor."""
    roi = getattr(info, "roi", None)
    if roi is None:
        return 0, 0, int(info.width), int(info.height)
    left, top = int(roi.x_offset), int(roi.y_offset)
    return left, top, int(roi.width) or int(info.width) - left, int(roi.height) or int(info.height) - top


def _field(info: Any, name: str, shape: tuple[int, int]) -> Float64:
    """A copy of a matrix; zeros where the message lacks it."""
    values = np.array(getattr(info, name, getattr(info, name.upper(), np.zeros(shape))), np.float64)
    return values.reshape(shape)
