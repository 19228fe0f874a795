"""OpenCV's semi-global block matching (Hirschmueller 2008), checked and with a confidence."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import StereoParameters
from depth_prompt_ros.stages.stereo.confidence import disagreement, match_confidence
from depth_prompt_ros.stages.stereo.pair import VerticalDisparityCheck, check_pair
from depth_prompt_ros.stages.stereo.texture import rests_on_texture, texture

Grey = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SUBPIXEL = 16
_NO_MATCH = np.float32(np.nan)
_FEW = 0.3
"""The swapped pair is tried when less than this share of the textured pixels has a confirmed match."""


@dataclass(frozen=True, eq=False)
class _Match:
    """A matched pair.

    Attributes:
        disparity: (H, W) float32 pixels, NaN where none.
        disagreement: (H, W) float32 pixels between it and the right picture's match, inf where either is missing.
    """

    disparity: Float32
    disagreement: Float32

    def confirmed(self, tolerance: float) -> Mask:
        return self.disagreement <= tolerance


class SgbmMatcher:
    """Dense disparity of the left picture.

    The right picture is matched too, at half size: a fifth of the cost of a second full match, and as another scale it
    is the better witness in noise. OpenCV's own left-right check reads the same costs and misses what they have wrong.

    A pixel is invalid, not guessed, when

    - the two matches disagree (occluded, or wrong),
    - its match would lie outside the right picture,
    - the best match is hardly better than the second (``uniqueness``),
    - there is little texture around it (``min_texture``), and what there is may be noise: see
      :func:`rests_on_texture`, or
    - it belongs to a small region that fits nothing around it (``speckle_area``).
    """

    def __init__(self, parameters: StereoParameters) -> None:
        self._parameters = parameters
        self._vertical = VerticalDisparityCheck()

    def __call__(self, frame: Frame) -> DepthMeasurement:
        """Match a rectified pair.

        Rows that are not aligned are warned of once, in the log.

        Raises:
            BadFrame: no right picture, sizes that differ, no baseline, or left and right swapped.
        """
        check_pair(frame)
        assert frame.right is not None
        left, right = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), cv2.cvtColor(frame.right, cv2.COLOR_RGB2GRAY)
        parameters = self._parameters
        self._vertical(left, right)
        match = _match(left, right, parameters)
        confirmed = match.confirmed(parameters.left_right_tolerance)
        if (share := _share(confirmed, texture(left) >= parameters.min_texture)) < _FEW:
            _refuse_swapped(left, right, share, parameters)
        valid = confirmed & rests_on_texture(left, right, match.disparity, confirmed, parameters.min_texture)
        valid = _without_speckles(match.disparity, valid, parameters.speckle_area)
        disparity = np.where(valid, match.disparity, _NO_MATCH)
        depth = frame.camera.depth_from_disparity(disparity)
        confidence = match_confidence(match.disparity, match.disagreement, confirmed)
        confidence[~(depth > 0)] = 0
        return DepthMeasurement(depth, confidence, disparity)


def _match(left: Grey, right: Grey, parameters: StereoParameters) -> _Match:
    """Match left to right, and right to left at half size."""
    search = (parameters.min_disparity, parameters.num_disparities)
    disparity = _semi_global(left, right, search, parameters.block_size, parameters.uniqueness)
    mirrored = (cv2.flip(_halved(right), 1), cv2.flip(_halved(left), 1))
    other = cv2.flip(_semi_global(*mirrored, _halved_search(search), parameters.block_size, 0), 1)
    return _Match(disparity, disagreement(disparity, other, 0.5))


def _halved_search(search: tuple[int, int]) -> tuple[int, int]:
    return search[0] // 2, 16 * -(-search[1] // 32)


def _halved(picture: Grey) -> Grey:
    height, width = picture.shape
    return np.asarray(
        cv2.resize(picture, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA), np.uint8
    )


def _semi_global(left: Grey, right: Grey, search: tuple[int, int], block: int, uniqueness: int) -> Float32:
    """(H, W) float32 disparity, NaN where none or where the match would lie outside the right picture.

    OpenCV leaves out the columns whose search range leaves the picture: borders are added, so that the part of the
    range that is inside is searched.
    """
    first, count = search
    before, after = max(0, first + count), max(0, -first)
    padded = [cv2.copyMakeBorder(picture, 0, 0, before, after, cv2.BORDER_REPLICATE) for picture in (left, right)]
    matcher = cv2.StereoSGBM_create(
        minDisparity=first, numDisparities=count, blockSize=block, P1=8 * block**2, P2=32 * block**2, disp12MaxDiff=1,
        preFilterCap=31, uniquenessRatio=uniqueness, mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )  # fmt: skip
    width = left.shape[1]
    fixed = matcher.compute(*padded)[:, before : before + width]
    disparity = fixed.astype(np.float32) / _SUBPIXEL
    there = np.arange(width, dtype=np.float32) - disparity
    disparity[(fixed < first * _SUBPIXEL) | (there < 0) | (there > width - 1)] = _NO_MATCH
    return disparity


def _without_speckles(disparity: Float32, valid: Mask, area: int) -> Mask:
    """Valid pixels in regions of at least ``area`` pixels whose neighbours differ by at most a pixel."""
    lowest = -(2**15)
    fixed = np.where(valid, disparity * _SUBPIXEL, lowest).astype(np.int16)
    cv2.filterSpeckles(fixed, lowest, area, _SUBPIXEL)
    return np.asarray(fixed != lowest)


def _refuse_swapped(left: Grey, right: Grey, confirmed: float, parameters: StereoParameters) -> None:
    """Raise BadFrame when most of the swapped pair matches at half size, and three times what was confirmed."""
    first, count = _halved_search((parameters.min_disparity, parameters.num_disparities))
    half = parameters.model_copy(update={"min_disparity": first, "num_disparities": count})
    reference = _halved(right)
    textured = texture(reference) >= parameters.min_texture
    swapped = _match(reference, _halved(left), half).confirmed(parameters.left_right_tolerance)
    if _share(swapped, textured) > max(0.5, 3 * confirmed):
        raise BadFrame(
            "left and right pictures are swapped (disparities are negative): exchange them (topics.left_image "
            "and topics.right_image)"
        )


def _share(part: Mask, whole: Mask) -> float:
    return float((part & whole).sum() / max(1, whole.sum()))
