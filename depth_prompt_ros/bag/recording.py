"""Raw messages of a rosbag2 recording, read as far as the recording goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import yaml

from depth_prompt_ros.errors import BadInput

_MCAP_MAGIC = b"\x89MCAP0\r\n"


class RawMessage(NamedTuple):
    """One serialised message: its topic, type, time of recording in nanoseconds, CDR bytes and QoS profiles."""

    topic: str
    msgtype: str
    log_ns: int
    data: bytes
    qos: tuple[Any, ...] = ()


class _Source(Protocol):
    types: dict[str, str]

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]: ...


@dataclass
class _RosbagsSource:
    """A folder or file that rosbags can open."""

    path: Path

    def __post_init__(self) -> None:
        from rosbags.rosbag2 import Reader

        with Reader(self.path) as reader:
            self.types = {connection.topic: connection.msgtype for connection in reader.connections}

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]:
        from rosbags.rosbag2 import Reader

        with Reader(self.path) as reader:
            connections = [connection for connection in reader.connections if connection.topic in topics]
            if not connections:
                return
            for connection, log_ns, data in reader.messages(connections):
                qos = getattr(connection.ext, "offered_qos_profiles", ())
                yield RawMessage(connection.topic, connection.msgtype, log_ns, data, tuple(qos))


@dataclass
class _TruncatedMcapSource:
    """An MCAP file without its end, read record by record through the mcap package."""

    path: Path

    def __post_init__(self) -> None:
        self.types = {message.topic: message.msgtype for message in self._records(announce=True)}

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]:
        yield from (message for message in self._records() if message.topic in topics)

    def _records(self, announce: bool = False) -> Iterator[RawMessage]:
        """The messages, or with ``announce`` one empty message a channel."""
        from mcap.records import Channel, Message, Schema
        from mcap.stream_reader import StreamReader
        from rosbags.rosbag2.metadata import parse_qos

        schemas: dict[int, str] = {}
        channels: dict[int, RawMessage] = {}
        with self.path.open("rb") as file:
            records = StreamReader(file).records
            while True:
                try:
                    record = next(records)
                except Exception:  # noqa: BLE001 (the cut, or the end)
                    return
                if isinstance(record, Schema):
                    schemas[record.id] = record.name
                elif isinstance(record, Channel) and record.id not in channels:
                    qos = tuple(parse_qos(record.metadata.get("offered_qos_profiles", "")))
                    channels[record.id] = RawMessage(record.topic, schemas.get(record.schema_id, ""), 0, b"", qos)
                    if announce:
                        yield channels[record.id]
                elif isinstance(record, Message) and not announce:
                    yield channels[record.channel_id]._replace(log_ns=record.log_time, data=record.data)


class Recording:
    """A rosbag2 folder, or a lone ``.mcap`` or ``.db3`` file, through rosbags.

    An MCAP file without its end (the recorder was killed, the disk was full, the copy was cut) is read as far as
    it goes; so is a file that turns out damaged in the middle. :attr:`damage` then says so.

    Attributes:
        path: as given.
        types: message type of each topic.
        damage: what is wrong with the recording, empty if nothing.
    """

    def __init__(self, path: Path) -> None:
        """Open the recording's files and list the topics.

        Raises:
            BadInput: no such bag, or nothing in it can be read.
        """
        self.path = path
        self.damage = ""
        self._sources = [self._open(file) for file in self._parts(path)]
        self.types: dict[str, str] = {}
        for source in self._sources:
            self.types.update(source.types)

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]:
        """The topics' messages in the order of recording, up to the damage if there is any."""
        for source in self._sources:
            try:
                yield from source.messages(topics)
            except Exception as error:  # noqa: BLE001, PERF203 (whatever a parser meets in damaged data)
                self.damage = f"{self.path} is damaged, it was read up to there: {error}"
                return

    def describe_topics(self) -> str:
        """The topics that are there, by type, for error messages."""
        by_type: dict[str, list[str]] = defaultdict(list)
        for topic, msgtype in sorted(self.types.items()):
            by_type[msgtype].append(topic)
        return "; ".join(f"{msgtype}: {', '.join(topics)}" for msgtype, topics in sorted(by_type.items())) or "none"

    def _parts(self, path: Path) -> list[Path]:
        """What to open: the folder itself, or its storage files one by one when the folder is incomplete."""
        if not path.exists():
            raise BadInput(f"{path} does not exist: give a rosbag2 folder, an .mcap or a .db3 file")
        if path.is_file():
            if path.suffix not in (".mcap", ".db3"):
                raise BadInput(f"{path} is no bag: give a rosbag2 folder, an .mcap or a .db3 file")
            return [path]
        metadata = path / "metadata.yaml"
        files = sorted(file for file in path.iterdir() if file.suffix in (".mcap", ".db3"))
        if metadata.exists():
            try:
                content = yaml.safe_load(metadata.read_text())["rosbag2_bagfile_information"]
                listed = [path / Path(name).name for name in content["relative_file_paths"]]
            except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
                self.damage = f"{metadata} cannot be read: the storage files beside it were read"
            else:
                if not any(file.suffix == ".mcap" and file.exists() and _is_truncated(file) for file in listed):
                    return [path]
                files = listed
        elif files:
            self.damage = f"{path} has no metadata.yaml, the recorder did not finish: its storage files were read"
        if not files:
            raise BadInput(f"{path} is no bag: it has neither metadata.yaml nor an .mcap or .db3 file")
        return files

    def _open(self, path: Path) -> _Source:
        truncated = path.suffix == ".mcap" and path.is_file() and _is_truncated(path)
        try:
            if truncated:
                self.damage = f"{path} is truncated: it was read as far as it goes"
                return _TruncatedMcapSource(path)
            return _RosbagsSource(path)
        except Exception as error:  # whatever a parser meets in damaged data
            raise BadInput(f"cannot read bag {path}: {error}") from error


def _is_truncated(file: Path) -> bool:
    size = len(_MCAP_MAGIC)
    with file.open("rb") as content:
        if content.read(size) != _MCAP_MAGIC:
            return False
        content.seek(max(file.stat().st_size - size, size))
        return content.read() != _MCAP_MAGIC
