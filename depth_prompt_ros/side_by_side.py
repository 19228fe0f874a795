"""Two pieces of a frame's work at once: OpenCV, NumPy and the runtimes give up Python's lock while they compute."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

One = TypeVar("One")
Other = TypeVar("Other")


def beside(work: Callable[[], One]) -> Callable[[], One]:
    """Work in another thread, from now on; where there is a single core, when its result is asked for.

    Returns:
        What waits for the work and returns or raises what it does; to be called once.
    """
    return _threads().submit(work).result if _cores() > 1 else work


def both(one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
    """What both return, ``one`` in another thread; one after the other where there is a single core.

    What ``one`` raises comes before what ``other`` raises, as if it had run first.
    """
    if _cores() < 2:
        return one(), other()
    first = beside(one)
    try:
        here = other()
    except BaseException:
        first()
        raise
    return first(), here


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads that stay: starting one takes as long as what some of them do. As many as are waited for at once."""
    return ThreadPoolExecutor(64, "beside")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # a forked process has none of them


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
