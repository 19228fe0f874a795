"""Depth compressed as RVL (Wilson, "Fast Lossless Depth Image Compression", 2017), an option of compressedDepth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame


def decode_rvl(data: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint16]:
    """(height, width) uint16 depth of an RVL stream without its size.

    The stream is 32-bit words of eight 4-bit pieces, the highest first. Numbers are made of pieces of three bits, the
    lowest first, whose fourth bit says that another follows. They are, in turns, a count of zeros, a count of values,
    and for each of these its difference to the value before, the sign in the lowest bit.

    Args:
        data: (N,) bytes.
        width, height: in pixels.

    Raises:
        BadFrame: the stream ends early or holds another number of pixels.
    """
    words = data[: len(data) // 4 * 4].view("<u4")
    pieces = ((words[:, None] >> np.arange(28, -4, -4, dtype=np.uint32)) & 0xF).reshape(-1)
    last = np.nonzero(pieces < 8)[0]
    if not len(last):
        raise BadFrame("RVL depth has no complete number: its data is damaged")
    starts = np.concatenate([[0], last[:-1] + 1])
    places = np.arange(last[-1] + 1) - np.repeat(starts, last - starts + 1)
    shifts = 3 * np.minimum(places, 20)
    numbers = np.add.reduceat((pieces[: last[-1] + 1].astype(np.int64) & 7) << shifts, starts)
    depth = np.zeros(width * height, np.int64)
    counts, done, place = np.zeros(0, np.int64), 0, 0
    filled, deltas = [counts], [counts]
    while done < len(depth):
        if place + 2 > len(numbers):
            raise BadFrame(f"RVL depth ends after {done} of {width}x{height} pixels: its data is cut or damaged")
        zeros, values = int(numbers[place]), int(numbers[place + 1])
        place, done = place + 2, done + zeros
        if zeros + values == 0 or done + values > len(depth) or place + values > len(numbers):
            raise BadFrame(f"RVL depth does not hold {width}x{height} pixels: its data is cut or damaged")
        filled.append(np.arange(done, done + values))
        deltas.append(numbers[place : place + values])
        place, done = place + values, done + values
    signed = np.concatenate(deltas)
    depth[np.concatenate(filled)] = np.cumsum((signed >> 1) ^ -(signed & 1))
    return (depth & 0xFFFF).astype(np.uint16).reshape(height, width)
