"""The target at a point or in a box, cut out by depth and GrabCut at reduced size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadFrame, BadInput
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.open3d_library import NoOpen3d
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.stages.anchor.support_plane import Plane, fit_support_plane
from depth_prompt_ros.stages.guided_mask import follow_edges
from depth_prompt_ros.stages.segmentation.components import closed, disc, surfaces
from depth_prompt_ros.stages.segmentation.table_planes import find_tables

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_ITERATIONS = 2
_MARGIN = 0.15
"""Surroundings of the box that GrabCut learns the background from, as a share of the box."""

_DEPTH_STEP = 0.025
"""A surface goes on where depth changes by less than this share from one working pixel to the next."""

_STANDS_OUT = 0.012
"""Nearer than the support plane by more than this share: not the support."""

_CONTAINED = 0.8
"""A surface with this share of its pixels in the box belongs to the target."""

_MOST = 0.4
"""A surface that fills this share of its convex outline is opaque: what is measured behind it is background."""

_BESIDE = 0.03
"""Other surfaces in the box are the target's too when they lie in its depth range, widened by this share."""

_PLANE_REACH = 0.15
"""The support of a target at a point is looked for around a square of this half side, as a share of the height."""

_WINDOW = 11
"""Pixels of half the working size, from side to side, in which the picture's edges are looked for."""

_POINT_REACH = 0.35
"""A target at a point is looked for so far around it, as a share of the picture's shorter side."""


@dataclass(frozen=True)
class Box:
    """Pixels from ``left`` and ``top`` to before ``right`` and ``bottom``."""

    left: int
    top: int
    right: int
    bottom: int

    def padded(self, by: int, width: int, height: int) -> Box:
        """Larger by so many pixels on each side, cut off at the picture's border."""
        left, top = max(self.left - by, 0), max(self.top - by, 0)
        return Box(left, top, min(self.right + by, width), min(self.bottom + by, height))

    def mask(self, shape: tuple[int, ...]) -> Mask:
        """(H, W) bool, its pixels of a picture of this shape."""
        mask = np.zeros(shape[:2], np.bool_)
        mask[self.top : self.bottom, self.left : self.right] = True
        return mask


@dataclass(frozen=True, eq=False)
class _View:
    """The surroundings of the target at working size: RGB uint8, depth in metres, and the scale from the picture."""

    image: NDArray[np.uint8]
    depth: Float32
    off_support: Mask
    """(h, w) bool: measured, and not on the plane around the target."""
    scale: float
    area: Box

    def inside(self, box: Box) -> Box:
        """A box of the picture in this view, at least two pixels wide and high."""
        height, width = self.depth.shape
        left, right = _span(box.left - self.area.left, box.right - self.area.left, self.scale, width)
        top, bottom = _span(box.top - self.area.top, box.bottom - self.area.top, self.scale, height)
        return Box(left, top, right, bottom)


def _span(low: int, high: int, scale: float, size: int) -> tuple[int, int]:
    start = min(max(round(low * scale), 0), size - 2)
    return start, min(max(round(high * scale), start + 2), size)


def given_box(parameters: SegmentationParameters, width: int, height: int) -> Box:
    """The part of ``target_box`` in a picture of this size.

    Raises:
        BadFrame: there is none.
    """
    assert parameters.target_box is not None
    x, y, box_width, box_height = parameters.target_box
    box = Box(max(round(x), 0), max(round(y), 0), min(round(x + box_width), width), min(round(y + box_height), height))
    if box.left >= box.right or box.top >= box.bottom:
        raise BadFrame(f"the target's box {x, y, box_width, box_height} lies outside the {width}x{height} picture")
    return box


def given_point(parameters: SegmentationParameters, width: int, height: int) -> Box:
    """The pixel ``target_point`` of a picture of this size.

    Raises:
        BadFrame: it lies outside.
    """
    assert parameters.target_point is not None
    x, y = (round(value) for value in parameters.target_point)
    if not (0 <= x < width and 0 <= y < height):
        raise BadFrame(f"the target's point {x, y} lies outside the {width}x{height} picture")
    return Box(x, y, x + 1, y + 1)


