"""NumPy pictures, depth and labels out of ``sensor_msgs`` Image and CompressedImage messages."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame

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
_COMPRESSED_DEPTH_HEADER = struct.Struct("<iff")  # format, depthQuantA, depthQuantB
_PNG = b"\x89PNG"


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


def picture(message: Any) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB picture from an Image or CompressedImage; ``rgb8`` without padding is not copied.

    16-bit pictures are scaled to 8 bits. Bayer, YUV and other encodings go through rosbags-image.

    Raises:
        BadFrame: an encoding that is no picture, damaged data, or too little of it.
    """
    if is_compressed(message):
        return _compressed_picture(message)
    if message.encoding == "rgb8":
        return np.ascontiguousarray(view(message))
    if message.encoding in _TO_RGB:
        return cast(NDArray[np.uint8], cv2.cvtColor(view(message), _TO_RGB[message.encoding]))
    if message.encoding == "mono16":
        return cast(NDArray[np.uint8], cv2.cvtColor((view(message) >> 8).astype(np.uint8), cv2.COLOR_GRAY2RGB))
    if message.encoding in VIEWED:
        raise BadFrame(f"encoding {message.encoding} is depth, not a picture: give rgb8, bgr8, mono8 or a Bayer image")
    return _other_picture(message)


def depth_metres(message: Any) -> NDArray[np.float32]:
    """(H, W) float32 depth in metres, invalid = NaN, from ``16UC1`` (mm, 0 invalid) or ``32FC1`` (m), REP 118.

    CompressedImage may hold a 16-bit PNG or ``compressedDepth`` (compressed_depth_image_transport:
    a 12-byte header, then a PNG; ``32FC1`` is quantised as inverse depth, ``depthQuantA / (value - depthQuantB)``).
    Zero, negative and infinite ``32FC1`` values are invalid.

    Raises:
        BadFrame: another encoding, damaged data, or too little of it.
    """
    if is_compressed(message):
        return _compressed_depth(message)
    if message.encoding in ("16UC1", "mono16"):
        return _from_millimetres(view(message))
    if message.encoding == "32FC1":
        return _from_metres(view(message))
    raise BadFrame(f"depth encoding {message.encoding} is not supported: give 16UC1 (millimetres) or 32FC1 (metres)")


def label_image(message: Any) -> NDArray[np.uint16]:
    """(H, W) uint16 labels from ``mono8``, ``8UC1``, ``mono16``, ``16UC1`` or a single-channel PNG.

    Raises:
        BadFrame: another encoding, lossy compression, damaged data, or too little of it.
    """
    if is_compressed(message):
        if bytes(message.data[:4]) != _PNG:
            raise BadFrame(f"labels are compressed as {message.format!r}: use PNG, lossy compression changes labels")
        labels = _decode(message.data, cv2.IMREAD_UNCHANGED, message.format)
        if labels.ndim != 2:
            raise BadFrame("labels are a colour PNG: give one channel, mono8 or mono16")
        return labels.astype(np.uint16)
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


def _other_picture(message: Any) -> NDArray[np.uint8]:
    from rosbags.image import ImageError, image_to_cvimage
    from rosbags.image.image import to_cvtype

    try:
        if message.encoding[:1].isdigit():  # 8UC3, 32FC3...: no word about what the channels are
            raise ImageError
        bits, _, _, channels = to_cvtype(message.encoding)
        row_bytes = message.width * channels * bits // 8
        _check_data(message, row_bytes)
        if message.step != row_bytes:  # rosbags-image knows no row step
            rows = np.ndarray((message.height, row_bytes), np.uint8, message.data, strides=(message.step, 1))
            message = SimpleNamespace(
                height=message.height, width=message.width, encoding=message.encoding,
                is_bigendian=message.is_bigendian, data=np.ascontiguousarray(rows).reshape(-1),
            )  # fmt: skip
        converted: NDArray[np.uint8] = np.ascontiguousarray(image_to_cvimage(message, "rgb8"))
    except (ImageError, cv2.error, KeyError, TypeError) as error:
        raise BadFrame(
            f"cannot make an RGB picture of encoding {message.encoding}: give rgb8, bgr8, mono8 or a Bayer image"
        ) from error
    return converted


def _compressed_picture(message: Any) -> NDArray[np.uint8]:
    if "compressedDepth" in message.format:
        raise BadFrame("a compressedDepth topic is depth, not a picture: give it as topics.depth_image")
    decoded = _decode(message.data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION, message.format)
    # "rgb8; jpeg compressed bgr8": what follows "compressed" is the channel order that the encoder was given.
    if message.format.partition("compressed")[2].strip().startswith("rgb"):
        return decoded
    return cast(NDArray[np.uint8], cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB))


def _compressed_depth(message: Any) -> NDArray[np.float32]:
    data, encoding = message.data, message.format.partition(";")[0].strip()
    if "compressedDepth" not in message.format:
        depth = _decode(data, cv2.IMREAD_UNCHANGED, message.format)
        if depth.dtype != np.uint16 or depth.ndim != 2:
            raise BadFrame(f"compressed depth {message.format!r} is not a 16-bit PNG: use compressedDepth")
        return _from_millimetres(depth)
    start = _COMPRESSED_DEPTH_HEADER.size
    if len(data) <= start:
        raise BadFrame(f"compressedDepth message has only {len(data)} bytes")
    if bytes(data[start : start + 4]) != _PNG:
        raise BadFrame(f"compressedDepth format {message.format!r} is not PNG: set the publisher's format to png")
    _, quant_a, quant_b = _COMPRESSED_DEPTH_HEADER.unpack(bytes(data[:start]))
    stored = _decode(data[start:], cv2.IMREAD_UNCHANGED, message.format)
    if stored.dtype != np.uint16 or stored.ndim != 2:
        raise BadFrame(f"compressedDepth {message.format!r} does not hold a 16-bit picture")
    if encoding in ("16UC1", "mono16"):
        return _from_millimetres(stored)
    if encoding == "32FC1":
        with np.errstate(divide="ignore", invalid="ignore"):
            metres = np.float32(quant_a) / (stored.astype(np.float32) - np.float32(quant_b))
        return _from_metres(np.where(stored > 0, metres, np.float32(0)))
    raise BadFrame(f"compressedDepth of {encoding!r} is not supported: give 16UC1 or 32FC1")


def _decode(data: Any, flags: int, name: str) -> NDArray[Any]:
    decoded = None
    if len(data):
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if decoded is None:
        raise BadFrame(f"cannot decode the compressed image ({name!r}, {len(data)} bytes): its data is damaged")
    return cast(NDArray[Any], decoded)


def _from_millimetres(depth: NDArray[np.uint16]) -> NDArray[np.float32]:
    metres = depth.astype(np.float32) * np.float32(0.001)
    metres[depth == 0] = np.nan
    return metres


def _from_metres(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    metres = depth.astype(np.float32)
    metres[~(np.isfinite(metres) & (metres > 0))] = np.nan
    return metres
