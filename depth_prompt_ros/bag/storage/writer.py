"""A rosbag2 folder that stays readable whatever ends the program."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Literal

from depth_prompt_ros import __version__
from depth_prompt_ros.bag.messages import typestore
from depth_prompt_ros.bag.storage.kept import KeptMcap, KeptSqlite3
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.signals import DeferredSignals

if TYPE_CHECKING:
    from typing_extensions import Self

Storage = Literal["mcap", "sqlite3"]
METADATA_VERSION: Literal[8] = 8
"""Newest ``metadata.yaml`` that Humble's rosbag2 reads (9 writes QoS profiles as nodes instead of text)."""
_RESERVE = 2**20
"""Bytes that are kept free for the end of the bag: index and metadata.yaml."""


class BagWriter:
    """Context manager around ``rosbags.rosbag2.Writer`` that closes the bag on errors, Ctrl-C and SIGTERM too.

    rosbags' own context manager leaves an unfinished bag after an exception; this one finishes it.
    While it is open, SIGINT and SIGTERM become exceptions that are raised between two writes, never inside one.
    After SIGKILL a bag holds everything up to the last :meth:`flush`, an MCAP one as a stream. When the disk is full
    the bag is finished with what was flushed before, in space that was reserved for it.

    The same messages in the same order under the same folder name give byte-identical files.
    """

    def __init__(self, path: Path, storage: Storage = "mcap") -> None:
        """Store the output folder and the storage; nothing is written yet.

        Args:
            path: the bag's folder, made on entering; it must not exist.
            storage: ``mcap`` or ``sqlite3``.
        """
        self.path = path
        self._storage = storage
        self._connections: dict[str, Any] = {}
        self._signals = DeferredSignals()
        self._writer: Any = None
        self._kept: KeptMcap | KeptSqlite3
        self._reserve: IO[bytes] | None = None
        self._discarded = False

    def __enter__(self) -> Self:
        """Create the output folder and open the writer.

        Raises:
            BadInput: it exists already or cannot be made.
        """
        from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

        if self.path.exists():
            raise BadInput(f"output {self.path} exists already: give another name or remove it")
        plugin = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}[self._storage]
        try:
            writer = Writer(self.path, version=METADATA_VERSION, storage_plugin=plugin)
            writer.set_custom_data("writer", f"depth_prompt_ros {__version__}")
            writer.open()
            self._reserve = tempfile.TemporaryFile(dir=self.path)
            self._reserve.write(bytes(_RESERVE))
            self._reserve.flush()
        except (OSError, WriterError, sqlite3.Error) as error:
            self._free_reserve()
            self._remove()
            raise BadInput(f"cannot write a bag to {self.path} ({error}): make room, or give another place") from error
        self._writer = writer
        self._kept = KeptMcap(writer) if self._storage == "mcap" else KeptSqlite3(writer)
        self._signals.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write index and metadata, also after an error or a signal.

        Raises:
            BadInput: the disk is full.
        """
        try:
            with self._signals.uninterrupted():
                if self._writer is not None:
                    self._free_reserve()
                    self._try(self._writer.close)
                if self._discarded:
                    self._remove()
        finally:
            self._signals.__exit__(kind, error, traceback)

    def discard(self) -> None:
        """Leave nothing behind at the end: what was written is of no use to anybody."""
        self._discarded = True

    def write(self, topic: str, message: Any, log_ns: int) -> None:
        """Serialise and append one message.

        Args:
            topic: full topic name.
            message: a message from :mod:`depth_prompt_ros.bag.messages`.
            log_ns: time of the record in nanoseconds.

        Raises:
            BadInput: the disk is full; the bag is finished with what was flushed.
        """
        raw = typestore().serialize_cdr(message, message.__msgtype__)
        self.write_raw(topic, message.__msgtype__, raw, log_ns)

    def write_raw(
        self, topic: str, msgtype: str, raw: bytes | memoryview, log_ns: int, qos: Sequence[Any] = ()
    ) -> None:
        """Append one serialised message; ``qos`` (``rosbags.interfaces.Qos``) counts at the topic's first message.

        Raises:
            BadInput: the disk is full; the bag is finished with what was flushed.
        """
        with self._signals.uninterrupted():
            self._try(lambda: self._append(topic, msgtype, raw, log_ns, qos))

    def flush(self) -> None:
        """Hand all messages so far to the operating system, so that they outlive a SIGKILL and a full disk.

        Raises:
            BadInput: the disk is full; the bag is finished with what was flushed before.
        """
        with self._signals.uninterrupted():
            self._try(self._kept.flush)

    def _append(self, topic: str, msgtype: str, raw: bytes | memoryview, log_ns: int, qos: Sequence[Any]) -> None:
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, msgtype, typestore=typestore(), offered_qos_profiles=qos
            )
        self._writer.write(self._connections[topic], log_ns, raw)

    def _try(self, work: Any) -> None:
        """Do something that writes; where that fails, finish the bag with what was flushed."""
        try:
            work()
        except (OSError, sqlite3.Error) as error:
            self._writer = None
            self._free_reserve()
            kept = self._kept.finish()
            if not kept:
                self._remove()
            what = f"what was finished before is there, {kept} messages" if kept else "nothing was written"
            raise BadInput(f"cannot write to {self.path} ({error}): {what}; free some space and repeat it") from error

    def _free_reserve(self) -> None:
        if self._reserve is not None:
            with suppress(OSError):
                self._reserve.close()

    def _remove(self) -> None:
        """Remove a folder that holds nothing of use."""
        with suppress(OSError):
            for file in self.path.iterdir():
                file.unlink()
            self.path.rmdir()
