"""One thread that works on the latest item; a new one replaces a waiting one, nothing queues up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class LatestWorker(Generic[Item]):
    """Calls ``work`` outside of ROS's callbacks.

    Attributes:
        dropped: items that were replaced before their turn.
    """

    def __init__(self, work: Callable[[Item], None], name: str) -> None:
        """Start the thread.

        Args:
            work: what to do with an item; must not raise.
            name: of the thread.
        """
        self._work = work
        self._waiting: list[Item] = []
        self._condition = threading.Condition()
        self._stopped = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand an item over; returns at once."""
        with self._condition:
            self.dropped += len(self._waiting)
            self._waiting = [item]
            self._condition.notify()

    def clear(self) -> None:
        """Forget a waiting item."""
        with self._condition:
            self._waiting = []

    def stop(self) -> None:
        """End after the item that is being worked on."""
        with self._condition:
            self._stopped, self._waiting = True, []
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._stopped)
                if self._stopped:
                    return
                item = self._waiting.pop()
            self._work(item)
