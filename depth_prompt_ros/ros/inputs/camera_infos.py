"""camera_info while pictures come: each topic's latest holds, at whatever rate it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from depth_prompt_ros.bag.messages import stamp_of

_REMEMBERED = 16
_REGULAR = 2
"""Pictures in a row with a message of their own: then each has one."""


class CameraInfos:
    """The latest messages of each role, and which of them belongs to a picture.

    That is the one nearest within the tolerance, else the latest before, else the first: as in a replay. Where the two
    pictures before had one each, the next one's is waited for: it may be the one that says that something changed.
    """

    def __init__(self, roles: Iterable[str], tolerance: float) -> None:
        """Begin without any.

        Args:
            roles: that need a message.
            tolerance: seconds.
        """
        self._latest: dict[str, deque[Any]] = {role: deque(maxlen=_REMEMBERED) for role in roles}
        self._own_in_a_row = dict.fromkeys(self._latest, 0)
        self._tolerance_ns = round(tolerance * 1e9)

    def note(self, role: str, message: Any) -> None:
        """Remember a message."""
        self._latest[role].append(message)

    def forget(self) -> None:
        """After time has jumped: stamps of the future say nothing, the latest calibration still does."""
        for messages in self._latest.values():
            while len(messages) > 1:
                messages.popleft()
        self._own_in_a_row = dict.fromkeys(self._latest, 0)

    def missing(self) -> bool:
        """Some role has had no message yet."""
        return not all(self._latest.values())

    def expected(self, stamp_ns: int) -> bool:
        """A message of this picture's own stamp will come, to judge by the pictures before."""
        return any(count >= _REGULAR and not self._own(role, stamp_ns) for role, count in self._own_in_a_row.items())

    def take(self, stamp_ns: int) -> Mapping[str, Any]:
        """The messages that belong to a picture, by role; there must be some of each."""
        found = {}
        for role, messages in self._latest.items():
            own = self._own(role, stamp_ns)
            self._own_in_a_row[role] = self._own_in_a_row[role] + 1 if own else 0
            before = [message for message in messages if stamp_of(message) <= stamp_ns]
            found[role] = own or (before or messages)[-1 if before else 0]
        return found

    def _own(self, role: str, stamp_ns: int) -> Any:
        near = [(abs(stamp_of(message) - stamp_ns), place) for place, message in enumerate(self._latest[role])]
        gap, place = min(near, default=(self._tolerance_ns + 1, 0))
        return self._latest[role][place] if gap <= self._tolerance_ns else None
