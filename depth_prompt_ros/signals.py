"""SIGINT and SIGTERM as exceptions that never fall in the middle of a write."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self


class DeferredSignals:
    """While entered, SIGINT raises KeyboardInterrupt and SIGTERM SystemExit(143), but not inside ``uninterrupted``.

    A signal that arrives inside ``uninterrupted`` is raised when the outermost such block ends.
    Outside Python's main thread signals are left alone.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._pending: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Defer signals during the block and raise them when it ends."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        self._raise_pending()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._pending = number
        self._raise_pending()

    def _raise_pending(self) -> None:
        """Raise a pending signal; raise it again at the next block if the exception was swallowed."""
        if self._pending is None or self._depth:
            return
        if self._pending == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self._pending)
