"""Messages that wait for their partners: for seconds, however many come meanwhile."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from depth_prompt_ros.bag.messages import stamp_of

_REMEMBERED = 256


class WaitingSets:
    """Puts messages of several topics together by their stamps.

    message_filters holds a number of messages of each topic, so that a partner which takes longer than that number of
    pictures never meets its own. Here they are held for some seconds. A set that is complete ends the waiting of all
    that is older: what is left of an incomplete set goes as a whole.

    Attributes:
        late: by role, how many seconds after the first role's message its partner came, where that had been given up,
            and when that was noticed.
    """

    def __init__(
        self, roles: Iterable[str], tolerance: float, hold: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin without any.

        Args:
            roles: one message of each makes a set; the first is the one that all others are compared with.
            tolerance: seconds; stamps of a set are at most that far from the first role's.
            hold: seconds for which a message waits.
            clock: seconds that only rise.
        """
        self._waiting: dict[str, dict[int, tuple[float, Any]]] = {role: {} for role in roles}
        self._first = next(iter(self._waiting))
        self._tolerance_ns, self._hold, self._clock = round(tolerance * 1e9), hold, clock
        self._given_up: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)
        self.late: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, role: str, message: Any) -> dict[str, Any] | None:
        """Take a message; the set that it completes, by role, or None."""
        now, stamp = self._clock(), stamp_of(message)
        self._give_up(now)
        self._waiting[role][stamp] = now, message
        first = self._nearest(self._first, stamp)
        if first is None:
            self._note_late(role, stamp, now)
            return None
        chosen = {each: self._nearest(each, first) for each in self._waiting}
        if any(found is None for found in chosen.values()):
            return None
        complete = {each: self._waiting[each][found][1] for each, found in chosen.items() if found is not None}
        for each, found in chosen.items():
            waiting = self._waiting[each]
            for old in [other for other in waiting if found is not None and other <= found]:
                del waiting[old]
        return complete

    def clear(self) -> None:
        """Forget all that waits."""
        for waiting in self._waiting.values():
            waiting.clear()
        self._given_up.clear()
        self.late = {}

    def _nearest(self, role: str, stamp: int) -> int | None:
        near = min(self._waiting[role], key=lambda other: abs(other - stamp), default=None)
        return near if near is not None and abs(near - stamp) <= self._tolerance_ns else None

    def _give_up(self, now: float) -> None:
        for role, waiting in self._waiting.items():
            for stamp in [stamp for stamp, (came, _) in waiting.items() if now - came > self._hold]:
                came = waiting.pop(stamp)[0]
                if role == self._first:
                    self._given_up.append((stamp, came))

    def _note_late(self, role: str, stamp: int, now: float) -> None:
        for given_up, came in self._given_up:
            if role != self._first and abs(given_up - stamp) <= self._tolerance_ns:
                self.late[role] = now - came, now
                return
