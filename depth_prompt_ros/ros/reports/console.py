"""What goes wrong, on the console: once it lasts, and again from time to time, never with every frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

_LASTS_S = 1.5
_AGAIN_S = 10.0
_KINDS = 100


class Console:
    """A node's warnings, each kind at most every ten seconds."""

    def __init__(self, logger: Any, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing said.

        Args:
            logger: of the node.
            clock: seconds that only rise.
        """
        self._logger, self._clock = logger, clock
        self._since: dict[str, float] = {}
        self._said: dict[str, float] = {}
        self._unwell = False

    def standing(self, problems: Mapping[str, str], well: str) -> None:
        """Say what is wrong at present, if it has been for more than a moment; and that it is over.

        Args:
            problems: what to say, by kind.
            well: what to say when all that was said is over.
        """
        for kind in [kind for kind in self._since if kind not in problems]:
            del self._since[kind]
            self._said.pop(kind, None)
        for kind, text in problems.items():
            if self._clock() - self._since.setdefault(kind, self._clock()) >= _LASTS_S:
                self.event(kind, text)
                self._unwell = True
        if self._unwell and not problems:
            self._unwell = False
            self._logger.info(well)

    def forget(self) -> None:
        """Nobody looks any more: what was wrong is neither wrong nor over."""
        for kind in self._since:
            self._said.pop(kind, None)
        self._since, self._unwell = {}, False

    def event(self, kind: str, text: str) -> None:
        """Say that something went wrong, unless the same kind was said a moment ago."""
        now = self._clock()
        if now - self._said.get(kind, -_AGAIN_S) < _AGAIN_S:
            return
        if len(self._said) >= _KINDS:
            self._said.clear()
        self._said[kind] = now
        self._logger.warning(text)
