"""One thread that works on the latest item; a new one replaces a waiting one, nothing queues up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
_ASK_AGAIN_S = 0.1


class LatestWorker(Generic[Item]):
    """Calls ``work`` in a thread of its own, outside ROS callbacks, with the latest item only.

    Attributes:
        dropped: items that were replaced before their turn.
    """

    def __init__(self, work: Callable[[Item], None], name: str, ready: Callable[[], bool] = lambda: True) -> None:
        """Start the thread.

        Args:
            work: what to do with an item; must not raise.
            name: of the thread.
            ready: an item may be taken; asked again after :meth:`wake`, and from time to time.
        """
        self._work, self._ready = work, ready
        self._waiting: list[Item] = []
        self._condition = threading.Condition()
        self._stopped = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Replace the waiting item and return at once."""
        with self._condition:
            self.dropped += len(self._waiting)
            self._waiting = [item]
            self._condition.notify()

    def wake(self) -> None:
        """Ask again whether an item may be taken."""
        with self._condition:
            self._condition.notify()

    def clear(self) -> None:
        """Drop the waiting item."""
        with self._condition:
            self._waiting = []

    def stop(self) -> None:
        """Stop the thread after the current item."""
        with self._condition:
            self._stopped, self._waiting = True, []
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not (self._stopped or (self._waiting and self._ready())):
                    self._condition.wait(_ASK_AGAIN_S if self._waiting else None)
                if self._stopped:
                    return
                item = self._waiting.pop()
            self._work(item)
