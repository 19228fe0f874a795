"""Pixels counted by label, and labels exchanged, a picture at a time."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8] | NDArray[np.uint16]

_SMALL = 256


def count_labels(labels: Labels) -> NDArray[np.int64]:
    """(N,) pixels of each label from 0 to the largest one, of an (H, W) picture, as ``np.bincount`` gives them."""
    most = int(labels.max(initial=0)) + 1
    counted = cv2.calcHist([labels], [0], None, [most], [0, most])
    return np.asarray(counted, np.int64).ravel()


def exchange(labels: Labels, table: NDArray[Any]) -> NDArray[Any]:
    """``table[labels]`` of an (H, W) picture; quick with up to 256 of them.

    Args:
        table: (N,) of any type that OpenCV knows, N greater than the largest label.
    """
    if len(table) > _SMALL:
        return np.asarray(table[labels])
    whole = np.zeros(_SMALL, table.dtype)
    whole[: len(table)] = table
    return np.asarray(cv2.LUT(labels.astype(np.uint8, copy=False), whole))
