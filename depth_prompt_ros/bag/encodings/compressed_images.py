"""Pictures, labels and depth out of ``sensor_msgs/CompressedImage``: image_transport's and compressedDepth."""

from __future__ import annotations

import struct
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.encodings.picture_header import PNG, picture_size
from depth_prompt_ros.bag.encodings.rvl import decode_rvl
from depth_prompt_ros.errors import BadFrame

_MOST_PIXELS = 2**28
_DEPTH_HEADER = struct.Struct("<iff")  # format, depthQuantA, depthQuantB
_RVL_SIZE = struct.Struct("<II")


def compressed_size(message: Any) -> tuple[int, int]:
    """Width and height in pixels, from the first bytes alone.

    Raises:
        BadFrame: what is inside is none of JPEG, PNG, TIFF and RVL, or cut before its size.
    """
    if _is_rvl(message):
        return _rvl_size(bytes(message.data[: _DEPTH_HEADER.size + _RVL_SIZE.size]))
    return picture_size(_picture_bytes(message), message.format)


def decode_picture(message: Any) -> tuple[NDArray[np.uint8], str]:
    """(H, W) or (H, W, 3) uint8 picture and its encoding: ``rgb8``, or a Bayer one that is still to be interpolated.

    The format ``rgb8; jpeg compressed bgr8`` (compressed_image_transport) says the encoding that the encoder was given,
    and after "compressed" the channel order it took.

    Raises:
        BadFrame: depth, no picture, or one that cannot be decoded.
    """
    if "compressedDepth" in message.format:
        raise BadFrame("a compressedDepth topic is depth, not a picture: give it as topics.depth_image")
    encoding = message.format.partition(";")[0].strip()
    if encoding.startswith("bayer_"):
        mosaic = _decode(message, cv2.IMREAD_UNCHANGED)
        if mosaic.ndim == 2:
            return mosaic, encoding
    decoded = _decode(message, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if message.format.partition("compressed")[2].strip().startswith("rgb"):
        return decoded, "rgb8"
    return cast(NDArray[np.uint8], cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)), "rgb8"


def decode_depth(message: Any) -> tuple[NDArray[np.generic], str]:
    """(H, W) uint16 with encoding ``16UC1``, or float32 with ``32FC1``; 0 is invalid in both.

    compressedDepth (compressed_depth_image_transport) has a 12-byte header, then a 16-bit PNG or RVL; ``32FC1`` is
    quantised as inverse depth, ``depthQuantA / (value - depthQuantB)``. A 16-bit PNG without the header is read, too.

    Raises:
        BadFrame: another encoding, or data that cannot be decoded.
    """
    start = _DEPTH_HEADER.size
    if "compressedDepth" not in message.format:
        depth = _decode(message, cv2.IMREAD_UNCHANGED)
        if depth.dtype != np.uint16 or depth.ndim != 2:
            raise BadFrame(f"compressed depth {message.format!r} is not a 16-bit PNG: use compressedDepth")
        return depth, "16UC1"
    encoding = message.format.partition(";")[0].strip()
    if encoding not in ("16UC1", "mono16", "32FC1"):
        raise BadFrame(f"compressedDepth of {encoding!r} is not supported: give 16UC1 or 32FC1")
    headless = bytes(message.data[: len(PNG)]) == PNG
    if headless and encoding == "32FC1":
        raise BadFrame(
            f"compressedDepth {message.format!r} lacks its 12-byte header, which holds the scale of 32FC1: "
            "give 16UC1, or write the header (compressed_depth_image_transport)"
        )
    if not headless and len(message.data) <= start:
        raise BadFrame(f"compressedDepth message has only {len(message.data)} bytes")
    if _is_rvl(message):
        header = start + _RVL_SIZE.size
        width, height = _rvl_size(bytes(message.data[:header]))
        stored = decode_rvl(np.frombuffer(bytes(message.data[header:]), np.uint8), width, height)
    else:
        stored = _decode(message, cv2.IMREAD_UNCHANGED)
    if stored.dtype != np.uint16 or stored.ndim != 2:
        raise BadFrame(f"compressedDepth {message.format!r} does not hold a 16-bit picture")
    if encoding != "32FC1":
        return stored, "16UC1"
    _, quant_a, quant_b = _DEPTH_HEADER.unpack(bytes(message.data[:start]))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        metres = np.float32(quant_a) / (stored.astype(np.float32) - np.float32(quant_b))
    return np.where(stored > 0, metres, np.float32(0)), "32FC1"


def decode_labels(message: Any) -> NDArray[np.uint16]:
    """(H, W) uint16 of a single-channel PNG.

    Raises:
        BadFrame: lossy compression, several channels, or data that cannot be decoded.
    """
    if bytes(message.data[: len(PNG)]) != PNG:
        raise BadFrame(f"labels are compressed as {message.format!r}: use PNG, lossy compression changes labels")
    labels = _decode(message, cv2.IMREAD_UNCHANGED)
    if labels.ndim != 2:
        raise BadFrame("labels are a colour PNG: give one channel, mono8 or mono16")
    return labels.astype(np.uint16)


def _picture_bytes(message: Any) -> bytes:
    """The data, without the header that compressedDepth puts before a picture."""
    data = bytes(message.data)
    start = _DEPTH_HEADER.size
    return data[start:] if "compressedDepth" in message.format and not data.startswith(PNG) else data


def _is_rvl(message: Any) -> bool:
    return "compressedDepth" in message.format and message.format.rpartition("compressedDepth")[2].strip() == "rvl"


def _rvl_size(head: bytes) -> tuple[int, int]:
    if len(head) < _DEPTH_HEADER.size + _RVL_SIZE.size:
        raise BadFrame(f"compressedDepth message has only {len(head)} bytes")
    width, height = _RVL_SIZE.unpack_from(head, _DEPTH_HEADER.size)
    if not 0 < width * height <= _MOST_PIXELS:
        raise BadFrame(f"RVL depth says that it is {width}x{height} pixels: its data is damaged")
    return width, height


def _decode(message: Any, flags: int) -> NDArray[Any]:
    data = _picture_bytes(message)
    width, height = picture_size(data, message.format)
    problem = f"it says {width}x{height} pixels"
    if 0 < width * height <= _MOST_PIXELS:
        try:
            decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error as error:
            decoded, problem = None, str(error).strip().splitlines()[-1]
        if decoded is not None:
            return cast(NDArray[Any], decoded)
        problem += ", the rest is damaged or of a kind that OpenCV does not read"
    raise BadFrame(f"cannot decode the compressed image ({message.format!r}, {len(data)} bytes): {problem}")
