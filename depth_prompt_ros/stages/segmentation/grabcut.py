"""The target at a point or in a box, cut out by GrabCut at reduced size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame, BadInput
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.stages.segmentation.components import closed

Mask = NDArray[np.bool_]

_ITERATIONS = 3
_DEPTH_STEP = 0.03
_POINT_REACH = 0.35


class GrabCutSegmenter:
    """One target, label 1, from ``target_point`` or ``target_box`` (GrabCut, Rother et al. 2004).

    A point is first grown to the measured surface around it, where neighbouring depths differ by less than 3 %;
    without a measurement there, to a disc. GrabCut runs at ``working_width``; its random start is seeded with the
    frame's stamp.
    """

    def __init__(self, parameters: SegmentationParameters) -> None:
        """Check that the point or the box is given.

        Raises:
            BadInput: it is not.
        """
        wanted = "target_point" if parameters.method == "point" else "target_box"
        if getattr(parameters, wanted) is None:
            raise BadInput(f"segmentation.method {parameters.method} needs segmentation.{wanted}")
        self._parameters = parameters

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint16]:
        """(H, W) uint16, 1 on the target.

        Raises:
            BadFrame: the point or box lies outside the picture, or nothing in it stands out.
        """
        height, width = frame.image.shape[:2]
        scale = min(1.0, self._parameters.working_width / width)
        small = cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        guess = self._guess(measurement.depth, width, height)
        guess = cv2.resize(guess, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_NEAREST)
        cv2.setRNGSeed(frame.stamp_ns % (2**31))
        models = np.zeros((1, 65)), np.zeros((1, 65))
        try:
            cv2.grabCut(small, guess, (0, 0, 0, 0), *models, _ITERATIONS, cv2.GC_INIT_WITH_MASK)
        except cv2.error as error:
            raise BadFrame(
                "nothing in the target's point or box stands out from its surroundings: move or enlarge it"
            ) from error
        found = closed((guess & 1).astype(np.bool_), 1).astype(np.float32)
        # Linear interpolation of the mask, cut at one half, gives an edge without steps.
        target = cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
        target = _main_part(target)
        if target.sum() < self._parameters.min_area:
            raise BadFrame(
                f"the target at the given {self._parameters.method} has {int(target.sum())} pixels, fewer than "
                f"segmentation.min_area {self._parameters.min_area}: move or enlarge it"
            )
        return target.astype(np.uint16)

    def _guess(self, depth: NDArray[np.float32], width: int, height: int) -> NDArray[np.uint8]:
        """(H, W) GrabCut's start: sure background outside, probable target inside."""
        guess = np.full((height, width), cv2.GC_BGD, np.uint8)
        if self._parameters.method == "box":
            assert self._parameters.target_box is not None
            x, y, box_width, box_height = self._parameters.target_box
            left, top = max(round(x), 0), max(round(y), 0)
            right, bottom = min(round(x + box_width), width), min(round(y + box_height), height)
            if left >= right or top >= bottom:
                raise BadFrame(
                    f"the target's box {x, y, box_width, box_height} lies outside the {width}x{height} picture"
                )
            guess[top:bottom, left:right] = cv2.GC_PR_FGD
            return guess
        assert self._parameters.target_point is not None
        x, y = (round(value) for value in self._parameters.target_point)
        if not (0 <= x < width and 0 <= y < height):
            raise BadFrame(f"the target's point {x, y} lies outside the {width}x{height} picture")
        reach = round(_POINT_REACH * min(width, height))
        guess[max(y - reach, 0) : y + reach, max(x - reach, 0) : x + reach] = cv2.GC_PR_BGD
        grown = _surface_around(depth, x, y)
        guess[grown & (guess == cv2.GC_PR_BGD)] = cv2.GC_PR_FGD
        cv2.circle(guess, (x, y), max(2, reach // 25), cv2.GC_FGD, cv2.FILLED)
        return guess


def _surface_around(depth: NDArray[np.float32], x: int, y: int) -> Mask:
    """(H, W) bool: connected pixels whose measured depth changes by less than 3 % from one to the next."""
    height, width = depth.shape
    disc = np.zeros((height, width), np.uint8)
    cv2.circle(disc, (x, y), max(4, min(width, height) // 20), 1, cv2.FILLED)
    if not np.isfinite(depth[y, x]):
        return disc.astype(np.bool_)
    logarithm = np.where(np.isfinite(depth), np.log(np.maximum(depth, 1e-3)), np.float32(-20)).astype(np.float32)
    flooded = np.zeros((height + 2, width + 2), np.uint8)
    cv2.floodFill(
        logarithm, flooded, (x, y), 0, _DEPTH_STEP / 4, _DEPTH_STEP / 4, 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    )
    return flooded[1:-1, 1:-1].astype(np.bool_) | disc.astype(np.bool_)


def _main_part(mask: Mask) -> Mask:
    """The largest connected part, with every other part at least a tenth as large."""
    count, numbered, statistics, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    if count < 2:
        return mask
    areas = statistics[1:, cv2.CC_STAT_AREA]
    kept = np.flatnonzero(areas >= 0.1 * areas.max()) + 1
    return np.isin(numbered, kept)
