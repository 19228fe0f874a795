"""Masks of things of which only boxes are known: what stands in the box, and what has its colours.

The pipeline's own way to cut a thing out of a box takes what lies on the level of the table for the table, which is
half of a bowl; here a box is known to hold one whole thing, so there colour decides.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.anchor.support_plane import Plane, fit_support_plane
from depth_prompt_ros.stages.segmentation.components import disc, surfaces

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_AROUND = 0.2
"""Surroundings of the box that the background's colours are learned from, as a share of its longer side."""

_STANDS_OUT, _BEHIND = 0.012, 0.02
"""Nearer than the support by this share stands on it; farther by this share is the floor, or a wall."""

_STEP = 0.015
"""A surface ends where depth changes by more than this share from one pixel to the next."""

_CONTAINED = 0.8
"""A standing surface with a smaller share of its pixels in the box is another thing."""

_REACH = 0.8
"""What is measured farther from the middle of what stands in the box than this share of the box's size is not it."""

_ITERATIONS = 5


def masks_in_boxes(
    image: NDArray[np.uint8], camera: CameraModel, depth: Float32, boxes: Float32
) -> Iterator[tuple[int, Mask]]:
    """The mask of the thing in each box, by the box's place in the list, counted from 1; none where nothing is found.

    GrabCut (Rother et al. 2004) with what depth knows: what stands on the support in the box is the thing, what stands
    there and goes on outside, lies behind the support or out of reach is not; between them colour decides, and at first
    the ellipse in the box. A pixel in several masks is the smallest one's.

    Args:
        image: (H, W, 3) uint8 RGB.
        depth: (H, W) float32 metres, NaN = nothing.
        boxes: (N, 4) x0, y0, x1, y1.
    """
    spans = [_span(box, depth.shape) for box in boxes.tolist()]
    everything = np.zeros(depth.shape, np.bool_)
    for span in spans:
        everything[span] = True
    found = {number: _cut(image, camera, depth, everything, span) for number, span in enumerate(spans, start=1)}
    owner, order = np.zeros(depth.shape, int), sorted(found, key=lambda number: -int(found[number].sum()))
    for number in order:
        owner[found[number]] = number
    for number in sorted(found):
        if (mask := owner == number).any():
            yield number, mask


def _span(box: list[float], shape: tuple[int, ...]) -> tuple[slice, slice]:
    (x0, x1), (y0, y1) = (
        np.clip([round(low), round(high)], 0, size).tolist()
        for low, high, size in ((box[0], box[2], shape[1]), (box[1], box[3], shape[0]))
    )
    return np.s_[y0:y1, x0:x1]


def _cut(
    image: NDArray[np.uint8], camera: CameraModel, depth: Float32, everything: Mask, span: tuple[slice, slice]
) -> Mask:
    """(H, W) bool, the thing in one box; empty where nothing is found."""
    found = np.zeros(depth.shape, np.bool_)
    rows, columns = span
    width, height = columns.stop - columns.start, rows.stop - rows.start
    if min(width, height) < 2:
        return found
    pad = max(6, round(_AROUND * max(width, height)))
    top, left = max(rows.start - pad, 0), max(columns.start - pad, 0)
    area = np.s_[top : rows.stop + pad, left : columns.stop + pad]
    near, colours = depth[area], np.ascontiguousarray(image[area])
    close = camera.cropped(left, top, near.shape[1], near.shape[0])
    inside = np.zeros(near.shape, np.bool_)
    inside[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = True
    ellipse = np.zeros(near.shape, np.uint8)
    middle = (columns.start - left + (width - 1) / 2, rows.start - top + (height - 1) / 2)
    cv2.ellipse(ellipse, (middle, (width, height), 0), 1, cv2.FILLED)
    likely = inside & (ellipse > 0)

    standing, other = _by_depth(close, near, fit_support_plane(camera, depth, everything, span, 0), inside, likely)
    guess = np.full(near.shape, cv2.GC_BGD, np.uint8)
    guess[inside], guess[likely] = cv2.GC_PR_BGD, cv2.GC_PR_FGD
    guess[likely & standing] = cv2.GC_FGD
    guess[other] = cv2.GC_BGD
    if not (guess & 1).any():
        return found
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(colours, guess, (0, 0, 0, 0), *models, _ITERATIONS, cv2.GC_INIT_WITH_MASK)
    whole = cv2.morphologyEx((guess & 1) & inside.view(np.uint8), cv2.MORPH_OPEN, disc(2))
    count, numbered, statistics, _ = cv2.connectedComponentsWithStats(whole, connectivity=8)
    if count > 1:
        found[area] = numbered == 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA]))
    return found


def _by_depth(
    camera: CameraModel, depth: Float32, support: Plane | None, inside: Mask, likely: Mask
) -> tuple[Mask, Mask]:
    """(h, w) what is surely the thing, and what surely is not, as far as depth tells."""
    known = depth > 0
    standing = np.zeros_like(known)
    behind = standing
    if support is not None:
        standing = known & support.stands_out(camera, depth, _STANDS_OUT)
        with np.errstate(invalid="ignore"):
            behind = known & (depth * support.inverse_depth(camera) > 1 + _BEHIND)
    here = likely & (standing if (likely & standing).any() else known)
    if not here.any():
        return standing, behind
    size = max(cv2.boundingRect(inside.view(np.uint8))[2:]) / camera.fx * np.median(depth[here])
    with np.errstate(invalid="ignore"):
        far = known & (np.abs(depth - np.median(depth[here])) > _REACH * size)
    numbered = surfaces(depth, standing, _STEP)
    area, within, likeliest = (
        np.bincount(numbered[where], minlength=int(numbered.max()) + 1) for where in (standing, inside, likely)
    )
    elsewhere = within < _CONTAINED * area
    likeliest[0] = 0
    elsewhere[[0, int(np.argmax(likeliest))]] = False
    shrunk = cv2.erode(elsewhere[numbered].view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    sure = cv2.erode((inside & standing & ~far).view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return sure & ~elsewhere[numbered], far | behind | shrunk
