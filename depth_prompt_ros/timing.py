"""Seconds that the parts of a frame's processing take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Store the wall-clock seconds of the block as ``seconds[part]``."""
    began = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - began
