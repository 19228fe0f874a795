"""Messages of an MCAP file through the mcap package: with its index in order of recording, without one as it goes."""

from __future__ import annotations

import heapq
import io
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from depth_prompt_ros.bag.storage.decompress import decompress
from depth_prompt_ros.errors import BadInput

MAGIC = b"\x89MCAP0\r\n"
_CHUNK = 6
_CDR = "cdr"
_VIEWED = 2**12


class RawMessage(NamedTuple):
    """One serialised message: its topic, type, time of recording in nanoseconds, CDR bytes and QoS profiles.

    The bytes may be a view that keeps a whole chunk of a recording in memory: what is kept for longer is copied.
    """

    topic: str
    msgtype: str
    log_ns: int
    data: bytes | memoryview
    qos: tuple[Any, ...] = ()


@dataclass(frozen=True)
class _Channels:
    """What the file says about its topics: an empty message of each ROS 2 channel by id, encodings of the others."""

    ours: dict[int, RawMessage]
    foreign: dict[str, str]


class McapSource:
    """One ``.mcap`` file, whole or cut.

    Channels of other encodings than CDR (protobuf, JSON, ROS 1) are left out, and so is a chunk that is damaged.

    Attributes:
        types: message type of each ROS 2 topic.
        foreign: encoding of each other topic.
        damage: what was left out so far, empty if nothing.
    """

    def __init__(self, path: Path, packed_messages: bool = False) -> None:
        """Read what the file says about its topics.

        Args:
            path: of the file.
            packed_messages: each message is compressed by itself, as rosbag2's ``--compression-mode message`` does.

        Raises:
            BadInput: it is no MCAP file.
        """
        self._path, self._packed = path, packed_messages
        self.damage = ""
        self._lost: set[int] = set()
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise BadInput("it does not begin as an MCAP file does")
        if is_cut(path):
            self.damage = f"{path} is truncated: it was read as far as it goes"
        self._chunks = [] if self.damage else self._index()
        self._channels = self._announced()
        self.types = {message.topic: message.msgtype for message in self._channels.ours.values()}
        self.foreign = self._channels.foreign

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]:
        """The topics' messages: in order of recording with an index, else in the file's."""
        found = self._indexed(topics) if self._chunks else self._scanned(topics)
        if not self._packed:
            yield from found
            return
        for message in found:
            yield message._replace(data=decompress(message.data, "zstd"))

    def _index(self) -> list[Any]:
        """The index of the chunks, if it is complete and repeats the channels."""
        from mcap.reader import SeekingReader

        try:
            with self._path.open("rb") as file:
                summary = SeekingReader(file, record_size_limit=self._path.stat().st_size).get_summary()
        except Exception:  # noqa: BLE001 (whatever a parser meets in damaged data: it is read without the index)
            return []
        if summary is None or not summary.channels:
            return []
        self._summary = summary
        return sorted(summary.chunk_indexes, key=lambda chunk: chunk.message_start_time)

    def _announced(self) -> _Channels:
        from mcap.records import Channel, Schema

        channels = _Channels({}, {})
        schemas: dict[int, str] = {}
        if self._chunks:
            schemas = {number: schema.name for number, schema in self._summary.schemas.items()}
            for channel in self._summary.channels.values():
                _add(channel, schemas, channels)
            return channels
        for record in self._records():
            if isinstance(record, Schema):
                schemas[record.id] = record.name
            elif isinstance(record, Channel):
                _add(record, schemas, channels)
        return channels

    def _indexed(self, topics: Collection[str]) -> Iterator[RawMessage]:
        """Merged by time of recording: a chunk is read when a message of it may be the next."""
        wanted = {number: message for number, message in self._channels.ours.items() if message.topic in topics}
        waiting: list[tuple[int, int, RawMessage]] = []
        count = 0
        with self._path.open("rb") as file:
            for chunk in self._chunks:
                if chunk.message_index_offsets and not chunk.message_index_offsets.keys() & wanted.keys():
                    continue
                while waiting and waiting[0][0] < chunk.message_start_time:
                    yield heapq.heappop(waiting)[2]
                try:
                    for message in self._chunk(file, chunk, wanted):
                        count += 1
                        heapq.heappush(waiting, (message.log_ns, count, message))
                except Exception as error:  # noqa: BLE001 (whatever a parser meets in damaged data)
                    self._lost.add(chunk.chunk_start_offset)
                    self.damage = (
                        f"{self._path} is damaged, {len(self._lost)} of its {len(self._chunks)} chunks were left out: "
                        f"{error or type(error).__name__}"
                    )
            while waiting:
                yield heapq.heappop(waiting)[2]

    def _chunk(self, file: io.BufferedReader, index: Any, wanted: dict[int, RawMessage]) -> list[RawMessage]:
        from mcap.data_stream import ReadDataStream
        from mcap.records import Chunk, Message

        file.seek(index.chunk_start_offset)
        stream = ReadDataStream(file)
        opcode, length = stream.read1(), stream.read8()
        if opcode != _CHUNK or length > self._path.stat().st_size:
            raise BadInput("there is no chunk where the index says")
        return [
            wanted[record.channel_id]._replace(log_ns=record.log_time, data=record.data)
            for record in _unpacked(Chunk.read(stream))
            if isinstance(record, Message) and record.channel_id in wanted
        ]

    def _scanned(self, topics: Collection[str]) -> Iterator[RawMessage]:
        from mcap.records import Message

        for record in self._records():
            if isinstance(record, Message) and record.channel_id in self._channels.ours:
                message = self._channels.ours[record.channel_id]
                if message.topic in topics:
                    yield message._replace(log_ns=record.log_time, data=record.data)

    def _records(self) -> Iterator[Any]:
        """Every record, those of chunks too, up to the end or the first that cannot be read."""
        from mcap.records import Chunk
        from mcap.stream_reader import StreamReader

        with self._path.open("rb") as file:
            records = StreamReader(file, emit_chunks=True, record_size_limit=self._path.stat().st_size).records
            while True:
                try:
                    record = next(records, None)
                    unpacked = _unpacked(record) if isinstance(record, Chunk) else [record]
                except Exception as error:  # noqa: BLE001 (whatever a parser meets in damaged data)
                    self.damage = self.damage or (
                        f"{self._path} is damaged, it was read up to there: {error or type(error).__name__}"
                    )
                    return
                if record is None:
                    return
                yield from unpacked


