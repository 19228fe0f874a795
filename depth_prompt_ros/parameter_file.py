"""Which parameters of a ROS parameter file are a node's: sections by name, with wildcards, dots and nesting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from depth_prompt_ros.errors import BadInput

Section = tuple[str, dict[str, Any]]
"""A node's name as the file has it, with its namespace, and its parameters."""

KEY = "ros__parameters"
OF_ROS = ("use_sim_time", "start_type_description_service", "qos_overrides", "diagnostic_updater")
"""Parameters that every node has from ROS, or beginnings of their names; a replay has no use for them."""


def parameters_of(content: Any, node: str, source: str) -> dict[str, Any]:
    """The parameters of a node, later sections over earlier ones, as nested dictionaries.

    Sections that count, as rcl reads them: the node's own in whatever namespace, ``*`` and ``**``, each of them nested
    or written with slashes. A file of one section is meant for this node whatever the section's name; a file without
    ``ros__parameters`` holds parameters alone. Names may be nested or written with dots.

    Args:
        content: of the YAML file.
        node: its name, without namespace.
        source: of the content, for messages to people.

    Raises:
        BadInput: it is no mapping, or has sections for other nodes only.
    """
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BadInput(f"bad parameters in {source}: found {type(content).__name__}, not names with values")
    sections = list(_sections(content, ""))
    if not sections:
        return _nested(content, source)
    ours = [found for name, found in sections if name.rpartition("/")[2] in (node, "*", "**")]
    if not ours and len(sections) == 1:
        ours = [sections[0][1]]
    if not ours:
        names = ", ".join(name for name, _ in sections)
        raise BadInput(f"{source} has no parameters for {node}: it has sections for {names}; add /**: or {node}:")
    merged: dict[str, Any] = {}
    for found in ours:
        _merge(merged, _nested(found, source))
    return {name: value for name, value in merged.items() if name not in OF_ROS}


def _sections(content: dict[Any, Any], name: str) -> Iterator[Section]:
    for key, value in content.items():
        if key == KEY:
            yield name or "/**", value if isinstance(value, dict) else {}
        elif isinstance(value, dict):
            yield from _sections(value, f"{name}/{str(key).strip('/')}")


def _nested(flat: dict[Any, Any], source: str) -> dict[str, Any]:
    """Names with dots as groups: ``stereo.matcher`` is ``matcher`` in ``stereo``."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *groups, last = str(name).split(".")
        place = nested
        for group in groups:
            place = place.setdefault(group, {})
            if not isinstance(place, dict):
                raise BadInput(f"bad parameters in {source}: {name} is in {group}, which is a value")
        inner = _nested(value, source) if isinstance(value, dict) else value
        _merge(place, {last: inner})
    return nested


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Values of ``more`` over those that are there, group by group."""
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value
