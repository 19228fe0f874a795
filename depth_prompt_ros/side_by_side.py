"""Two pieces of a frame's work at once: OpenCV, NumPy and the runtimes give up Python's lock while they compute."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

One = TypeVar("One")
Other = TypeVar("Other")


class Beside(Generic[One]):
    """Work in a thread of its own, from now on; where there is a single core, when its result is asked for."""

    def __init__(self, work: Callable[[], One]) -> None:
        self._work = work
        self._answers: list[One] = []
        self._problems: list[BaseException] = []
        self._thread: threading.Thread | None = None
        if _cores() > 1:
            self._thread = threading.Thread(target=self._run, name="beside", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            self._answers.append(self._work())
        except BaseException as problem:  # noqa: BLE001 (raised where the result is asked for)
            self._problems.append(problem)

    def result(self) -> One:
        """What the work returns; raises what it raises."""
        if self._thread is None:
            self._run()
        else:
            self._thread.join()
        if self._problems:
            raise self._problems[0]
        return self._answers[0]


def both(one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
    """What both return, ``one`` in a thread of its own; one after the other where there is a single core.

    What ``one`` raises comes before what ``other`` raises, as if it had run first.
    """
    if _cores() < 2:
        return one(), other()
    beside = Beside(one)
    try:
        here = other()
    except BaseException:
        beside.result()
        raise
    return beside.result(), here


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
