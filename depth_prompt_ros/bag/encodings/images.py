"""NumPy pictures, depth and labels out of ``sensor_msgs`` Image and CompressedImage messages."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.encodings.compressed_images import (
    compressed_size,
    decode_depth,
    decode_labels,
    decode_picture,
)
from depth_prompt_ros.errors import BadFrame

IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
"""Types of the messages that all of this reads."""

VIEWED: dict[str, tuple[np.dtype[Any], int]] = {
    "mono8": (np.dtype(np.uint8), 1),
    "8UC1": (np.dtype(np.uint8), 1),
    "rgb8": (np.dtype(np.uint8), 3),
    "bgr8": (np.dtype(np.uint8), 3),
    "rgba8": (np.dtype(np.uint8), 4),
    "bgra8": (np.dtype(np.uint8), 4),
    "mono16": (np.dtype(np.uint16), 1),
    "16UC1": (np.dtype(np.uint16), 1),
    "32FC1": (np.dtype(np.float32), 1),
}
"""Encodings viewed without a copy: element type and channels (sensor_msgs/image_encodings.hpp)."""

_TO_RGB = {
    "mono8": cv2.COLOR_GRAY2RGB,
    "8UC1": cv2.COLOR_GRAY2RGB,
    "bgr8": cv2.COLOR_BGR2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB,
}
_TWO_PLANES = ("nv12", "nv21")
"""YUV 4:2:0: after the rows of grey, half as many of interleaved colour; ``height`` counts the rows of grey."""
MILLIMETRE = 0.001
ToRgb = Callable[[Any], NDArray[np.uint8]]
"""Makes RGB of an Image in an encoding that is none of ``VIEWED``."""


def view(message: Any) -> NDArray[Any]:
    """(H, W) or (H, W, C) view of an Image's data in its own encoding; no copy, either endianness, any row step.

    Args:
        message: ``sensor_msgs/Image`` in one of the ``VIEWED`` encodings.

    Raises:
        BadFrame: another encoding, a row step shorter than a row, or less data than the size needs.
    """
    if message.encoding not in VIEWED:
        raise BadFrame(f"image encoding {message.encoding} is not one of {', '.join(VIEWED)}")
    element, channels = VIEWED[message.encoding]
    _check_data(message, message.width * channels * element.itemsize)
    shape: tuple[int, ...] = (message.height, message.width, channels)
    strides: tuple[int, ...] = (message.step, channels * element.itemsize, element.itemsize)
    if channels == 1:
        shape, strides = shape[:2], strides[:2]
    order = element.newbyteorder(">" if message.is_bigendian else "<")
    return np.ndarray(shape, order, buffer=message.data, strides=strides)


def image_size(message: Any) -> tuple[int, int]:
    """Width and height in pixels of an Image or CompressedImage, known before its pixels are read.

    Raises:
        BadFrame: a CompressedImage that is no picture, or cut before its size.
    """
    if is_compressed(message):
        return compressed_size(message)
    if message.encoding in _TWO_PLANES and _counts_all_planes(message):
        return int(message.width), int(message.height) * 2 // 3
    return int(message.width), int(message.height)


def rgb_by_rosbags(message: Any) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of an Image without padding, by rosbags-image; raises what it raises."""
    from rosbags.image import image_to_cvimage

    return cast(NDArray[np.uint8], image_to_cvimage(message, "rgb8"))


