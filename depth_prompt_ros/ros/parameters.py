"""ROS parameters from the same typed definitions that a replay reads: declared, read, checked, and changed live."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from depth_prompt_ros.errors import in_one_line
from depth_prompt_ros.parameter_file import OF_ROS
from depth_prompt_ros.parameter_listing import Entry, entries
from depth_prompt_ros.parameters import Parameters
from depth_prompt_ros.ros.parameter_files import beside, parameter_folders

_UNSET: dict[str, float] = {"int": -1, "float": -1.0}
"""Elements of an array that is not given: ROS knows no empty array of numbers, and lists none without a value.

NaN means the same, but ``ros2 param load`` takes it for text.
"""
_LARGEST_INT = 2**63 - 1

AT_CONFIGURE = (
    "autostart", "mode", "runtime", "device", "allow_fallback", "threads", "engine_folder", "most_targets", "rectified",
    "most_megapixels", "topics.", "transport.", "depth.", "sync.",
    "stages.", "stereo.matcher", "stereo.onnx", "segmentation.rembg_model", "segmentation.onnx",
    "segmentation.text_network", "tom.onnx", "tom.text_network", "prompted_depth.",
    "moving.method", "moving.graph", "moving.fixed_frame",
)  # fmt: skip
"""Parameters, or beginnings of their names, that are read when the node is configured and not after."""


def declare(node: Any, none_of: tuple[str, ...] = ()) -> dict[str, str]:
    """Declare every parameter with its type, range and meaning.

    Args:
        none_of: beginnings of names that mean nothing to this node: not declared, and in a parameter file passed over.

    Returns:
        What is wrong with the values that the node was started with, by name. Such a parameter has its default: the
        node stays, and refuses to be configured until it is set anew. Whole numbers are taken where others are meant.
    """
    wrong: dict[str, str] = {}
    given = getattr(node, "_parameter_overrides", {})  # rclpy has no public name for them
    declared = set()
    for entry in entries():
        name, descriptor = ".".join(entry.path), _descriptor(entry)
        declared.add(name)
        if name.startswith(none_of):
            continue
        try:
            node.declare_parameter(name, _default(entry), descriptor)
        except Exception as error:  # noqa: BLE001 (another type, out of range: what it raises differs between distributions)
            value = getattr(given.get(name), "value", None)
            whole = float(value) if entry.type == "float" and type(value) is int else None
            start = _default(entry) if whole is None else whole
            node.declare_parameter(name, start, descriptor, ignore_override=True)
            if whole is None:
                wrong[name] = f"{value!r} was given, {in_one_line(error)}"
    for name in sorted(given.keys() - declared):
        if name.partition(".")[0] not in OF_ROS:
            wrong[name] = "there is no such parameter"
    return wrong


def read(node: Any, changes: Mapping[str, Any] | None = None) -> Parameters:
    """All parameters, with some of them changed; files are looked for beside the node's parameter files first.

    Raises:
        BadInput: a value out of range, or values that do not go together.
    """
    content: dict[str, Any] = {}
    for entry in entries():
        name = ".".join(entry.path)
        if not node.has_parameter(name):
            continue
        value = changes[name] if changes and name in changes else node.get_parameter(name).value
        if "[" in entry.type:
            value = _array(value, entry)
        group = content
        for part in entry.path[:-1]:
            group = group.setdefault(part, {})
        group[entry.path[-1]] = value
    folders = parameter_folders()
    return Parameters.checked(content, "the node's parameters").with_files(lambda path: beside(folders, path))


def changed(node: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that are others than the node has."""
    return {name: value for name, value in values.items() if not _same(value, node.get_parameter(name).value)}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str | int | float) or one is None:
        return bool(one == other)
    return repr(list(one)) == repr(list(other))  # NaN is no number, but the same


def _array(value: Any, entry: Entry) -> Any:
    """What an array means: all of :data:`_UNSET` is not given, None where it has a fixed length, else empty."""
    values = list(value) if value is not None else []
    unset = _UNSET[entry.type.partition("[")[0]]
    if all(_same(each, unset) or each != each for each in values):
        values = []
    return values or (None if entry.length else [])


def only_at_configure(names: Iterable[str]) -> list[str]:
    """Those of the names that a configured node cannot change."""
    return [name for name in names if any(_is_of(name, fixed) for fixed in AT_CONFIGURE)]


def _is_of(name: str, fixed: str) -> bool:
    return name.startswith(fixed) if fixed.endswith(".") else name == fixed


def _default(entry: Entry) -> Any:
    if "[" in entry.type:
        return [_UNSET[entry.type.partition("[")[0]]] * (entry.length or 1)
    return yaml.safe_load(entry.default)


def _descriptor(entry: Entry) -> Any:
    descriptor = ParameterDescriptor()
    descriptor.description = entry.description
    descriptor.additional_constraints = entry.allowed
    descriptor.dynamic_typing = "true" in entry.allowed.split(", ")  # beside words true and false are meant, too
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
