"""Networks of one's own: a catalogue's architecture with other weights, kept under another name."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from safetensors import safe_open

from depth_prompt_ros.errors import BadModel, in_one_line
from depth_prompt_ros.networks.entry import Entry
from depth_prompt_ros.resources import model_folder

E = TypeVar("E", bound=Entry)

ARCHITECTURE = "architecture"
"""Metadata of an own network's file: the catalogue's name of what it was fine-tuned from."""


def own_path(name: str) -> Path:
    """Where the network of that name is, or would be."""
    return model_folder() / "own" / f"{name}.safetensors"


def own_names() -> list[str]:
    """Those that were added, sorted."""
    folder = model_folder() / "own"
    return sorted(path.stem for path in folder.glob("*.safetensors")) if folder.is_dir() else []


def check_own_name(name: str, taken: set[str]) -> None:
    """Raise BadModel unless a network of one's own can be called so."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise BadModel(f"a network cannot be called {name!r}: letters, digits, dots, - and _ will do")
    if name in taken:
        raise BadModel(f"{name} is a published network's name: give another, so that they are not taken for each other")


def own_entry(name: str, entries: dict[str, E]) -> E | None:
    """The entry of a network of one's own whose architecture is among ``entries``; None: there is none.

    Raises:
        BadModel: its file cannot be read.
    """
    path = own_path(name) if name in own_names() else None
    if path is None:
        return None
    try:
        with safe_open(str(path), framework="pt") as file:
            base = (file.metadata() or {}).get(ARCHITECTURE, "")
    except Exception as error:  # SafetensorError, and what Python raises in damaged data
        raise BadModel(f"cannot read {path} ({in_one_line(error)}): add it again") from error
    if base not in entries:
        return None
    entry = entries[base]
    return replace(
        entry, name=name, weights="", source=None, own=True, licence=f"yours; {entry.name} has {entry.licence}"
    )