def picture(message: Any, to_rgb: ToRgb = rgb_by_rosbags) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB picture from an Image or CompressedImage; ``rgb8`` without padding is not copied.

    16-bit pictures are scaled to 8 bits. Bayer, YUV and other encodings go through ``to_rgb``.

    Raises:
        BadFrame: an encoding that is no picture, damaged data, or too little of it.
    """
    if is_compressed(message):
        decoded, encoding = decode_picture(message)
        return decoded if encoding == "rgb8" else _interpolated(decoded, encoding, to_rgb)
    if message.encoding == "rgb8":
        return np.ascontiguousarray(view(message))
    if message.encoding in _TO_RGB:
        return cast(NDArray[np.uint8], cv2.cvtColor(view(message), _TO_RGB[message.encoding]))
    if message.encoding == "mono16":
        return cast(NDArray[np.uint8], cv2.cvtColor((view(message) >> 8).astype(np.uint8), cv2.COLOR_GRAY2RGB))
    if message.encoding in VIEWED:
        raise BadFrame(f"encoding {message.encoding} is depth, not a picture: give rgb8, bgr8, mono8 or a Bayer image")
    return _other_picture(message, to_rgb)


def depth_metres(message: Any, unit: float = MILLIMETRE, float_unit: float = 1.0) -> NDArray[np.float32]:
    """(H, W) float32 depth in metres, invalid = NaN, from ``16UC1`` (mm, 0 invalid) or ``32FC1`` (m), REP 118.

    Zero, negative and infinite ``32FC1`` values are invalid. For what a CompressedImage may hold see
    :func:`depth_prompt_ros.bag.encodings.compressed_images.decode_depth`.

    Args:
        message: Image or CompressedImage.
        unit: metres of one count of ``16UC1``.
        float_unit: metres of a 1.0 in ``32FC1``.

    Raises:
        BadFrame: another encoding, damaged data, or too little of it.
    """
    if is_compressed(message):
        stored, encoding = decode_depth(message)
        return _from_counts(stored, unit) if encoding == "16UC1" else _from_floats(stored, float_unit)
    if message.encoding in ("16UC1", "mono16"):
        return _from_counts(view(message), unit)
    if message.encoding == "32FC1":
        return _from_floats(view(message), float_unit)
    raise BadFrame(f"depth encoding {message.encoding} is not supported: give 16UC1 (millimetres) or 32FC1 (metres)")


def disparity_metres(message: Any) -> NDArray[np.float32]:
    """(H, W) float32 metres, f * T / d of a DisparityImage (stereo_msgs), NaN where nothing was matched."""
    disparity = view(message.image).astype(np.float32)
    matched = (disparity >= message.min_disparity) & (disparity > 0)
    return np.where(matched, np.float32(message.f * message.t) / np.where(matched, disparity, 1), np.float32(np.nan))


def label_image(message: Any) -> NDArray[np.uint16]:
    """(H, W) uint16 labels from ``mono8``, ``8UC1``, ``mono16``, ``16UC1`` or a single-channel PNG.

    Raises:
        BadFrame: another encoding, lossy compression, damaged data, or too little of it.
    """
    if is_compressed(message):
        return decode_labels(message)
    if message.encoding not in ("mono8", "8UC1", "mono16", "16UC1"):
        raise BadFrame(f"label encoding {message.encoding} is not supported: give mono8, 8UC1, mono16 or 16UC1")
    return view(message).astype(np.uint16)


def is_compressed(message: Any) -> bool:
    """True for ``sensor_msgs/CompressedImage``."""
    return hasattr(message, "format")


def _check_data(message: Any, row_bytes: int) -> None:
    size = f"{message.width}x{message.height} {message.encoding}"
    if message.height <= 0 or message.width <= 0:
        raise BadFrame(f"image is empty ({size})")
    if message.step < row_bytes:
        raise BadFrame(f"image row step {message.step} is shorter than a row of {row_bytes} bytes ({size})")
    needed = message.step * (message.height - 1) + row_bytes
    if len(message.data) < needed:
        raise BadFrame(f"image has {len(message.data)} bytes of data but {size} with its row step needs {needed}")


def _other_picture(message: Any, to_rgb: ToRgb) -> NDArray[np.uint8]:
    from rosbags.image import ImageError
    from rosbags.image.image import to_cvtype

    try:
        if message.encoding[:1].isdigit():  # 8UC3, 32FC3...: no word about what the channels are
            raise ImageError
        bits, _, _, channels = to_cvtype(message.encoding)
        row_bytes = message.width * channels * bits // 8
        rows = message.height
        if message.encoding in _TWO_PLANES:
            rows = message.height if _counts_all_planes(message) else message.height * 3 // 2
            if rows % 3 or message.width % 2:
                raise BadFrame(f"{message.encoding} of {message.width}x{message.height} has an odd side: {_GIVE}")
        message = _packed(message, rows, row_bytes)
        converted: NDArray[np.uint8] = np.ascontiguousarray(to_rgb(message))
    except (ImageError, cv2.error, KeyError, TypeError) as error:
        raise BadFrame(f"cannot make an RGB picture of encoding {message.encoding}: {_GIVE}") from error
    return converted


_GIVE = "give rgb8, bgr8, mono8 or a Bayer image"


def _packed(message: Any, rows: int, row_bytes: int) -> Any:
    """The message with ``rows`` rows and without padding: rosbags-image knows no row step."""
    fields = {name: getattr(message, name) for name in ("width", "encoding", "is_bigendian", "step", "data")}
    message = SimpleNamespace(height=rows, **fields)
    _check_data(message, row_bytes)
    if message.step != row_bytes:
        view = np.ndarray((rows, row_bytes), np.uint8, message.data, strides=(message.step, 1))
        message.data, message.step = np.ascontiguousarray(view).reshape(-1), row_bytes
    return message


def _counts_all_planes(message: Any) -> bool:
    """Some drivers count the rows of both planes in ``height``: there is no more data than that."""
    return message.height % 3 == 0 and len(message.data) < message.step * (message.height * 3 // 2 - 1) + message.width


def _interpolated(mosaic: NDArray[Any], encoding: str, to_rgb: ToRgb) -> NDArray[np.uint8]:
    """RGB of a Bayer mosaic."""
    height, width = mosaic.shape
    row_bytes = width * mosaic.itemsize
    return _other_picture(
        SimpleNamespace(
            height=height, width=width, encoding=encoding, is_bigendian=0, step=row_bytes,
            data=np.ascontiguousarray(mosaic).reshape(-1).view(np.uint8),
        ),
        to_rgb,
    )  # fmt: skip


def _from_counts(depth: NDArray[Any], unit: float) -> NDArray[np.float32]:
    metres = depth.astype(np.float32) * np.float32(unit)
    metres[depth == 0] = np.nan
    return metres


def _from_floats(depth: NDArray[Any], unit: float) -> NDArray[np.float32]:
    metres = depth.astype(np.float32)
    if unit != 1.0:
        metres *= np.float32(unit)
    metres[~(np.isfinite(metres) & (metres > 0))] = np.nan
    return metres
