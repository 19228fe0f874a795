"""ROS parameters from the same typed definitions that a replay reads: declared, read, checked, and changed live."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterUninitializedException
from rclpy.parameter import Parameter

from depth_prompt_ros.parameter_listing import Entry, entries
from depth_prompt_ros.parameters import Parameters

_ARRAYS = {"int": Parameter.Type.INTEGER_ARRAY, "float": Parameter.Type.DOUBLE_ARRAY}
_LARGEST_INT = 2**63 - 1

AT_CONFIGURE = (
    "runtime", "device", "allow_fallback", "threads", "engine_folder", "most_targets", "rectified", "topics.", "sync.",
    "stages.", "stereo.matcher", "stereo.onnx", "segmentation.rembg_model", "segmentation.onnx", "tom.onnx",
    "prompted_depth.", "moving.method", "moving.graph", "moving.fixed_frame",
)  # fmt: skip
"""Parameters, or beginnings of their names, that are read when the node is configured and not after."""


def declare(node: Any) -> None:
    """Declare every parameter with its type, range and meaning."""
    for entry in entries():
        node.declare_parameter(".".join(entry.path), _default(entry), _descriptor(entry))


def read(node: Any, changes: Mapping[str, Any] | None = None) -> Parameters:
    """All parameters, with some of them changed.

    Raises:
        BadInput: a value out of range, or values that do not go together.
    """
    content: dict[str, Any] = {}
    for entry in entries():
        name = ".".join(entry.path)
        value = changes[name] if changes and name in changes else _value(node, name)
        if "[" in entry.type:
            value = list(value) if value is not None else []
            if not value and entry.length:
                value = None  # an array of a fixed length that is not given
        group = content
        for part in entry.path[:-1]:
            group = group.setdefault(part, {})
        group[entry.path[-1]] = value
    return Parameters.checked(content, "the node's parameters")


def _value(node: Any, name: str) -> Any:
    try:
        return node.get_parameter(name).value
    except ParameterUninitializedException:
        return None


def only_at_configure(names: Iterable[str]) -> list[str]:
    """Those of the names that a configured node cannot change."""
    return [name for name in names if any(_is_of(name, fixed) for fixed in AT_CONFIGURE)]


def _is_of(name: str, fixed: str) -> bool:
    return name.startswith(fixed) if fixed.endswith(".") else name == fixed


def _default(entry: Entry) -> Any:
    if "[" in entry.type:
        return _ARRAYS[entry.type.partition("[")[0]]  # none has a default; ROS knows no empty array of numbers
    return yaml.safe_load(entry.default)


def _descriptor(entry: Entry) -> Any:
    descriptor = ParameterDescriptor()
    descriptor.description = entry.description
    descriptor.additional_constraints = entry.allowed
    if entry.minimum is None and entry.maximum is None:
        return descriptor
    if entry.type == "int":
        low = -_LARGEST_INT if entry.minimum is None else int(entry.minimum)
        high = _LARGEST_INT if entry.maximum is None else int(entry.maximum)
        bounds = IntegerRange()
        bounds.from_value, bounds.to_value, bounds.step = low, high, 0
        descriptor.integer_range = [bounds]
    elif entry.type == "float":
        bounds = FloatingPointRange()
        bounds.from_value = -sys.float_info.max if entry.minimum is None else float(entry.minimum)
        bounds.to_value = sys.float_info.max if entry.maximum is None else float(entry.maximum)
        bounds.step = 0.0
        descriptor.floating_point_range = [bounds]
    return descriptor