class GrabCutSegmenter:
    """One target, label 1, from ``target_point`` or ``target_box``.

    Depth says first what it can: a measured surface that rises from the support plane and stays within the box is the
    target, the support and surfaces that go on outside are not. GrabCut (Rother et al. 2004) decides the rest by
    colour: edges, holes, and all of a target that has no depth of its own, as glass. Where colour does not tell it
    from its surroundings either, it is the ellipse in the box.

    A point is first grown to the surface there that rises from the support plane, and the box around that is taken;
    without such a surface, colour alone decides, starting from a small disc.

    The target's surroundings are reduced to ``working_width``; GrabCut's random start is seeded with the frame's stamp.
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
        cv2.setRNGSeed(frame.seed % (2**31))
        depth, point, box = measurement.depth, None, None
        if self._parameters.method == "box":
            box = given_box(self._parameters, width, height)
        else:
            point = given_point(self._parameters, width, height)
            box = self._surface_box(frame, depth, point)
        if box is not None:
            around = max(6, round(_MARGIN * max(box.right - box.left, box.bottom - box.top)))
            view = self._view(frame, depth, box.padded(around, width, height), _plane_around(frame, depth, box))
            found = _cut_box(view, view.inside(box))
        else:
            assert point is not None
            view = self._view(frame, depth, point.padded(round(_POINT_REACH * min(width, height)), width, height), None)
            found = _cut_point(view, view.inside(point))
        area = view.area
        size = (area.right - area.left, area.bottom - area.top)
        # Linear interpolation of the mask, cut at one half, gives an edge without steps.
        part = cv2.resize(_without_specks(found).astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5
        target = np.zeros((height, width), np.uint16)
        picture = frame.image[area.top : area.bottom, area.left : area.right]
        shown = follow_edges(picture, part, tuple(side // 2 for side in view.depth.shape[::-1]), _WINDOW)
        target[area.top : area.bottom, area.left : area.right] = _main_part(shown)
        if (count := int(target.sum())) < self._parameters.min_area:
            raise BadFrame(
                f"the target at the given {self._parameters.method} has {count} pixels, fewer than "
                f"{self._parameters.min_area} (segmentation.min_area): move or enlarge it"
            )
        return target

    def _surface_box(self, frame: Frame, depth: Float32, point: Box) -> Box | None:
        """The box of the surface at the point that rises from its support, unless it takes half of the picture."""
        height, width = depth.shape
        for plane in _planes(frame, depth, point.padded(round(_PLANE_REACH * height), width, height)):
            view = self._view(frame, depth, Box(0, 0, width, height), plane)
            if (box := _surface_box(view, view.inside(point))) is not None:
                left, right = round(box.left / view.scale), round(box.right / view.scale)
                top, bottom = round(box.top / view.scale), round(box.bottom / view.scale)
                return Box(left, top, right, bottom).padded(round(2 / view.scale), width, height)
        return None

    def _view(self, frame: Frame, depth: Float32, area: Box, plane: Plane | None) -> _View:
        """Part of the frame at working size, with what rises from the support plane if there is one."""
        part = np.s_[area.top : area.bottom, area.left : area.right]
        size = max(area.right - area.left, area.bottom - area.top)
        scale = min(1.0, self._parameters.working_width / size)
        small = (max(4, round((area.right - area.left) * scale)), max(4, round((area.bottom - area.top) * scale)))
        image = cv2.resize(np.ascontiguousarray(frame.image[part]), small, interpolation=cv2.INTER_AREA)
        near = cv2.resize(np.ascontiguousarray(depth[part]), small, interpolation=cv2.INTER_NEAREST)
        off_support = near > 0
        if plane is not None:
            close = _part_camera(frame.camera, area, small)
            off_support &= np.nan_to_num(near) * plane.inverse_depth(close) < 1 - _STANDS_OUT
        return _View(np.asarray(image, np.uint8), near, off_support, scale, area)


def _plane_around(frame: Frame, depth: Float32, box: Box) -> Plane | None:
    mask = box.mask(depth.shape)
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    return fit_support_plane(frame.camera, depth, mask, (rows, columns), frame.seed)


def _planes(frame: Frame, depth: Float32, around: Box) -> Iterator[Plane]:
    """What a target may stand on: the plane around it, then, for a target larger than that, the picture's tables."""
    if (plane := _plane_around(frame, depth, around)) is not None:
        yield plane
    with suppress(BadFrame, NoOpen3d):  # a point or a box works without Open3D, with the plane around it alone
        yield from (table.plane for table in find_tables(frame.camera, depth, frame.seed))


def _part_camera(camera: CameraModel, area: Box, size: tuple[int, int]) -> CameraModel:
    part = camera.cropped(area.left, area.top, area.right - area.left, area.bottom - area.top)
    return part.scaled(*size)


def _surface_box(view: _View, at: Box) -> Box | None:
    surface = surfaces(view.depth, view.off_support, _DEPTH_STEP)
    beside = surface[max(at.top - 2, 0) : at.top + 3, max(at.left - 2, 0) : at.left + 3]
    if not beside.any():
        return None
    grown = surface == np.bincount(beside[beside > 0]).argmax()
    if not 0.0005 * grown.size < grown.sum() < 0.5 * grown.size:
        return None
    if sum((grown[0].any(), grown[-1].any(), grown[:, 0].any(), grown[:, -1].any())) > 1:
        return None  # it goes on beyond the picture on two sides: a table, a wall
    left, top, width, height = cv2.boundingRect(grown.view(np.uint8))
    return Box(left, top, left + width, top + height)


