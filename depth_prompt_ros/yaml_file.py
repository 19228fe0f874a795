"""YAML files that people write: whatever is wrong with one is one error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from depth_prompt_ros.errors import BadInput, in_one_line

_LARGEST = 2**20
"""Bytes; a parameter file has some thousand."""


def read_yaml(path: Path, what: str) -> Any:
    """The content of a YAML file; an empty one is None.

    Args:
        path: of the file.
        what: it is, for messages to people.

    Raises:
        BadInput: it cannot be read, is larger than a mebibyte, or is not YAML, with the line where that shows.
    """
    try:
        if path.is_file() and path.stat().st_size > _LARGEST:
            raise BadInput(f"cannot read {what} from {path}: it has more than {_LARGEST} bytes")
        text = path.read_text(encoding="utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise BadInput(f"cannot read {what} from {path}: aliases (*name) are not read, as ROS does not")
        return yaml.safe_load(text)
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"cannot read {what} from {path}: {error.strerror or error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise BadInput(f"cannot read {what} from {path}: {where}{error.problem or error.context}") from error
    except Exception as error:  # a bad date, nesting without end: PyYAML passes on what Python raises
        raise BadInput(f"cannot read {what} from {path}: {in_one_line(error)}") from error


def faults(error: ValidationError, meant: Callable[[str], str] = lambda _: "") -> str:
    """Every entry that is wrong and why, in one line.

    Args:
        error: of pydantic.
        meant: says of an entry that there is not what it was to be.
    """
    said = []
    for each in error.errors():
        name = ".".join(map(str, each["loc"]))
        if each["type"] == "extra_forbidden":
            said.append(" ".join(filter(None, (f"{name}: there is no such entry,", meant(name)))).rstrip(","))
        else:
            said.append(f"{name}: {each['msg']}")
    return "; ".join(said)
