"""Table tops in a measured cloud: level planes, the nearest first, each with the part of the picture that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import NoTarget
from depth_prompt_ros.open3d_library import load_open3d
from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.segmentation.components import Mask, disc

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

TOLERANCE = 0.012
"""Points this close to the plane are on it, relative to inverse depth: 10 mm along the ray at 0.8 m."""

BEHIND = 0.04
"""Points this far behind the plane, relative to inverse depth, are seen through or in something."""

_SAMPLES = 3000
"""Points that a plane is searched in."""

_PLANES, _MIN_SHARE = 3, 0.1
"""At most so many planes are searched, each with this share of the measured points at least."""

_PARALLEL, _ABOVE = float(np.cos(np.radians(10))), 1.3
"""A plane within 10 degrees of another and nearer to the camera by this factor is a table top over a floor."""

PURPOSE = "finding the table (segmentation.method tabletop)"

ADVICE = "aim the camera at the table, or give a point or box on the target (segmentation.method)"


@dataclass(frozen=True, eq=False)
class Table:
    """A table top: its plane and the part of the picture that it takes, (H, W) bool without holes."""

    plane: Plane
    extent: Mask
    outline: Float32
    """(N, 2) metres, the convex outline in the plane's own axes, :func:`plane_axes`."""

    def reaches(self, points: Float32, margin: float) -> Mask:
        """(N,) whether each of (N, 3) points in metres is over the table top or at most ``margin`` beside it."""
        edges = np.roll(self.outline, -1, 0) - self.outline
        outward = np.column_stack([edges[:, 1], -edges[:, 0]])
        outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
        if ((self.outline.mean(0) - self.outline) * outward).sum() > 0:
            outward = -outward
        limits = (outward * self.outline).sum(1) + margin
        flat = points @ plane_axes(self.plane).T.astype(np.float32)
        return np.asarray((flat @ outward.T <= limits).all(1))


