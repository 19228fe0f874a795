"""Raw messages of a recording, rosbag2 or ROS 1, read as far as the recording goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import yaml

from depth_prompt_ros.bag.storage.decompress import decompress_file
from depth_prompt_ros.bag.storage.mcap_source import McapSource, RawMessage
from depth_prompt_ros.bag.storage.ros1_source import Ros1Source
from depth_prompt_ros.errors import BadInput, printable

__all__ = ["RawMessage", "Recording"]

_ROS1 = ".bag"
_STORAGES = (".mcap", ".db3", _ROS1)
_PACKED = ".zstd"
_GIVE = "give a rosbag2 folder, an .mcap or a .db3 file, or a ROS 1 .bag"


class _Source(Protocol):
    types: dict[str, str]
    foreign: dict[str, str]
    damage: str

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]: ...


@dataclass
class _Sqlite3Source:
    """A ``.db3`` file, or a folder of them, through rosbags."""

    path: Path

    def __post_init__(self) -> None:
        from rosbags.rosbag2 import Reader

        self.foreign: dict[str, str] = {}
        self.damage = ""
        with Reader(self.path) as reader:
            self.types = {str(connection.topic): str(connection.msgtype) for connection in reader.connections}

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]:
        from rosbags.rosbag2 import Reader

        try:
            with Reader(self.path) as reader:
                connections = [connection for connection in reader.connections if connection.topic in topics]
                if not connections:
                    return
                for connection, log_ns, data in reader.messages(connections):
                    qos = getattr(connection.ext, "offered_qos_profiles", ())
                    yield RawMessage(connection.topic, connection.msgtype, log_ns, data, tuple(qos))
        except Exception as error:  # noqa: BLE001 (whatever a parser meets in damaged data)
            self.damage = f"{self.path} is damaged, it was read up to there: {error}"


@dataclass(frozen=True)
class _Folder:
    """What ``metadata.yaml`` says that is needed to read the files beside it."""

    files: list[Path]
    mode: str = ""


class Recording:
    """A rosbag2 folder, or a lone ``.mcap``, ``.db3`` or ROS 1 ``.bag`` file, compressed (``.zstd``) or not.

    An MCAP file without its end (the recorder was killed, the disk was full, the copy was cut) is read as far as
    it goes; of one that turns out damaged in the middle the damaged part is left out. :attr:`damage` then says so.

    Attributes:
        path: as given.
        types: message type of each topic.
        foreign: encoding of each topic that does not hold ROS 2 messages.
    """

    def __init__(self, path: Path) -> None:
        """Open the recording's files and list the topics.

        Raises:
            BadInput: no such bag, or nothing in it can be read.
        """
        self.path = path
        self._damage = ""
        self._unpacked: TemporaryDirectory[str] | None = None
        self._sources = self._open(path)
        self.types: dict[str, str] = {}
        self.foreign: dict[str, str] = {}
        for source in self._sources:
            self.types.update(source.types)
            self.foreign.update(source.foreign)

    @property
    def damage(self) -> str:
        """What is wrong with the recording as far as it has been read, empty if nothing."""
        return "; ".join(filter(None, (self._damage, *(source.damage for source in self._sources))))

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]:
        """The topics' messages in the order of recording, without what is damaged."""
        for source in self._sources:
            yield from source.messages(topics)

    def topic(self, name: str) -> str:
        """The recorded topic that is meant by a name: that one, or the same with or without its leading slash."""
        bare = name.lstrip("/")
        return next((each for each in (name, f"/{bare}", bare) if each in self.types), f"/{bare}")

    def describe_topics(self) -> str:
        """The topics that are there, by type, for error messages."""
        by_type: dict[str, list[str]] = defaultdict(list)
        for topic, msgtype in sorted(self.types.items()):
            by_type[printable(msgtype)].append(printable(topic))
        for topic, encoding in sorted(self.foreign.items()):
            by_type[f"not ROS 2 but {printable(encoding) or 'of no known encoding'}"].append(printable(topic))
        return "; ".join(f"{msgtype}: {', '.join(topics)}" for msgtype, topics in sorted(by_type.items())) or "none"

    def _open(self, path: Path) -> list[_Source]:
        if not path.exists():
            raise BadInput(f"{path} does not exist: {_GIVE}")
        if path.is_file():
            if _storage(path) not in _STORAGES:
                raise BadInput(f"{path} is no bag: {_GIVE}")
            return [self._source(path)]
        folder = self._folder(path)
        if _storage(folder.files[0]) == ".db3" and (path / "metadata.yaml").exists():
            try:
                return [_Sqlite3Source(path)]
            except Exception as error:  # newer or damaged metadata: the files alone may do
                if folder.mode == "message":
                    raise BadInput(f"cannot read bag {path}: {printable(error)}") from error
        return [self._source(file, folder.mode == "message") for file in folder.files]

    def _folder(self, path: Path) -> _Folder:
        metadata = path / "metadata.yaml"
        files = sorted(file for file in path.iterdir() if _storage(file) in _STORAGES)
        if metadata.exists():
            try:
                content = yaml.safe_load(metadata.read_text())["rosbag2_bagfile_information"]
                listed = [path / Path(name).name for name in content["relative_file_paths"]]
                mode = str(content.get("compression_mode") or "").lower()
            except Exception:  # noqa: BLE001 (whatever a parser meets in damaged data)
                self._damage = f"{metadata} cannot be read: the storage files beside it were read"
            else:
                missing = [str(file) for file in listed if not file.exists()]
                if missing and files:
                    self._damage = f"{', '.join(missing)} of {metadata} is not there: the rest was read"
                files = [file for file in listed if file.exists()] if listed and len(missing) < len(listed) else files
                if files:
                    return _Folder(files, mode)
        elif files:
            self._damage = f"{path} has no metadata.yaml, the recorder did not finish: its storage files were read"
        if not files:
            raise BadInput(f"{path} is no bag: it has neither metadata.yaml nor an .mcap, .db3 or .bag file")
        return _Folder(files)

    def _source(self, file: Path, packed_messages: bool = False) -> _Source:
        try:
            if file.suffix == _PACKED:
                if self._unpacked is None:
                    self._unpacked = TemporaryDirectory(prefix="depth_prompt_ros_")
                whole = Path(self._unpacked.name) / file.stem
                decompress_file(file, whole)
                file = whole
            if file.suffix == _ROS1:
                return Ros1Source(file)
            return McapSource(file, packed_messages) if file.suffix == ".mcap" else _Sqlite3Source(file)
        except Exception as error:
            hint = "; if its recorder did not finish, rosbag reindex mends it" if file.suffix == _ROS1 else ""
            raise BadInput(f"cannot read bag {self.path}: {printable(error) or type(error).__name__}{hint}") from error


def _storage(file: Path) -> str:
    """The ending that tells the storage, whether the file is compressed or not."""
    return file.with_suffix("").suffix if file.suffix == _PACKED else file.suffix