def _cut_box(view: _View, box: Box) -> Mask:
    surface = surfaces(view.depth, view.off_support, _DEPTH_STEP)
    inside = box.mask(surface.shape)
    within = np.bincount(surface[inside], minlength=int(surface.max()) + 1)
    share = within / np.maximum(np.bincount(surface.ravel(), minlength=len(within)), 1)
    contained = share >= _CONTAINED
    contained[0] = False
    main = int(np.argmax(np.where(contained, within, 0)))
    if contained[main]:
        nearest, farthest = np.percentile(view.depth[surface == main], [2, 98])
        for number in np.flatnonzero(contained):
            at = float(np.median(view.depth[surface == number]))
            contained[number] = (1 - _BESIDE) * nearest < at < (1 + _BESIDE) * farthest
    target = contained[surface] & inside
    if target.sum() < 0.1 * inside.sum():
        ellipse = np.zeros(surface.shape, np.uint8)
        middle = ((box.left + box.right) / 2 - 0.5, (box.top + box.bottom) / 2 - 0.5)
        cv2.ellipse(ellipse, (middle, (box.right - box.left, box.bottom - box.top), 0), 1, cv2.FILLED)
        guess = np.full(surface.shape, cv2.GC_BGD, np.uint8)
        guess[inside] = cv2.GC_PR_BGD
        guess[inside & (ellipse > 0)] = cv2.GC_PR_FGD
        found = closed(_grabcut(view.image, guess), 2) & inside
        return found if found.sum() > 0.4 * inside.sum() else (ellipse > 0) & inside
    measured = view.depth > 0
    return _cut(view.image, target, box, measured & ~target)


def _cut_point(view: _View, point: Box) -> Mask:
    guess = np.full(view.depth.shape, cv2.GC_PR_BGD, np.uint8)
    radius = max(2, min(view.depth.shape) // 12)
    cv2.circle(guess, (point.left, point.top), radius, cv2.GC_PR_FGD, cv2.FILLED)
    cv2.circle(guess, (point.left, point.top), max(1, radius // 4), cv2.GC_FGD, cv2.FILLED)
    return _grabcut(view.image, guess)


def _cut(image: NDArray[np.uint8], target: Mask, box: Box, other: Mask) -> Mask:
    """GrabCut of what depth leaves open: neither well inside the target's surface nor well inside another one.

    What its convex outline encloses stays open too, unless the surface fills most of it: it may be glass or mirror.
    """
    shape = target.shape
    outline = np.zeros(shape, np.uint8)
    points = cv2.findNonZero(target.view(np.uint8))
    cv2.fillConvexPoly(outline, cv2.convexHull(points), 1)
    guess = np.full(shape, cv2.GC_BGD, np.uint8)
    guess[box.mask(shape)] = cv2.GC_PR_BGD
    guess[box.mask(shape) & (outline > 0) & ~other] = cv2.GC_PR_FGD
    guess[target] = cv2.GC_PR_FGD
    kernel = disc(1)
    guess[cv2.erode(target.view(np.uint8), kernel) > 0] = cv2.GC_FGD
    elsewhere = cv2.erode(other.view(np.uint8), disc(2)) > 0
    if target.sum() < _MOST * outline.sum():
        elsewhere &= outline == 0
    guess[elsewhere] = cv2.GC_BGD
    return _grabcut(image, guess)


def _grabcut(image: NDArray[np.uint8], guess: NDArray[np.uint8]) -> Mask:
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(image, guess, (0, 0, 0, 0), *models, _ITERATIONS, cv2.GC_INIT_WITH_MASK)
    except cv2.error as error:
        raise BadFrame(
            "nothing in the target's point or box stands out from its surroundings: move or enlarge it"
        ) from error
    return (guess & 1).astype(np.bool_)


def _without_specks(mask: Mask) -> Mask:
    """The mask with gaps of a pixel or two closed, and holes up to 1 % of it."""
    joined = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_CLOSE, disc(1))
    _, numbered, statistics, _ = cv2.connectedComponentsWithStats(1 - joined, connectivity=4)
    small = statistics[:, cv2.CC_STAT_AREA] <= max(4, 0.01 * np.count_nonzero(joined))
    return (joined > 0) | small[numbered]


def _main_part(mask: Mask) -> Mask:
    """The largest connected part, with every other part at least a tenth as large."""
    count, numbered, statistics, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    if count < 2:
        return mask
    areas = statistics[1:, cv2.CC_STAT_AREA]
    kept = np.flatnonzero(areas >= 0.1 * areas.max()) + 1
    return np.isin(numbered, kept)
