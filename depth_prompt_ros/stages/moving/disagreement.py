"""What a network that is told to stand elsewhere says otherwise: motion that goes with the place (2205.08851)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

SHIFT = 0.5
"""The grid's u is moved by this to either side; a picture spans 2."""

Rule = Literal["dispersion", "outlier"]
"""How three looks at one picture, with the grid as it is and with u moved by -SHIFT and by SHIFT, are compared.
"dispersion", the published one: all three disagree. "outlier" [ours]: the first disagrees with each of the others whose
place lies in the picture. A thing that stands still where the shift reaches the place of moving ones makes the three
disagree as much as one that moves, but its own answer is that of the other place too; so it is not called moving. The
place of what moves has to be narrower than the shift, a quarter of the picture's width."""


def dispersion(disparities: Float32) -> Float32:
    """(H, W) float32 unbiased variance over squared mean of depth, of (L, H, W) disparities above 0."""
    depth = 1 / disparities
    return np.asarray(depth.var(0, ddof=1) / depth.mean(0) ** 2, np.float32)


def disagreement(disparities: Float32, u: Float32, rule: Rule) -> Float32:
    """(H, W) float32, how much moves by the rule, 0 = nothing; see :data:`Rule`.

    Args:
        disparities: (3, H, W) above 0: with the grid as it is, with u - SHIFT, with u + SHIFT.
        u: (H, W) of the grid as it is.
    """
    if rule == "dispersion":
        return dispersion(disparities)
    pairs = [
        np.where(inside, dispersion(disparities[[0, other]]), np.float32(np.inf))
        for other, inside in enumerate(_inside(u), 1)
    ]
    return np.asarray(np.minimum(*pairs), np.float32)


def elsewhere(disparities: Float32, u: Float32) -> Float32:
    """(H, W) float32 disparity as if everything stood where it was moved to, the mean of the places in the picture.

    Of what moves with its place that is the disparity of its likes that stand still. Arguments as above.
    """
    inside = np.stack(_inside(u)).astype(np.float32)
    return np.asarray((disparities[1:] * inside).sum(0) / inside.sum(0), np.float32)


def _inside(u: Float32) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(H, W) bool each: u - SHIFT and u + SHIFT are in the picture; one of them always is."""
    return u - SHIFT >= -1, u + SHIFT <= 1