def is_cut(file: Path) -> bool:
    """An MCAP file that lacks its end: the recorder was killed, the disk was full, the copy was cut."""
    size = len(MAGIC)
    with file.open("rb") as content:
        if content.read(size) != MAGIC:
            return False
        content.seek(max(file.stat().st_size - size, size))
        return content.read() != MAGIC


def _add(channel: Any, schemas: dict[int, str], channels: _Channels) -> None:
    from rosbags.rosbag2.metadata import parse_qos

    if channel.message_encoding != _CDR:
        channels.foreign[channel.topic] = channel.message_encoding
        return
    try:
        qos = tuple(parse_qos(channel.metadata.get("offered_qos_profiles", "")))
    except Exception:  # noqa: BLE001 (of use to a player only; recorders write it in many ways)
        qos = ()
    name = schemas.get(channel.schema_id, "")
    channels.ours.setdefault(channel.id, RawMessage(channel.topic, name, 0, b"", qos))


def _unpacked(chunk: Any) -> list[Any]:
    """A chunk's records; the data of large messages are views into the chunk's.

    Raises:
        BadInput: its data cannot be unpacked, is larger than a limit, or another than its checksum says.
    """
    from mcap.data_stream import ReadDataStream
    from mcap.opcode import Opcode
    from mcap.records import Channel, Message, Schema

    data = decompress(chunk.data, chunk.compression)
    if chunk.uncompressed_crc and zlib.crc32(data) != chunk.uncompressed_crc:
        raise BadInput("a chunk's checksum is another than that of its data")
    stream, records = ReadDataStream(_Window(data)), list[Any]()
    while stream.count < len(data):
        opcode, length = stream.read1(), stream.read8()
        if opcode == Opcode.MESSAGE:
            records.append(Message.read(stream, length))
        elif opcode in (Opcode.CHANNEL, Opcode.SCHEMA):
            records.append((Channel if opcode == Opcode.CHANNEL else Schema).read(stream))
        else:
            stream.read(length)
    return records


class _Window(io.BytesIO):
    """Bytes of which large parts are handed out as views, without a copy."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._view = memoryview(data)

    def read(self, size: int | None = -1, /) -> Any:
        """The next bytes; from 4 KiB on a view of them."""
        if size is None or size < _VIEWED:
            return super().read(size)
        begin = self.tell()
        found = self._view[begin : begin + size]
        self.seek(begin + len(found))
        return found
