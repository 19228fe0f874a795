"""OpenCV's semi-global block matching (Hirschmueller 2008), checked and with a confidence."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import StereoParameters
from depth_prompt_ros.side_by_side import beside
from depth_prompt_ros.stages.stereo.confidence import disagreement, match_confidence
from depth_prompt_ros.stages.stereo.pair import VerticalDisparityCheck, check_pair
from depth_prompt_ros.stages.stereo.search_range import bands
from depth_prompt_ros.stages.stereo.texture import likeness, rests_on_texture, texture

Grey = NDArray[np.uint8]
Fixed = NDArray[np.int16]
Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SUBPIXEL = 16
_NO_MATCH, _NONE = np.float32(np.nan), -(2**15)
_ABOVE = 8
"""Rows above a band that are matched with it: costs are gathered downwards."""

_FILLED = 2.5
"""Valid pixels of a block of 2x2 in a small region, about."""

_FEW = 0.3
"""The swapped pair is tried when less than this share of the textured pixels has a confirmed match."""


@dataclass(frozen=True, eq=False)
class _Match:
    """A matched pair.

    Attributes:
        fixed: (H, W) int16 disparity in sixteenths of a pixel, -32768 where none.
        disparity: (H, W) float32 pixels, NaN where none.
        disagreement: (H, W) float32 pixels between it and the right picture's match, inf where either is missing.
    """

    fixed: Fixed
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
        alike = beside(lambda: likeness(left, right, match.disparity))
        confirmed, textured = match.confirmed(parameters.left_right_tolerance), texture(left) >= parameters.min_texture
        if (share := _share(confirmed, textured)) < _FEW:
            _refuse_swapped(left, right, share, parameters)
        confidence = match_confidence(match.disparity, match.disagreement, confirmed)
        rests = rests_on_texture(alike(), confirmed, textured)
        kept = _without_speckles(match.fixed, rests, parameters.speckle_area)
        disparity = np.where(kept, match.disparity, _NO_MATCH)
        depth = frame.camera.depth_from_disparity(disparity)
        return DepthMeasurement(depth, cv2.copyTo(confidence, (depth > 0).view(np.uint8)), disparity)


def _match(left: Grey, right: Grey, parameters: StereoParameters) -> _Match:
    """Match left to right, and right to left at half size."""
    search = (parameters.min_disparity, parameters.num_disparities)
    mirrored = (cv2.flip(_halved(right), 1), cv2.flip(_halved(left), 1))
    other = cv2.flip(_semi_global(*mirrored, _halved_search(search), parameters.block_size, 0), 1)
    fixed = np.empty(left.shape, np.int16)
    for band in bands(other, len(left), search):
        above, below = min(_ABOVE, band.first_row), parameters.block_size // 2
        rows = slice(band.first_row - above, band.last_row + below)
        found = _semi_global(left[rows], right[rows], band.search, parameters.block_size, parameters.uniqueness)
        fixed[band.first_row : band.last_row] = found[above : above + band.last_row - band.first_row]
    disparity = _in_pixels(fixed)
    return _Match(fixed, disparity, disagreement(disparity, _in_pixels(other), 0.5))


def _in_pixels(fixed: Fixed) -> Float32:
    """Float32, NaN where there is none."""
    disparity = fixed * np.float32(1 / _SUBPIXEL)
    np.putmask(disparity, fixed == _NONE, _NO_MATCH)
    return disparity


def _halved_search(search: tuple[int, int]) -> tuple[int, int]:
    return search[0] // 2, 16 * -(-search[1] // 32)


def _halved(picture: Grey) -> Grey:
    height, width = picture.shape
    return np.asarray(
        cv2.resize(picture, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA), np.uint8
    )


def _semi_global(left: Grey, right: Grey, search: tuple[int, int], block: int, uniqueness: int) -> Fixed:
    """(H, W) int16 disparity in sixteenths, -32768 where none or where the match would lie outside the right picture.

    OpenCV leaves out the columns whose search range leaves the picture: borders are added, so that the part of the
    range that is inside is searched. The right picture is moved by the first disparity, so that no border is needed
    for that.
    """
    (first, count), width = search, left.shape[1]
    matcher = cv2.StereoSGBM_create(
        minDisparity=0, numDisparities=count, blockSize=block, P1=8 * block**2, P2=32 * block**2, disp12MaxDiff=1,
        preFilterCap=31, uniquenessRatio=uniqueness, mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )  # fmt: skip
    before, after = max(0, first + count), max(0, -first)
    bordered = cv2.copyMakeBorder(right, 0, 0, before, after, cv2.BORDER_REPLICATE)
    moved = bordered[:, before - count - first :][:, : width + count]
    padded = cv2.copyMakeBorder(left, 0, 0, count, 0, cv2.BORDER_REPLICATE)
    fixed = matcher.compute(padded, np.ascontiguousarray(moved))[:, count:]
    found = fixed >= 0
    fixed = fixed + np.int16(first * _SUBPIXEL)
    column = np.arange(width, dtype=np.int32) * _SUBPIXEL
    lowest, highest = (np.clip(each, _NONE + 1, -_NONE - 1).astype(np.int16) for each in (column - column[-1], column))
    return np.where(found & (fixed >= lowest) & (fixed <= highest), fixed, np.int16(_NONE))


def _without_speckles(fixed: Fixed, valid: Mask, area: int) -> Mask:
    """Valid pixels in regions of at least ``area`` pixels whose neighbours differ by at most a pixel.

    Regions are of blocks of 2x2 pixels, each as near as its nearest valid pixel.
    """
    height, width = valid.shape
    even = np.full((height + height % 2, width + width % 2), _NONE, np.int16)
    even[:height, :width] = np.where(valid, fixed, np.int16(_NONE))
    pairs = np.maximum(even[::2], even[1::2])
    blocks = np.maximum(pairs[:, ::2], pairs[:, 1::2])
    cv2.filterSpeckles(blocks, _NONE, round(area / _FILLED), _SUBPIXEL)
    kept = cv2.resize((blocks > _NONE).view(np.uint8), even.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return valid & kept[:height, :width].view(np.bool_)


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
    return float(np.count_nonzero(part & whole)) / max(1, int(np.count_nonzero(whole)))
