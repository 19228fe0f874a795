"""Built engines on disk: loaded only where and for what they were built, and whole."""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from depth_prompt_ros.errors import BadModel

_FORMAT = b"depth_prompt_ros engine 1\n"
_LOCATION = re.compile(rb"\n\x08location\x12(.)(.{1,255})", re.DOTALL)


class StaleEngine(Exception):
    """No usable engine file exists, for the reason in the message; the engine has to be built."""


@dataclass(frozen=True)
class EngineKey:
    """Identity of an engine: graph, TensorRT version, GPU and batch. An engine with another key is never loaded.

    Attributes:
        graph_sha256: of the ONNX file, which holds precision and fixed shapes.
        most_targets: largest batch, where the graph leaves it free.
        tensorrt: its version.
        gpu, compute_capability, processors: what it was tuned on.
    """

    graph_sha256: str
    most_targets: int
    tensorrt: str
    gpu: str
    compute_capability: str
    processors: int

    def file_in(self, folder: Path, graph: Path) -> Path:
        """Path of this key's engine in a folder."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return folder / f"{graph.stem}-{digest[:16]}.engine"

    def timing_cache_in(self, folder: Path) -> Path:
        """Where the timings of this TensorRT on this GPU are, which other graphs share."""
        name = f"{self.tensorrt}-{self.gpu}-{self.compute_capability}".replace(" ", "_").replace("/", "_")
        return folder / f"timing-{name}.cache"


def engine_folder(chosen: str = "") -> Path:
    """``chosen``, or ``depth_prompt_ros/engines`` in the XDG cache folder; it need not exist."""
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "depth_prompt_ros" / "engines"


def file_sha256(*paths: Path) -> str:
    """SHA-256 of the concatenated contents of the files."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()


def graph_files(path: Path) -> list[Path]:
    """An ONNX file and those in which it keeps weights outside (TensorProto.external_data, key ``location``)."""
    names = {match.group(2)[: match.group(1)[0]] for match in _LOCATION.finditer(path.read_bytes())}
    outside = [path.parent / name.decode(errors="replace") for name in sorted(names)]
    return [path, *(file for file in outside if file.is_file())]


def write_engine(path: Path, key: EngineKey, metadata: dict[str, str], engine: bytes) -> None:
    """Write engine and metadata to a temporary file, then rename it.

    Raises:
        BadModel: the folder cannot be written, or its disk is full; what was there before stays.
    """
    header = {"key": asdict(key), "metadata": metadata, "sha256": _digest(metadata, engine)}
    write_aside(path, _FORMAT + json.dumps(header).encode() + b"\n" + engine)


def read_engine(path: Path, key: EngineKey) -> tuple[bytes, dict[str, str]]:
    """The engine and the metadata of its graph.

    Raises:
        StaleEngine: no file, a foreign or truncated one, or one for another key.
    """
    try:
        content = path.read_bytes()
    except OSError:
        raise StaleEngine("none was built for this graph, GPU and TensorRT") from None
    try:
        line_end = content.index(b"\n", len(_FORMAT))
        header: dict[str, Any] = json.loads(content[len(_FORMAT) : line_end])
        built_for, metadata, expected = dict(header["key"]), dict(header["metadata"]), header["sha256"]
        if content[: len(_FORMAT)] != _FORMAT:
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise StaleEngine(f"{path} is not an engine of this package") from None
    wanted = asdict(key)
    if others := [name for name in wanted if built_for.get(name) != wanted[name]]:
        name = others[0]
        raise StaleEngine(f"{path} is for {name} {built_for.get(name)}, not {wanted[name]}")
    engine = content[line_end + 1 :]
    if _digest(metadata, engine) != expected:
        raise StaleEngine(f"{path} is truncated or damaged")
    return engine, metadata


def require_writable(folder: Path) -> None:
    """Raise BadModel if nothing can be written there, before hours of work are lost."""
    probe = folder / f"probe.{os.getpid()}"
    write_aside(probe, b"")
    probe.unlink()


def _digest(metadata: dict[str, str], engine: bytes) -> str:
    return hashlib.sha256(json.dumps(metadata, sort_keys=True).encode() + b"\n" + engine).hexdigest()


def write_aside(path: Path, content: bytes) -> None:
    """Write a whole file beside its place and move it there, so that no half file ever has its name.

    Raises:
        BadModel: the folder cannot be written, or its disk is full.
    """
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(content)
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise BadModel(
            f"cannot write {path} ({error.strerror}): make room, or set engine_folder to another disk"
        ) from error
