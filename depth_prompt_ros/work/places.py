"""Inputs where they lie: paths, or URLs of anything that fsspec reads (S3, Google Cloud Storage, HTTP, SSH)."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from depth_prompt_ros.errors import BadInput, in_one_line

Place = str | Path
"""A path, or a URL as text."""


def is_url(place: Place) -> bool:
    """Whether a place has to be fetched."""
    return isinstance(place, str) and "://" in place


def expanded(places: Iterable[Place]) -> list[Place]:
    """Places as they are, and for a URL with ``*`` or ``?``, which no shell expands, all that it matches, sorted.

    Raises:
        BadInput: nothing matches, or the store cannot be read.
        ModuleNotFoundError: one is a URL, and fsspec is not installed.
    """
    found: list[Place] = []
    for place in places:
        if not is_url(place):
            found.append(place)
            continue
        system, path = _open(place)
        if not re.search(r"[*?]", path):
            found.append(place)
            continue
        with _said(place):
            matches = sorted(system.glob(path))
        if not matches:
            raise BadInput(f"nothing matches {place}")
        found += [str(system.unstrip_protocol(each)) for each in matches]
    return found


def name_of(place: Place) -> str:
    """Of the file or folder."""
    return str(place).rstrip("/").rpartition("/")[2] if is_url(place) else Path(place).resolve().name


def part_named(place: Place, names: tuple[str, ...]) -> Place:
    """The first of ``names`` that is in a folder; the folder itself if none is."""
    if not is_url(place):
        return next((Path(place) / name for name in names if (Path(place) / name).exists()), place)
    system, path = _open(place)
    below = [f"{path.rstrip('/')}/{name}" for name in names]
    found = next((each for each in below if system.exists(each)), None)
    return place if found is None else str(system.unstrip_protocol(found))


def version_of(place: Place) -> str:
    """What changes with a URL's content, told without fetching it: SHA-256 of sizes and of what its store calls unique.

    Raises:
        BadInput: it is not there or cannot be listed.
    """
    system, path = _open(place)
    found = hashlib.sha256()
    with _said(place):
        system.invalidate_cache()  # of listings, which a worker may have from the recording's last version
        for name in _files(system, path):
            found.update(f"{name}\0{system.size(name)}\0{system.ukey(name)}\0".encode())
    return found.hexdigest()


@contextmanager
def on_disk(place: Place) -> Iterator[Path]:
    """The path itself; of a URL a copy on this machine's disk, which is dropped after.

    Raises:
        BadInput: it is not there or cannot be fetched.
    """
    if not is_url(place):
        yield Path(place)
        return
    system, path = _open(place)
    with tempfile.TemporaryDirectory(prefix="depth_prompt_") as disk:
        target = Path(disk) / name_of(place)
        with _said(place):
            for name in _files(system, path):
                file = target / name[len(path) :].strip("/") if name != path else target
                file.parent.mkdir(parents=True, exist_ok=True)
                system.get_file(name, str(file))
        yield target


def _open(place: Place) -> tuple[Any, str]:
    import fsspec

    with _said(place):
        system, path = fsspec.core.url_to_fs(str(place))
    return system, str(path).rstrip("/")


def _files(system: Any, path: str) -> list[str]:
    found = sorted(system.find(path))
    if not found:
        raise FileNotFoundError("nothing is there")
    return found


@contextmanager
def _said(place: Place) -> Iterator[None]:
    """Errors of stores, which raise many kinds, in one line."""
    try:
        yield
    except Exception as error:
        raise BadInput(f"cannot read {place}: {in_one_line(error)}") from error
