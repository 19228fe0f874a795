"""Messages that wait for their partners: for seconds, however many come meanwhile."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from depth_prompt_ros.bag.messages import stamp_of

_REMEMBERED = 256
_MEGABYTE = 1_000_000


class _Held(NamedTuple):
    """A message that waits: when it came, what it is, and bytes of its pixels."""

    came: float
    message: Any
    size: int


class WaitingSets:
    """Puts messages of several topics together by their stamps.

    message_filters holds a number of messages of each topic, so that a partner which takes longer than that number of
    pictures never meets its own. Here they are held for some seconds. A set that is complete ends the waiting of all
    that is older: what is left of an incomplete set goes as a whole. So it does, the oldest first, where more bytes
    wait than may; the set of the latest message stays, however large it is.

    Attributes:
        size: bytes of the pictures that wait.
        dropped: sets that have gone for their size so far.
        dropped_at: when the latest of them went.
        late: by role, how many seconds after the first role's message its partner came, where that had been given up,
            and when that was noticed.
    """

    def __init__(
        self,
        roles: Iterable[str],
        tolerance: float,
        hold: float,
        most_megabytes: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without any.

        Args:
            roles: one message of each makes a set; the first is the one that all others are compared with.
            tolerance: seconds; stamps of a set are at most that far from the first role's.
            hold: seconds for which a message waits.
            most_megabytes: of 10^6 bytes, of all pictures that wait.
            clock: seconds that only rise.
        """
        self._waiting: dict[str, dict[int, _Held]] = {role: {} for role in roles}
        self._first = next(iter(self._waiting))
        self._tolerance_ns, self._hold, self._clock = round(tolerance * 1e9), hold, clock
        self._most = round(most_megabytes * _MEGABYTE)
        self._given_up: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)
        self.size, self.dropped, self.dropped_at = 0, 0, 0.0
        self.late: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, role: str, message: Any) -> dict[str, Any] | None:
        """Take a message; the set that it completes, by role, or None."""
        now, stamp = self._clock(), stamp_of(message)
        self._give_up(now)
        self._remove(role, stamp)
        held = _Held(now, message, len(getattr(message, "data", ())))
        self._waiting[role][stamp] = held
        self.size += held.size
        complete = self._complete(role, stamp, now)
        if complete is None:
            self._make_room(stamp, now)
        return complete

    def clear(self) -> None:
        """Forget all that waits."""
        for waiting in self._waiting.values():
            waiting.clear()
        self._given_up.clear()
        self.size, self.late = 0, {}

    def _complete(self, role: str, stamp: int, now: float) -> dict[str, Any] | None:
        first = self._nearest(self._first, stamp)
        if first is None:
            self._note_late(role, stamp, now)
            return None
        chosen = {each: self._nearest(each, first) for each in self._waiting}
        if any(found is None for found in chosen.values()):
            return None
        complete = {each: self._waiting[each][found].message for each, found in chosen.items() if found is not None}
        for each, found in chosen.items():
            for old in [other for other in self._waiting[each] if found is not None and other <= found]:
                self._remove(each, old)
        return complete

    def _nearest(self, role: str, stamp: int) -> int | None:
        near = min(self._waiting[role], key=lambda other: abs(other - stamp), default=None)
        return near if near is not None and abs(near - stamp) <= self._tolerance_ns else None

    def _remove(self, role: str, stamp: int) -> None:
        held = self._waiting[role].pop(stamp, None)
        if held is not None:
            self.size -= held.size

    def _give_up(self, now: float) -> None:
        for role, waiting in self._waiting.items():
            for stamp in [stamp for stamp, held in waiting.items() if now - held.came > self._hold]:
                if role == self._first:
                    self._given_up.append((stamp, waiting[stamp].came))
                self._remove(role, stamp)

    def _make_room(self, latest: int, now: float) -> None:
        """Drop whole sets, the ones that came first, until what waits is small enough; never that of ``latest``."""
        kept = self._set_of(latest)
        while self.size > self._most:
            oldest = [
                next(((held.came, stamp) for stamp, held in waiting.items() if self._set_of(stamp) != kept), None)
                for waiting in self._waiting.values()
            ]
            if not any(oldest):
                return
            goes = self._set_of(min(each for each in oldest if each)[1])
            for role, near in [(role, self._nearest(role, goes)) for role in self._waiting]:
                if near is None or self._set_of(near) == kept:
                    continue
                if role == self._first:
                    self._given_up.append((near, self._waiting[role][near].came))
                self._remove(role, near)
            self.dropped, self.dropped_at = self.dropped + 1, now

    def _set_of(self, stamp: int) -> int:
        """The first role's stamp that a message belongs to, else its own."""
        first = self._nearest(self._first, stamp)
        return stamp if first is None else first

    def _note_late(self, role: str, stamp: int, now: float) -> None:
        for given_up, came in self._given_up:
            if role != self._first and abs(given_up - stamp) <= self._tolerance_ns:
                self.late[role] = now - came, now
                return
