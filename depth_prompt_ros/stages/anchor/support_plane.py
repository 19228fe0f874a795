"""The plane a target stands on, found around its mask, and the upright plane through its contact with it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.least_squares import least_squares
from depth_prompt_ros.stages.random_planes import random_planes, relative_inverse

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SAMPLES = 1000
_HYPOTHESES = 128
_REACH = 0.75
_MIN_SHARE = 0.3
_STEEP = 0.1
_PARALLEL, _ABOVE, _TABLE_SHARE = float(np.cos(np.radians(10))), 1.3, 0.2
_ASKEW = float(np.cos(np.radians(25)))
_TOLERANCE = 0.01
"""Inliers are this close to the plane, relative to inverse depth: 7 mm at 0.7 m."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane in the camera's optical frame: ``normal @ point + offset = 0``.

    Attributes:
        normal: (3,) unit vector towards the camera's side of the plane.
        offset: the camera's distance from the plane in metres, > 0.
        inlier_share: share in [0, 1] of the points it was fitted to that lie on it.
    """

    normal: Float64
    offset: float
    inlier_share: float = 1.0

    def height(self, points: NDArray[np.floating]) -> Float64:
        """(...) metres above the plane, on the camera's side positive, of (..., 3) points; NaN stays NaN."""
        return points @ self.normal + self.offset

    def inverse_depth(self, camera: CameraModel) -> Float32:
        """(H, W) float32 1/m along z where each pixel's ray meets the plane, 0 where it never does."""
        return np.maximum(camera.rays_dot(-self.normal / self.offset), np.float32(0))

    def stands_out(self, camera: CameraModel, depth: Float32, share: float) -> Mask:
        """(H, W) bool, where ``depth`` is nearer than the plane by more than this share of the plane's distance.

        Also where the plane is never met; not where ``depth``, (H, W) float32 metres, is NaN.
        """
        with np.errstate(invalid="ignore"):
            return np.asarray(depth * self.inverse_depth(camera) < 1 - share)

    def distance_behind(self, camera: CameraModel, depth: Float32) -> Float32:
        """(H, W) float32 metres that what is measured is beyond the plane, seen from the camera; NaN stays NaN."""
        with np.errstate(invalid="ignore"):
            return np.asarray(depth * camera.rays_dot(-self.normal) - np.float32(self.offset))


def fit_support_plane(
    camera: CameraModel, depth: Float32, targets: Mask, box: tuple[slice, slice], seed: int
) -> Plane | None:
    """Fit the surface that a target stands on to the depth in a ring around its mask.

    RANSAC with a truncated quadratic cost (MSAC, Torr and Zisserman 2000), then iteratively reweighted least squares.
    A plane is linear in inverse depth, where stereo noise is uniform: ``1 / z = a x + b y + c`` on rays (x, y, 1).
    The ring reaches 0.75 of the target's size out. Beside the mask's lower half and below it is sampled fully, above
    it little, so that the table wins over the wall behind, and planes that rise like a wall are no candidates (the
    picture's down is taken for down).

    Args:
        depth: (H, W) float32 metres, invalid = NaN.
        targets: (H, W) bool, every target; none of their pixels is used.
        box: rows and columns of the target of which the support is wanted.
        seed: of the random samples.

    Returns:
        The plane, or None when the ring has too few valid pixels or fewer than 30 % of them lie on one plane.
    """
    rng = np.random.default_rng(seed)
    rays, inverse = _ring(camera, depth, targets, box, rng)
    if len(rays) < 30:
        return None
    planes = random_planes(rays, inverse, _HYPOTHESES, rng)
    planes = planes[_lies_below(planes)]
    if not len(planes):
        return None
    scaled = rays.T / inverse
    residuals = relative_inverse(planes, scaled)
    residuals -= 1
    residuals *= residuals
    plane = planes[np.argmin(np.minimum(residuals, _TOLERANCE**2, out=residuals).sum(1))]
    lowest = _refined(plane, scaled)
    # A candidate through three points near each other may become a wall when all points have their say.
    if lowest is None or not _lies_below(-lowest.normal[None] / lowest.offset)[0]:
        return None
    upper = _table_above(lowest, planes, residuals, scaled)
    if upper is not None:
        return upper
    return lowest if lowest.inlier_share >= _MIN_SHARE else None


def level_with_each_other(supports: dict[int, Plane | None]) -> dict[int, Plane | None]:
    """The supports of one scene, by target, without those that are askew: tables, shelves and floors are all level.

    Of three and more the one that agrees best with the others tells what is level; what is more than 25 degrees off it
    is the front of something that faces the camera, and becomes None.
    """
    normals = np.array([plane.normal for plane in supports.values() if plane is not None])
    if len(normals) < 3:
        return supports
    level = normals[np.argmax((normals @ normals.T).sum(0))]
    return {
        label: plane if plane is not None and plane.normal @ level > _ASKEW else None
        for label, plane in supports.items()
    }


