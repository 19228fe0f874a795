"""A rosbag2 folder that stays readable whatever ends the program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from depth_prompt_ros import __version__
from depth_prompt_ros.bag.messages import typestore
from depth_prompt_ros.bag.signals import DeferredSignals
from depth_prompt_ros.errors import BadInput

if TYPE_CHECKING:
    from typing_extensions import Self

Storage = Literal["mcap", "sqlite3"]
METADATA_VERSION: Literal[8] = 8
"""Newest ``metadata.yaml`` that Humble's rosbag2 reads (9 writes QoS profiles as nodes instead of text)."""


class BagWriter:
    """Context manager around ``rosbags.rosbag2.Writer`` that closes the bag on errors, Ctrl-C and SIGTERM too.

    rosbags' own context manager leaves an unfinished bag after an exception; this one finishes it.
    While it is open, SIGINT and SIGTERM become exceptions that are raised between two writes, never inside one.
    After SIGKILL an MCAP bag holds everything up to the last :meth:`flush`, readable as a stream;
    a sqlite3 bag is lost.

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
        except (OSError, WriterError) as error:
            raise BadInput(f"cannot write a bag to {self.path}: {error}") from error
        self._writer = writer
        self._signals.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write index and metadata, also after an error or a signal."""
        try:
            with self._signals.uninterrupted():
                self._writer.__exit__(None, None, None)
        finally:
            self._signals.__exit__(kind, error, traceback)

    def write(self, topic: str, message: Any, log_ns: int) -> None:
        """Serialise and append one message.

        Args:
            topic: full topic name.
            message: a message from :mod:`depth_prompt_ros.bag.messages`.
            log_ns: time of the record in nanoseconds.
        """
        raw = typestore().serialize_cdr(message, message.__msgtype__)
        self.write_raw(topic, message.__msgtype__, raw, log_ns)

    def write_raw(
        self, topic: str, msgtype: str, raw: bytes | memoryview, log_ns: int, qos: Sequence[Any] = ()
    ) -> None:
        """Append one serialised message; ``qos`` (``rosbags.interfaces.Qos``) counts at the topic's first message."""
        with self._signals.uninterrupted():
            if topic not in self._connections:
                self._connections[topic] = self._writer.add_connection(
                    topic, msgtype, typestore=typestore(), offered_qos_profiles=qos
                )
            self._writer.write(self._connections[topic], log_ns, raw)

    def flush(self) -> None:
        """Hand all messages so far to the operating system (MCAP), so that they outlive a SIGKILL."""
        if self._storage != "mcap":
            return
        with self._signals.uninterrupted():
            storage = self._writer.storage
            if storage.chunk.msgs:
                storage.close_chunk()
            storage.bio.flush()
