"""What is said where a recording and its truth share no moment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Stamps = NDArray[np.int64]


def no_overlap(truth: str, pictures: Stamps, theirs: Stamps, tolerance: float) -> str:
    """One line with both spans of time.

    Args:
        truth: what holds the truth.
        pictures, theirs: stamps in nanoseconds, ``theirs`` perhaps none.
        tolerance: seconds.
    """
    if not len(theirs):
        return f"{truth} holds no true depth at all"
    spans = [f"{stamps.min() * 1e-9:.3f} to {stamps.max() * 1e-9:.3f} s" for stamps in (pictures, theirs)]
    return (
        f"no truth of {truth} lies within {tolerance:g} s of a picture: pictures are of {spans[0]}, "
        f"the truth of {spans[1]}"
    )
