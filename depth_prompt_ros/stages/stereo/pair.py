"""Whether two pictures can be a rectified stereo pair."""

from __future__ import annotations

import logging

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import Frame

logger = logging.getLogger(__name__)

_EVERY = 100
_FEATURES = 500
_MIN_MATCHES = 30
_MAX_ROWS = 32
_TOLERATED = 1.5
_PATCH = 31


def check_pair(frame: Frame) -> None:
    """Check what can be known before matching.

    Raises:
        BadFrame: no right picture, pictures or camera_info of different sizes, or no baseline.
    """
    if frame.right is None:
        raise BadFrame("there is no right picture: give a stereo pair, or a depth image instead")
    sizes = [f"{picture.shape[1]}x{picture.shape[0]}" for picture in (frame.image, frame.right)]
    if sizes[0] != sizes[1]:
        raise BadFrame(f"left picture is {sizes[0]} but right is {sizes[1]}: stereo needs a rectified pair of one size")
    expected = f"{frame.camera.width}x{frame.camera.height}"
    if sizes[0] != expected:
        raise BadFrame(f"pictures are {sizes[0]} but camera_info says {expected}: they must be of one size")
    if not frame.camera.baseline > 0:
        raise BadFrame(
            "the camera has no baseline: publish the right camera's camera_info with P[0,3] = -fx * baseline"
        )


class VerticalDisparityCheck:
    """Warns once, in the log, when rows of the pair are not aligned: pictures that are not rectified."""

    def __init__(self) -> None:
        self._frames = 0
        self._warned = False

    def __call__(self, left: NDArray[np.uint8], right: NDArray[np.uint8]) -> None:
        """Look at the first frame and at every hundredth after it; (H, W) uint8 grey pictures."""
        due = self._frames % _EVERY == 0 and not self._warned
        self._frames += 1
        rows = vertical_disparity(left, right) if due else None
        if rows is not None and rows > _TOLERATED:
            self._warned = True
            logger.warning(
                "left and right pictures are misaligned by %.1f rows: rectify them (image_rect, not image_raw) or "
                "calibrate again; depth will be poor",
                rows,
            )


def vertical_disparity(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> float | None:
    """Median distance in rows between features of both pictures; None when too few are found.

    ORB features (Rublee et al. 2011), nearest to each other both ways, at most 32 rows apart. OpenCV's ORB fails on
    pictures with a side below its patch of 31 pixels: they have too few.
    """
    if min(left.shape) <= _PATCH:
        return None
    orb = cv2.ORB_create(_FEATURES)
    points, descriptors = zip(*(orb.detectAndCompute(picture, None) for picture in (left, right)), strict=True)
    if any(found is None for found in descriptors):
        return None
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(*descriptors)
    rows = np.array([points[0][m.queryIdx].pt[1] - points[1][m.trainIdx].pt[1] for m in matches if m.distance < 50])
    rows = np.abs(rows[np.abs(rows) <= _MAX_ROWS]) if rows.size else rows
    return float(np.median(rows)) if rows.size >= _MIN_MATCHES else None
