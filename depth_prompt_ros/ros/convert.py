"""ROS messages of the running distribution, made as :mod:`depth_prompt_ros.bag.messages` makes those of a bag."""

from __future__ import annotations

import array
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.stages.cloud import CLOUD_DTYPE

_TYPE_CODES = {"u1": "B", "i1": "b", "u2": "H", "i2": "h", "u4": "I", "i4": "i", "f4": "f", "f8": "d"}


@cache
def message_class(msgtype: str) -> Any:
    """The class of ``package/msg/Name``."""
    package, kind, name = msgtype.split("/")
    return getattr(import_module(f"{package}.{kind}"), name)


def ros_message(msgtype: str, **fields: Any) -> Any:
    """A message with all its fields given; NumPy arrays are copied once, into ``array.array``."""
    message = message_class(msgtype)()
    for name, value in fields.items():
        before = getattr(message, name)
        if isinstance(value, np.ndarray):
            value = value if isinstance(before, np.ndarray) else as_array(value)  # noqa: PLW2901
        elif isinstance(before, bytes):  # a ROS ``byte`` is one byte in Python
            value = bytes([value])  # noqa: PLW2901
        setattr(message, name, value)
    return message


class CloudMemory:
    """The organised cloud's place, which is a message's data: kept from frame to frame, since publishing copies it.

    New memory of 7 MB a frame costs more than filling it.
    """

    def __init__(self) -> None:
        self._data: array.array[int] = array.array("B")

    def __call__(self, size: tuple[int, int], kind: np.dtype[Any] = CLOUD_DTYPE) -> NDArray[Any]:
        """(H, W) of that type of point."""
        needed = size[0] * size[1] * kind.itemsize
        if len(self._data) != needed:
            self._data = _aligned(needed)
        return np.frombuffer(self._data, kind).reshape(size)


def _aligned(size: int) -> array.array[int]:
    """That many bytes, where it can be had from a multiple of 32 on: OpenCV then writes past the processor's cache.

    Chunks of the C library lie 16 bytes apart, so of two that follow each other one begins there.
    """
    tries = [array.array("B", bytes(size)) for _ in range(2)]
    return min(tries, key=lambda data: data.buffer_info()[0] % 32)


def as_array(values: NDArray[Any]) -> array.array[Any]:
    """Filled by the array's memory: assigning ``bytes`` to a message is hundreds of times slower.

    All of an ``array.array``'s own memory is that array, uncopied.
    """
    owner: Any = values
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, memoryview):
        owner = owner.obj
    if isinstance(owner, array.array) and owner.typecode == "B" and len(owner) == values.nbytes:
        return owner
    filled = array.array(_TYPE_CODES[values.dtype.str[1:]])
    if values.size:
        filled.frombytes(np.ascontiguousarray(values).reshape(-1).data.cast("B"))
    return filled
