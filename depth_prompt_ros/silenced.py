"""Standard output of libraries that print, dropped."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

_ONE_AT_A_TIME = threading.Lock()
"""Standard output is redirected for all threads: two that do so at once would put back each other's."""


@contextmanager
def silenced() -> Iterator[None]:
    """Nothing that is printed meanwhile is seen; threads that want this wait for each other."""
    with _ONE_AT_A_TIME, redirect_stdout(io.StringIO()):
        yield
