"""What of a bag is safe while it is written, and how it is finished with that when the disk is full."""

from __future__ import annotations

import sqlite3
from collections import deque
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

_STATES = 32
"""Flushes that can be taken back, until what is left has room for its index."""


class _State:
    """How far ``rosbags.rosbag2.Writer`` was at a flush: its lists only grow, so their lengths will do."""

    def __init__(self, writer: Any) -> None:
        self.counts = dict(writer.counts)
        self.times = writer.min_timestamp, writer.max_timestamp
        self.connections = len(writer.connections)

    @property
    def messages(self) -> int:
        return sum(self.counts.values())

    def restore(self, writer: Any) -> None:
        writer.counts = dict(self.counts)
        writer.min_timestamp, writer.max_timestamp = self.times
        del writer.connections[self.connections :]


class _McapState(_State):
    """The same of its MCAP storage, and how long the file was."""

    def __init__(self, writer: Any) -> None:
        super().__init__(writer)
        storage = writer.storage
        self.size = storage.bio.tell()
        self.lengths = {name: len(getattr(storage, name)) for name in ("schemas", "channels", "chunks")}
        self.channel_stats = dict(storage.channel_stats)
        self.span = storage.message_start_time, storage.message_end_time

    def restore(self, writer: Any) -> None:
        super().restore(writer)
        storage = writer.storage
        for name, length in self.lengths.items():
            del getattr(storage, name)[length:]
        storage.channel_stats = dict(self.channel_stats)
        storage.message_start_time, storage.message_end_time = self.span
        storage.chunk = type(storage.chunk)(2**63 - 1, 0, type(storage.chunk.bio)(), type(storage.chunk.msgs)(list))


class KeptMcap:
    """An MCAP bag: each flush ends a chunk, and a failed write is cut off the file."""

    def __init__(self, writer: Any) -> None:
        """Store the open ``rosbags.rosbag2.Writer``."""
        self._writer, self._storage = writer, writer.storage
        self._states: deque[_McapState] = deque(maxlen=_STATES)

    def flush(self) -> None:
        """End the chunk and hand it to the operating system.

        Raises:
            OSError: the disk is full.
        """
        storage = self._writer.storage
        if storage.chunk.msgs:
            storage.close_chunk()
        storage.bio.flush()
        self._states.append(_McapState(self._writer))

    def finish(self) -> int:
        """Finish the bag after a write that failed; returns how many messages it holds, 0 if it has no use."""
        storage = self._storage
        while self._states:
            state = self._states.pop()
            with suppress(OSError, ValueError):
                storage.bio.close()
            self._writer.storage = storage  # which the writer forgets when only its metadata.yaml could not be written
            try:
                storage.bio = Path(storage.path).open("r+b")  # noqa: SIM115
                storage.bio.truncate(state.size)
                storage.bio.seek(state.size)
                state.restore(self._writer)
                self._writer.close()
            except OSError:
                continue
            return state.messages
        with suppress(OSError, ValueError):
            storage.bio.close()
        return 0


class KeptSqlite3:
    """A sqlite3 bag: each flush commits, and a failed write is rolled back."""

    def __init__(self, writer: Any) -> None:
        """Store the open ``rosbags.rosbag2.Writer``; commits wait for the operating system, not for the disk."""
        self._writer, self._storage = writer, writer.storage
        self._storage.conn.execute("PRAGMA synchronous = OFF")
        self._state: _State | None = None

    def flush(self) -> None:
        """Commit.

        Raises:
            sqlite3.Error: the disk is full.
        """
        self._writer.storage.conn.commit()
        self._state = _State(self._writer)

    def finish(self) -> int:
        """Finish the bag after a write that failed; returns how many messages it holds, 0 if it has no use."""
        storage = self._storage
        with suppress(sqlite3.Error):
            storage.conn.rollback()
        with suppress(sqlite3.Error):
            storage.conn.close()
        with suppress(sqlite3.Error), closing(sqlite3.connect(storage.path)) as again:
            again.execute("SELECT count(*) FROM topics").fetchone()  # rolls back what is left in its journal
        if self._state is None:
            return 0
        self._state.restore(self._writer)
        storage.close = lambda *_: None  # its copy of metadata.yaml needs space that may not be there
        self._writer.storage = storage
        try:
            self._writer.close()
        except OSError:
            return 0
        return self._state.messages
