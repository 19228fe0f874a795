"""From the network's classes, offsets and outlines to one label a thing."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Labels = NDArray[np.uint8]

_GRID = 2
"""Votes are counted in cells of 2 x 2 pixels."""

_BLUR = 1.5
_PEAK, _APART = 1.5, 7
"""A middle has at least so many blurred votes and is the largest within so many cells."""

_MOST = 250


def instances(thing: Float32, offsets: Float32, outline: Float32, min_area: int) -> Labels:
    """(h, w) uint8 labels from 1, 0 = no thing.

    Each pixel that is more likely a thing than not votes for the middle that its offset leads to, as in generalised
    Hough transforms (PersonLab, 1803.08225; Panoptic-DeepLab, 1911.10194). Pixels on outlines count less, for they lead
    to either side. Peaks of the votes are middles, and a pixel belongs to the one nearest to its vote.

    Args:
        thing: (h, w) probability that a pixel shows a thing, transparent, mirror or opaque.
        offsets: (2, h, w) x and y from a pixel to its thing's middle, in picture widths.
        outline: (h, w) probability that a pixel lies on a thing's outline.
        min_area: smaller things are left out, pixels.
    """
    height, width = thing.shape
    found = np.zeros(thing.shape, np.uint8)
    rows, columns = np.nonzero(thing > 0.5)
    if len(rows) < min_area:
        return found
    x = np.clip(columns + offsets[0][rows, columns] * width, 0, width - 1)
    y = np.clip(rows + offsets[1][rows, columns] * width, 0, height - 1)
    weight = thing[rows, columns] * (1 - 0.7 * outline[rows, columns])
    cells = (height + 1) // _GRID, (width + 1) // _GRID
    place = (y / _GRID).astype(np.int64) * cells[1] + (x / _GRID).astype(np.int64)
    votes = np.bincount(place, weight, cells[0] * cells[1])[: cells[0] * cells[1]].reshape(cells).astype(np.float32)
    votes = cv2.GaussianBlur(votes, (0, 0), _BLUR)
    largest = cv2.dilate(votes, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_APART, _APART)))
    peaks = np.argwhere((votes == largest) & (votes > _PEAK))
    if not len(peaks):
        return found
    peaks = peaks[np.argsort(-votes[tuple(peaks.T)])][:_MOST]
    middles = (peaks[:, ::-1] + 0.5) * _GRID
    distance = (x[:, None] - middles[:, 0]) ** 2 + (y[:, None] - middles[:, 1]) ** 2
    found[rows, columns] = distance.argmin(1) + 1
    return _solid(found, min_area)


def _solid(labels: Labels, min_area: int) -> Labels:
    """Each label's largest part, its holes closed, if it is large enough; numbered from the largest."""
    parts = []
    for number in range(1, int(labels.max()) + 1):
        left, top, width, height = cv2.boundingRect((labels == number).view(np.uint8))
        if width * height < max(min_area, 1):
            continue
        mask = (labels[top : top + height, left : left + width] == number).view(np.uint8)
        _, pieces, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        areas = statistics[1:, cv2.CC_STAT_AREA]
        largest = int(np.argmax(areas))
        if areas[largest] >= min_area:
            parts.append((int(areas[largest]), (pieces == largest + 1).view(np.uint8), (left, top)))
    parts.sort(key=lambda part: -part[0])
    found = np.zeros_like(labels)
    for number, (_, part, (left, top)) in enumerate(parts[:_MOST], start=1):
        contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        filled = np.zeros_like(part)
        cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
        around = found[top : top + part.shape[0], left : left + part.shape[1]]
        around[(filled > 0) & (around == 0)] = number
    return found
