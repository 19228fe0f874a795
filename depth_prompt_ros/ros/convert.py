"""ROS messages of the running distribution, made as :mod:`depth_prompt_ros.bag.messages` makes those of a bag."""

from __future__ import annotations

import array
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

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


def as_array(values: np.ndarray) -> array.array[Any]:
    """Filled by the array's memory: assigning ``bytes`` to a message is hundreds of times slower."""
    filled = array.array(_TYPE_CODES[values.dtype.str[1:]])
    if values.size:
        filled.frombytes(np.ascontiguousarray(values).reshape(-1).data.cast("B"))
    return filled