def _refined(plane: Float64, scaled: Float64) -> Plane | None:
    """Iteratively reweighted least squares from one candidate (3,) of ``1 = plane @ scaled``; None: degenerate."""
    ones = np.ones(scaled.shape[1])
    for _ in range(6):
        residual = plane @ scaled - 1
        tukey = np.maximum(1 - (residual / (1.5 * _TOLERANCE)) ** 2, 0) ** 2
        plane = least_squares(scaled, ones, tukey)
    share = float(np.mean(np.abs(plane @ scaled - 1) < _TOLERANCE))
    length = float(np.linalg.norm(plane))
    return None if length < 1e-9 else Plane(-plane / length, 1 / length, share)


def _table_above(floor: Plane, planes: Float64, residuals: Float64, scaled: Float64) -> Plane | None:
    """The table over a floor: the best plane within 10 degrees of it and nearer to the camera by the factor 1.3.

    A thing at the table's edge has more floor than table around it, and stands on the table.

    Args:
        planes: (N, 3) candidates.
        residuals: (N, M) squared, the points off each, at most the tolerance.

    Returns:
        The plane, or None when fewer than 20 % of the points lie on it.
    """
    lengths = np.linalg.norm(planes, axis=1)
    parallel = planes @ -floor.normal > _PARALLEL * lengths
    above = np.flatnonzero(parallel & (lengths * floor.offset > _ABOVE))
    shares = (residuals[above] < _TOLERANCE**2).mean(1)
    if shares.max(initial=0) < _TABLE_SHARE:
        return None
    upper = _refined(planes[above[np.argmax(shares)]], scaled)
    return upper if upper is not None and upper.inlier_share >= _TABLE_SHARE else None


def _lies_below(planes: Float64) -> NDArray[np.bool_]:
    """Which of (N, 3) planes get nearer towards the picture's lower border rather than to a side or the upper one.

    ``1 / z = a x + b y + c`` of a support seen from above at pitch p has b / c = cot p; a wall has b / c = -tan p. A
    camera that looks straight down sees b and a near 0.
    """
    across, down, ahead = planes.T
    least = _STEEP * np.abs(ahead)
    return np.asarray((down > -least) & (np.abs(across) < np.maximum(down, 3 * least)))


def _ring(
    camera: CameraModel, depth: Float32, targets: Mask, box: tuple[slice, slice], rng: np.random.Generator
) -> tuple[Float64, Float64]:
    """(N, 3) rays and (N,) inverse depth of at most ``_SAMPLES`` valid pixels around the target, lower ones rather."""
    top, left, height, width = box[0].start, box[1].start, box[0].stop - box[0].start, box[1].stop - box[1].start
    reach = max(8, round(_REACH * max(width, height)))
    gap = max(3, round(0.03 * max(width, height)))
    step = max(1, (max(width, height) + 2 * reach) // 128)
    first_row, first_column = max(0, top - reach), max(0, left - reach)
    around = np.s_[first_row : top + height + reach, first_column : left + width + reach]
    kernel = np.ones((2 * gap + 1, 2 * gap + 1), np.uint8)
    blocked = cv2.dilate(targets[around].view(np.uint8), kernel)[::step, ::step]
    usable = (blocked == 0) & (depth[around][::step, ::step] > 0)
    rows = first_row + step * np.arange(usable.shape[0])
    columns = first_column + step * np.arange(usable.shape[1])
    pixels = np.flatnonzero(usable)
    if len(pixels) > _SAMPLES:
        outside_x = np.maximum(np.maximum(left - columns, columns - (left + width - 1)), 0)
        outside_y = np.maximum(np.maximum(top - rows, rows - (top + height - 1)), 0)
        lower = np.exp(-3 * outside_y**2 / reach**2) * np.clip((rows - top) / (0.6 * height), 0.05, 1)
        y, x = np.divmod(pixels, usable.shape[1])
        weights = lower[y] * np.exp(-3 * outside_x**2 / reach**2)[x]
        # The smallest of exponential times are a weighted sample without replacement (Efraimidis and Spirakis 2006).
        pixels = pixels[np.argpartition(rng.exponential(size=len(pixels)) / weights, _SAMPLES)[:_SAMPLES]]
    y, x = np.divmod(pixels, usable.shape[1])
    y, x = rows[y], columns[x]
    return camera.rays_at(y, x).astype(np.float64), 1 / depth[y, x].astype(np.float64)
