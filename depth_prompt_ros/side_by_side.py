"""Two pieces of a frame's work at once: OpenCV, NumPy and the runtimes give up Python's lock while they compute."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

One = TypeVar("One")
Other = TypeVar("Other")


def both(one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
    """What both return, ``one`` in a thread of its own; one after the other where there is a single core.

    What ``one`` raises comes before what ``other`` raises, as if it had run first.
    """
    if _cores() < 2:
        return one(), other()
    answers: list[One] = []
    problems: list[BaseException] = []

    def beside() -> None:
        try:
            answers.append(one())
        except BaseException as problem:  # noqa: BLE001 (raised below, in the caller's thread)
            problems.append(problem)

    thread = threading.Thread(target=beside, name="beside", daemon=True)
    thread.start()
    try:
        here = other()
    finally:
        thread.join()
        if problems:
            raise problems[0]
    return answers[0], here


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
