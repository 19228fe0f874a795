"""What a compressed picture says about itself in its first bytes, read before any memory is given to its pixels."""

from __future__ import annotations

import struct

from depth_prompt_ros.errors import BadFrame

PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_TIFF = {b"II*\x00": "<", b"MM\x00*": ">"}
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_SHORT = 256, 257, 3
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers (ITU T.81, table B.1): they hold the size."""
_JPEG_ALONE = frozenset([0x01, *range(0xD0, 0xD9)])
"""Markers without a length."""


def picture_size(data: bytes, format_: str) -> tuple[int, int]:
    """Width and height in pixels of a JPEG, PNG or TIFF picture, the three that compressed_image_transport writes.

    Args:
        data: the whole picture.
        format_: of the message, for messages to people.

    Raises:
        BadFrame: none of the three, or cut before its size.
    """
    try:
        if data.startswith(PNG):
            _check_chunks(data)
            return struct.unpack_from(">II", data, 16)
        if data.startswith(_JPEG):
            return _jpeg_size(data)
        if data[:4] in _TIFF:
            return _tiff_size(data, _TIFF[data[:4]])
    except (struct.error, IndexError) as error:
        raise BadFrame(
            f"cannot decode the compressed image ({format_!r}, {len(data)} bytes): it is cut, or its lengths are wrong"
        ) from error
    found = f"begins with {data[:8].hex(' ')}" if data else "is empty"
    raise BadFrame(
        f"cannot decode the compressed image: format {format_!r} with data that {found} is no JPEG, PNG or TIFF "
        "picture; video streams are not read: give one of the three, or an Image topic"
    )


def _check_chunks(data: bytes) -> None:
    """Refuse a PNG whose chunks say that they are longer than what is there: OpenCV takes memory by their word.

    Raises:
        IndexError: one ends beyond the data, or the first is not the header (PNG specification, section 5).
    """
    place = len(PNG)
    if data[place + 4 : place + 8] != b"IHDR":
        raise IndexError
    while place + 8 <= len(data):
        place += 12 + int(struct.unpack_from(">I", data, place)[0])
        if data[place - 8 : place - 4] == b"IEND":
            return
    if place > len(data):
        raise IndexError


def _jpeg_size(data: bytes) -> tuple[int, int]:
    place = 2
    while True:
        if data[place] != 0xFF:
            raise IndexError
        marker = data[place + 1]
        if marker == 0xFF:  # fill bytes
            place += 1
        elif marker in _JPEG_ALONE:
            place += 2
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        else:
            place += 2 + int(struct.unpack_from(">H", data, place + 2)[0])


def _tiff_size(data: bytes, order: str) -> tuple[int, int]:
    """Of the first image file directory (TIFF 6.0, section 2)."""
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    size = {}
    for entry in range(count):
        tag, kind = struct.unpack_from(f"{order}HH", data, start + 2 + 12 * entry)
        value = struct.unpack_from(f"{order}{'H' if kind == _TIFF_SHORT else 'I'}", data, start + 2 + 12 * entry + 8)
        size[tag] = int(value[0])
    if not {_TIFF_WIDTH, _TIFF_HEIGHT} <= size.keys():
        raise IndexError
    return size[_TIFF_WIDTH], size[_TIFF_HEIGHT]
