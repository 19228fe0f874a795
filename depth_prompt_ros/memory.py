"""What the C library does with memory that a frame has given back."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of mallopt (malloc.h)."""

_KEPT, _LARGE = 64 * 2**20, 32 * 2**20


def keep_freed_memory() -> bool:
    """Keep up to 64 MiB that was freed, for the next frame; False where the C library is not glibc.

    A frame's pictures of a megabyte each are freed and wanted again, frame after frame. Given back to the kernel they
    come again page by page, zeroed: a third of the time of what is computed on them.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_MMAP_THRESHOLD, _LARGE)) and bool(mallopt(_TRIM_THRESHOLD, _KEPT))
