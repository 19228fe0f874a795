"""What is hidden of a thing: all of it, one side, or blobs; and of glass what was measured through it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.stages.boxes import box_of

Mask = NDArray[np.bool_]

WHOLE, SIDE, BLOBS, GLASS = "whole", "side", "blobs", "glass"
CASES = {
    WHOLE: "Wholly hidden",
    SIDE: "One side hidden",
    BLOBS: "Blobs hidden",
    GLASS: "Glass",
}
"""Each way to hide, with its title."""

_BLOB = 0.12
"""A blob's radius, as a share of the root of the thing's area."""


def hidden_part(mask: Mask, case: str, number: int) -> Mask:
    """(H, W) bool, the part of a thing that is hidden.

    A side is the half of its pixels to the left, to the right, above or below, in turn by ``number``. Blobs are discs
    around pixels drawn with ``number`` as the seed, of 0.12 of the root of the area, until half of the thing is hidden.

    Args:
        mask: (H, W) bool, the thing, not empty.
        case: a key of :data:`CASES`.
    """
    if case in (WHOLE, GLASS):
        return mask.copy()
    rows, columns = np.nonzero(mask)
    if case == SIDE:
        along = (columns, -columns, rows, -rows)[number % 4]
        hidden = np.zeros_like(mask)
        chosen = along < np.median(along)
        hidden[rows[chosen], columns[chosen]] = True
        return hidden
    rng, radius = np.random.default_rng(number), max(2, round(_BLOB * np.sqrt(len(rows))))
    box = box_of(mask)
    blobs, inside = np.zeros(mask[box].shape, np.uint8), mask[box]
    for index in rng.permutation(len(rows)).tolist():
        at = int(columns[index]) - box[1].start, int(rows[index]) - box[0].start
        cv2.circle(blobs, at, radius, 1, cv2.FILLED)
        if 2 * np.count_nonzero(blobs[inside]) >= len(rows):
            break
    hidden = np.zeros_like(mask)
    hidden[box] = inside & (blobs > 0)
    return hidden