def find_tables(camera: CameraModel, depth: Float32, seed: int) -> list[Table]:
    """The planes that a table top may be, the nearest to the camera first; at least one.

    Up to three planes with many measured points each are searched. The largest is a table or a floor, horizontal ones
    preferred (the picture's down is taken for down). Those parallel to it and clearly nearer to the camera are table
    tops over it, or the tops of large boxes; whoever asks can tell by what stands on them.
    Planes are searched in (x/z, y/z, 1/z), where they are planes too and stereo noise is uniform.

    Args:
        depth: (H, W) float32 metres, invalid = NaN.
        seed: of the search.

    Raises:
        NoTarget: too few measured pixels, or no plane among them.
        NoOpen3d: Open3D is missing.
    """
    step = max(1, camera.width // 160)
    grid = depth[::step, ::step]
    rows, columns = np.nonzero(grid > 0)
    if len(rows) < 200:
        raise NoTarget(f"no target found: only {len(rows) * step * step} pixels have depth; {ADVICE}")
    rays = camera.rays_at(rows * step, columns * step).astype(np.float64)
    scaled = rays * grid[rows, columns, None].astype(np.float64)
    planes = _level_planes(rays, 1 / grid[rows, columns].astype(np.float64), seed)
    tables = []
    for number, candidate in enumerate(planes, start=1):
        plane = _refined(candidate, scaled)
        length = float(np.linalg.norm(plane))
        nearness = np.full(grid.shape, np.nan)
        nearness[rows, columns] = scaled @ plane
        table = _outlined(camera, Plane(-plane / length, 1 / length), nearness, step)
        if table is not None and (number == len(planes) or _is_filled(nearness, table.extent[::step, ::step])):
            tables.append(table)
    if not tables:
        raise NoTarget(f"no target found: the measured depth has no table plane in it; {ADVICE}")
    return tables


def _level_planes(rays: Float64, inverse: Float64, seed: int) -> list[Float64]:
    """Planes (3,) ``1 / z = plane @ ray``: the main one last, before it those parallel and nearer, the nearest first.

    The main one has most points, weighed by how level it is.

    Args:
        rays: (N, 3) viewing rays with z = 1.
        inverse: (N,) 1/m.
    """
    unit = float(np.median(inverse))
    points = np.column_stack([rays[:, :2], inverse / unit])
    found: list[tuple[float, Float64]] = []
    left = np.arange(len(points))
    for attempt in range(_PLANES):
        if len(left) < max(200, _MIN_SHARE * len(points)):
            break
        thinned = left[:: max(1, len(left) // _SAMPLES)]
        plane = _search_plane(points[thinned], (seed + attempt) % 2**31)
        inliers = np.flatnonzero(np.abs(points[left] @ plane[:3] + plane[3]) < TOLERANCE)
        if len(inliers) < _MIN_SHARE * len(points) or abs(plane[2]) < 1e-6:
            break
        coefficients = -np.array([plane[0], plane[1], plane[3]]) / plane[2] * unit
        upward = coefficients[1] / np.linalg.norm(coefficients)
        found.append((len(inliers) * (0.25 + max(0.0, upward)), coefficients))
        left = np.delete(left, inliers)
    if not found:
        return []
    lowest = max(found, key=lambda each: each[0])[1]
    length = np.linalg.norm(lowest)
    over = [
        plane
        for _, plane in found
        if np.linalg.norm(plane) > _ABOVE * length and plane @ lowest > _PARALLEL * length * np.linalg.norm(plane)
    ]
    return [*sorted(over, key=lambda plane: -float(np.linalg.norm(plane))), lowest]


def _refined(plane: Float64, scaled: Float64) -> Float64:
    """(3,) least squares on the inliers of ``1 = scaled @ plane``, three times over, with (N, 3) rays times depth."""
    for _ in range(3):
        near = np.abs(scaled @ plane - 1) < TOLERANCE
        plane = np.asarray(np.linalg.lstsq(scaled[near], np.ones(near.sum()), rcond=None)[0], np.float64)
    return plane


def _search_plane(points: Float64, seed: int) -> Float64:
    """(4,) a, b, c, d of the plane ``a x + b y + c z + d = 0`` with most of the (N, 3) points, unit (a, b, c)."""
    open3d = load_open3d(PURPOSE)
    open3d.utility.random.seed(seed)
    cloud: Any = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
    plane, _ = cloud.segment_plane(TOLERANCE, 3, 150, probability=1.0)
    return np.asarray(plane, np.float64)


def _outlined(camera: CameraModel, plane: Plane, nearness: Float64, step: int) -> Table | None:
    """The table top's outline, or None where only specks lie on the plane.

    It is around the largest part of the picture that shows the plane, and around those that only things and pixels
    without depth separate from it; beyond what is seen behind the plane another surface of that height begins.

    Args:
        nearness: (h, w) depth over the plane's, 1 on the plane, every ``step`` pixels; not measured = NaN.
    """
    with np.errstate(invalid="ignore"):
        on_plane = (np.abs(nearness - 1) < TOLERANCE).astype(np.uint8)
        unbroken = (~(nearness > 1 + BEHIND)).astype(np.uint8)
    joined = cv2.morphologyEx(cv2.morphologyEx(on_plane, cv2.MORPH_OPEN, np.ones((2, 2))), cv2.MORPH_CLOSE, disc(3))
    _, numbered, statistics, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    areas = statistics[:, cv2.CC_STAT_AREA]
    areas[0] = 0
    _, pieces = cv2.connectedComponents(unbroken | joined, connectivity=4)
    piece = pieces[numbered == int(np.argmax(areas))][0]
    big = np.isin(numbered, np.nonzero(areas >= 0.05 * areas.max())[0]) & (joined > 0) & (pieces == piece)
    rows, columns = np.nonzero(big)
    if not len(rows):
        return None
    hull = cv2.convexHull(np.column_stack([columns, rows]).astype(np.int32) * step)
    extent = np.zeros((camera.height, camera.width), np.uint8)
    cv2.fillConvexPoly(extent, hull, 1)
    rays = camera.rays_at(hull[:, 0, 1], hull[:, 0, 0])
    corners = rays / (rays @ (-plane.normal / plane.offset))[:, None] @ plane_axes(plane).T
    return Table(plane, extent.view(np.bool_), cv2.convexHull(corners.astype(np.float32))[:, 0])


def _is_filled(nearness: Float64, extent: Mask) -> bool:
    """Whether more of the (h, w) extent shows the plane than what is behind it: not so for the rim of a bin."""
    with np.errstate(invalid="ignore"):
        on_plane, behind = np.abs(nearness - 1) < TOLERANCE, nearness > 1 + BEHIND
    return bool((on_plane & extent).sum() > (behind & extent).sum())


def plane_axes(plane: Plane) -> Float64:
    """(2, 3) two unit vectors that span the plane."""
    across = np.cross(plane.normal, [0.0, 0.0, 1.0] if abs(plane.normal[2]) < 0.9 else [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(plane.normal, across)])
