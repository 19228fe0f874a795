"""Messages that wait for their partners: in memory as long as they are few, then in a file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING

from depth_prompt_ros.bag.storage.recording import RawMessage
from depth_prompt_ros.errors import BadInput

if TYPE_CHECKING:
    from typing_extensions import Self

_IN_MEMORY = 2**26
_ON_DISK = Path("/var/tmp")  # noqa: S108 (/tmp may lie in memory)


class Spill:
    """Raw messages by frame and role; what is more than 64 MiB of them waits in an unnamed temporary file.

    Partners may lie far apart in a recording, in the worst case all left images before all right ones: memory then
    stays the same, and the file grows to the size of what waits.
    """

    def __init__(self, in_memory: int = _IN_MEMORY) -> None:
        """Begin with nothing.

        Args:
            in_memory: bytes.
        """
        self._waiting: dict[int, dict[str, RawMessage]] = {}
        self._places: dict[tuple[int, str], tuple[int, int]] = {}
        self._size, self._limit = 0, in_memory
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.close()

    def put(self, frame: int, role: str, message: RawMessage) -> None:
        """Keep a message.

        Raises:
            BadInput: the temporary file cannot be written.
        """
        message = message._replace(data=bytes(message.data))  # not the chunk that it is a part of
        if self._size + len(message.data) > self._limit:
            message = self._write((frame, role), message)
        self._size += len(message.data)
        self._waiting.setdefault(frame, {})[role] = message

    def count(self, frame: int) -> int:
        """Messages of a frame that wait."""
        return len(self._waiting.get(frame, ()))

    def take(self, frame: int) -> dict[str, RawMessage]:
        """A frame's messages by role, which then wait no more."""
        messages = self._waiting.pop(frame)
        self._size -= sum(len(message.data) for message in messages.values())
        for role in messages:
            if (place := self._places.pop((frame, role), None)) is not None:
                assert self._file is not None
                self._file.seek(place[0])
                messages[role] = messages[role]._replace(data=self._file.read(place[1]))
        return messages

    def _write(self, key: tuple[int, str], message: RawMessage) -> RawMessage:
        """Write the message's data to the file; returns it without."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=_ON_DISK if _ON_DISK.is_dir() else None)  # noqa: SIM115
            self._places[key] = self._file.seek(0, 2), len(message.data)
            self._file.write(message.data)
            self._file.flush()
        except OSError as error:
            raise BadInput(
                f"messages that wait for their partners do not fit on the disk ({error}): partners lie far apart in "
                "this recording; free some space, or sort it by time of stamp"
            ) from error
        return message._replace(data=b"")
