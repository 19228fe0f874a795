"""Where in the picture each target is, so that what concerns it alone is done there alone."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray


def target_boxes(labels: NDArray[np.uint16]) -> Iterator[tuple[int, tuple[slice, slice]]]:
    """Each label above 0 that occurs in an (H, W) picture, in rising order, with the rows and columns it spans."""
    left, top, width, height = cv2.boundingRect((labels > 0).view(np.uint8))
    around = labels[top : top + height, left : left + width]
    for label in np.flatnonzero(np.bincount(around[around > 0])).tolist():
        x, y, width, height = cv2.boundingRect((around == label).view(np.uint8))
        yield label, np.s_[top + y : top + y + height, left + x : left + x + width]
