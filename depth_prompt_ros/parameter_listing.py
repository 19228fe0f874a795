"""Every parameter with its type, range, default and meaning, as a ROS parameter file and as a Markdown table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from depth_prompt_ros.parameters import Parameters

JsonSchema = dict[str, Any]
TYPES = {"boolean": "bool", "integer": "int", "number": "float", "string": "string"}
EXAMPLES = {"bool": "false", "int": "0", "float": "0.0", "string": '""'}


@dataclass(frozen=True)
class Entry:
    """One parameter.

    Attributes:
        path: the groups it is in, then its own name.
        type: ``int``, ``float[4]``, ...
        length: how many values an array must have, 0 = any number or not an array.
        allowed: range or choices in words, empty if anything of the type is.
        minimum, maximum: of a number, None = none; an exclusive bound counts.
        default: as YAML, empty if there is none.
        description: what it is, with its unit.
    """

    path: tuple[str, ...]
    type: str
    length: int
    allowed: str
    minimum: float | None
    maximum: float | None
    default: str
    description: str


def entries() -> list[Entry]:
    """All parameters, in the order in which the groups declare them."""
    schema = Parameters.model_json_schema()
    return list(_entries(schema, schema["$defs"], ()))


def ros_yaml() -> str:
    """The defaults as a ROS 2 parameter file; what has no default, which ROS cannot write down, is a comment."""
    lines = [
        "# Every parameter with its default, for the live nodes and for depth-prompt replay --params.",
        "# Written by: depth-prompt parameters",
        "/**:",
        "  ros__parameters:",
    ]
    group: tuple[str, ...] = ()
    for entry in entries():
        indent = "    " + "  " * (len(entry.path) - 1)
        if entry.path[:-1] != group:
            group = entry.path[:-1]
            lines += [f"{indent[2:]}{group[-1]}:"]
        meaning = "; ".join(filter(None, (entry.description, entry.allowed)))
        lines += [f"{indent}# {meaning}"] if meaning else []
        unset = "" if entry.default else "# "
        lines += [f"{indent}{unset}{entry.path[-1]}: {entry.default or _example(entry)}"]
    return "\n".join(lines) + "\n"


def markdown_table() -> str:
    """One row a parameter."""
    lines = ["| parameter | type | default | meaning |", "|---|---|---|---|"]
    for entry in entries():
        meaning = "; ".join(filter(None, (entry.description, entry.allowed)))
        default = f"`{entry.default}`" if entry.default else ""
        lines.append(f"| `{'.'.join(entry.path)}` | {entry.type} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def _entries(schema: JsonSchema, groups: JsonSchema, path: tuple[str, ...]) -> Iterator[Entry]:
    for name, field in schema["properties"].items():
        if "$ref" in field:
            yield from _entries(groups[field["$ref"].rpartition("/")[2]], groups, (*path, name))
        else:
            yield _entry(field, (*path, name))


def _entry(field: JsonSchema, path: tuple[str, ...]) -> Entry:
    kinds = [kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null"]
    kind, length = kinds[0], 0
    if kind["type"] == "array":
        length = kind.get("minItems", 0)
        item = kind["prefixItems"][0] if length else kind["items"]
        text = f"{TYPES[item['type']]}[{length or ''}]"
    else:
        text = TYPES[kind["type"]]
    default = field.get("default")
    written = "" if default is None or default == [] else json.dumps(default, ensure_ascii=False)
    minimum, maximum = (kind.get(f"{end}imum", kind.get(f"exclusive{end.title()}imum")) for end in ("min", "max"))
    return Entry(path, text, length, _allowed(kind), minimum, maximum, written, field.get("description", ""))


def _allowed(kind: JsonSchema) -> str:
    if "enum" in kind:
        return "one of " + ", ".join(kind["enum"])
    words = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
        "multipleOf": "a multiple of {}",
    }
    return ", ".join(word.format(f"{kind[key]:g}") for key, word in words.items() if key in kind)


def _example(entry: Entry) -> str:
    value = EXAMPLES[entry.type.partition("[")[0]]
    return f"[{', '.join([value] * (entry.length or 1))}]" if "[" in entry.type else value
