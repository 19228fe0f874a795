"""Objects on a table, found in the measured cloud: a plane, and what does not fit it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import NoTarget
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.open3d_library import load_open3d
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.segmentation.components import Mask, closed, components, disc, labels_from_masks

Float32 = NDArray[np.float32]

_TOLERANCE = 0.012
"""Points this close to the plane are on it, relative to inverse depth: 10 mm along the ray at 0.8 m."""

_BEHIND = 0.04
"""Points this far behind the plane, relative to inverse depth, are seen through or in something."""

_SAMPLES = 3000
"""Points that the plane is searched in."""

_PART = 0.6
"""A cluster with this share of its pixels in a larger one's convex outline is part of it."""

_CONTACT, _EDGE, _ALIKE = 6, 15, 0.1
"""Clusters are one when they meet along so many half-size pixels, with less contrast than so many grey levels, and
their median distances differ by less than this share."""

_NOISE = 5.0
"""Grey levels: with less contrast than this, stereo is not expected to measure anything."""

_PURPOSE = "finding the table (segmentation.method tabletop)"

_NO_TARGET = "aim the camera at the table, or choose segmentation.method point or box"


@dataclass(frozen=True, eq=False)
class Table:
    """A table top: its plane and the part of the picture that it takes, (H, W) bool without holes."""

    plane: Plane
    extent: Mask
    outline: NDArray[np.float32]
    """(N, 2) metres, the convex outline in the plane's own axes, :func:`_plane_axes`."""


class TabletopSegmenter:
    """Plane and clusters of the measured cloud; needs no prompt and finds several objects.

    Finds

    - what stands out of the table: a cluster (DBSCAN) of points above the plane and over the table top. Pixels without
      depth, and those *behind* the table, go to the cluster or to the table beside them by the picture's edges
      (watershed, Meyer 1992); what of them the cluster's convex outline encloses is always the cluster's, for such are
      the parts of a glass or a mirror that stereo cannot measure. Clusters that lie in another one's outline are
      parts of it;
    - a patch of the table top that lies behind the plane, or is textured and yet not measured, too large to be noise
      and not in the shadow that an object throws on the table in the right camera's view: a mirror lying flat, or
      glass without a rim that stereo can see.

    Does not find clear glass through which the table's texture is matched as if nothing stood there, nor anything
    flatter than about 1 % of its distance. Objects that touch in the picture and in depth are one target.
    The plane search and the clusters are Open3D's (``segment_plane``, RANSAC; ``cluster_dbscan``, Ester et al. 1996).
    """

    def __init__(self, parameters: SegmentationParameters) -> None:
        """Check that Open3D loads.

        Raises:
            NoOpen3d: it does not; the message says what to do.
        """
        load_open3d(_PURPOSE)
        self._parameters = parameters

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint16]:
        """(H, W) uint16 labels, 1 = the largest; the same stamp, picture and depth give the same labels.

        Raises:
            NoTarget: no table top, or nothing on it.
        """
        camera, depth = frame.camera, measurement.depth
        table = find_table(camera, depth, frame.seed)
        nearness = depth * table.plane.inverse_depth(camera)  # 1 on the plane, less before it, more behind
        with np.errstate(invalid="ignore"):
            above = nearness < 1 - _TOLERANCE
            behind = nearness > 1 + _BEHIND
        odd = ~(depth > 0) | behind
        clusters = _clusters(camera, depth, table, above)
        clusters = _joined(_spread(frame.image, depth, clusters, odd), self._parameters.min_area)
        objects = [_completed(clusters == number, odd) for number in range(1, int(clusters.max()) + 1)]
        unmeasured = behind | (odd & _textured(frame.image))
        objects += self._patches(camera, table, measurement, unmeasured, objects)
        labels = labels_from_masks(objects, self._parameters) if objects else np.zeros(depth.shape, np.uint16)
        if not labels.any():
            raise NoTarget(f"no target found: nothing stands on the table top; {_NO_TARGET}")
        return labels

    def _patches(
        self, camera: CameraModel, table: Table, measurement: DepthMeasurement, odd: Mask, objects: list[Mask]
    ) -> list[Mask]:
        """Odd patches of the table top that no object and no shadow explains."""
        size = max(2, camera.width // 160)
        taken = np.zeros(odd.shape, np.uint8)
        for part in objects:
            taken |= part.view(np.uint8)
        taken |= _shadow(camera, table, measurement).view(np.uint8)
        candidates = odd & table.extent & (cv2.dilate(taken, np.ones((4 * size + 1, 4 * size + 1), np.uint8)) == 0)
        solid = cv2.morphologyEx(candidates.view(np.uint8), cv2.MORPH_OPEN, disc(size)).view(np.bool_)
        found = []
        for part in components(solid, max(self._parameters.min_area, 16 * size * size)):
            ring = cv2.dilate(part.view(np.uint8), disc(size)).view(np.bool_) & ~part
            x, y, width, height = cv2.boundingRect(part.view(np.uint8))
            at_border = x == 0 or y == 0 or x + width == camera.width or y + height == camera.height
            filled = part.sum() / (width * height)
            if not at_border and filled > 0.4 and (ring & table.extent & ~odd).sum() > 0.6 * ring.sum():
                found.append(closed(part, size))
        return found


def find_table(camera: CameraModel, depth: Float32, stamp_ns: int) -> Table:
    """The plane that most measured points lie on, horizontal ones preferred (the picture's down is taken for down).

    Planes are searched in (x/z, y/z, 1/z), where they are planes too and stereo noise is uniform.

    Args:
        depth: (H, W) float32 metres, invalid = NaN.
        stamp_ns: seeds the search.

    Raises:
        NoTarget: too few measured pixels, or no plane among them.
        NoOpen3d: Open3D is missing.
    """
    step = max(1, camera.width // 160)
    grid = depth[::step, ::step]
    rows, columns = np.nonzero(grid > 0)
    if len(rows) < 200:
        raise NoTarget(f"no target found: only {len(rows) * step * step} pixels have depth; {_NO_TARGET}")
    rays = camera.rays_at(rows * step, columns * step).astype(np.float64)
    inverse = 1 / grid[rows, columns].astype(np.float64)
    unit = float(np.median(inverse))
    points = np.column_stack([rays[:, :2], inverse / unit])
    best, best_score = np.zeros(3), 0.0
    left = np.arange(len(points))
    for attempt in range(3):
        if len(left) < max(200, 0.1 * len(points)):
            break
        thinned = left[:: max(1, len(left) // _SAMPLES)]
        plane = _search_plane(points[thinned], (stamp_ns + attempt) % 2**31)
        inliers = np.flatnonzero(np.abs(points[left] @ plane[:3] + plane[3]) < _TOLERANCE)
        if len(inliers) < 0.1 * len(points) or abs(plane[2]) < 1e-6:
            break
        coefficients = -np.array([plane[0], plane[1], plane[3]]) / plane[2] * unit  # 1 / z = coefficients @ ray
        upward = coefficients[1] / np.linalg.norm(coefficients)
        score = len(inliers) * (0.25 + max(0.0, upward))
        if score > best_score:
            best, best_score = coefficients, score
        left = np.delete(left, inliers)
    if best_score == 0.0:
        raise NoTarget(f"no target found: the measured depth has no table plane in it; {_NO_TARGET}")
    for _ in range(3):
        near = np.abs((rays @ best) / inverse - 1) < _TOLERANCE
        best[:] = np.linalg.lstsq(rays[near] / inverse[near, None], np.ones(near.sum()), rcond=None)[0]
    length = float(np.linalg.norm(best))
    table = Plane(-best / length, 1 / length)
    on_plane = np.zeros(grid.shape, np.uint8)
    on_plane[rows[near], columns[near]] = 1
    return _outlined(camera, table, on_plane, step)


def _search_plane(points: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """(4,) a, b, c, d of the plane ``a x + b y + c z + d = 0`` with most of the (N, 3) points, unit (a, b, c)."""
    open3d = load_open3d(_PURPOSE)
    open3d.utility.random.seed(seed)
    cloud: Any = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
    plane, _ = cloud.segment_plane(_TOLERANCE, 3, 150, probability=1.0)
    return np.asarray(plane, np.float64)


def _outlined(camera: CameraModel, plane: Plane, on_plane: NDArray[np.uint8], step: int) -> Table:
    """The table top's outline from the (h, w) 0/1 grid of points on its plane, every ``step`` pixels."""
    joined = cv2.morphologyEx(cv2.morphologyEx(on_plane, cv2.MORPH_OPEN, np.ones((2, 2))), cv2.MORPH_CLOSE, disc(3))
    _, numbered, statistics, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    areas = statistics[:, cv2.CC_STAT_AREA]
    areas[0] = 0
    big = np.isin(numbered, np.nonzero(areas >= 0.05 * areas.max())[0]) & (joined > 0)
    rows, columns = np.nonzero(big)
    if not len(rows):
        raise NoTarget(f"no target found: the measured depth has no table plane in it; {_NO_TARGET}")
    hull = cv2.convexHull(np.column_stack([columns, rows]).astype(np.int32) * step)
    extent = np.zeros((camera.height, camera.width), np.uint8)
    cv2.fillConvexPoly(extent, hull, 1)
    rays = camera.rays_at(hull[:, 0, 1], hull[:, 0, 0])
    corners = rays / (rays @ (-plane.normal / plane.offset))[:, None] @ _plane_axes(plane).T
    return Table(plane, extent.view(np.bool_), cv2.convexHull(corners.astype(np.float32))[:, 0])


def _plane_axes(plane: Plane) -> NDArray[np.float64]:
    """(2, 3) two unit vectors that span the plane."""
    across = np.cross(plane.normal, [0.0, 0.0, 1.0] if abs(plane.normal[2]) < 0.9 else [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(plane.normal, across)])


def _clusters(camera: CameraModel, depth: Float32, table: Table, above: Mask) -> NDArray[np.uint8]:
    """(H, W) the number of each pixel's cluster of points above the plane and over the table top, 0 elsewhere."""
    open3d = load_open3d(_PURPOSE)
    step = max(1, camera.width // 160)
    standing = cv2.morphologyEx(above.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
    rows, columns = np.nonzero(standing[::step, ::step])
    if not len(rows):
        return np.zeros_like(standing)
    rows, columns = rows * step, columns * step
    points = camera.rays_at(rows, columns) * depth[rows, columns, None]
    spacing = step * float(np.median(points[:, 2])) / camera.fx
    over = _inside(points @ _plane_axes(table.plane).T.astype(np.float32), table.outline, 2 * spacing)
    rows, columns, points = rows[over], columns[over], points[over]
    if not len(rows):
        return np.zeros_like(standing)
    cloud: Any = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points.astype(np.float64)))
    numbers = np.asarray(cloud.cluster_dbscan(2.5 * spacing, 5))
    grid = np.zeros((-(-camera.height // step), -(-camera.width // step)), np.uint8)
    kept = (numbers >= 0) & (numbers < 255)
    grid[rows[kept] // step, columns[kept] // step] = numbers[kept] + 1
    near = cv2.dilate(grid, np.ones((3, 3)))
    spread = cv2.resize(near, (camera.width, camera.height), interpolation=cv2.INTER_NEAREST)
    spread[standing == 0] = 0
    return np.asarray(spread, np.uint8)


def _inside(points: NDArray[np.floating], outline: NDArray[np.float32], margin: float) -> Mask:
    """(N,) whether each (N, 2) point is in the convex outline or at most ``margin`` outside."""
    edges = np.roll(outline, -1, 0) - outline
    outward = np.column_stack([edges[:, 1], -edges[:, 0]])
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    if ((outline.mean(0) - outline) * outward).sum() > 0:
        outward = -outward
    limits = (outward * outline).sum(1) + margin
    return np.asarray((points @ outward.T <= limits).all(1))


def _spread(image: NDArray[np.uint8], depth: Float32, clusters: NDArray[np.uint8], odd: Mask) -> NDArray[np.uint8]:
    """The clusters, and with them the odd pixels that the picture's edges give to them rather than to the rest.

    At half size: the watershed of an untextured target's outline needs no more.
    """
    height, width = clusters.shape
    half = (width + 1) // 2, (height + 1) // 2
    small = cv2.resize(image, half, interpolation=cv2.INTER_AREA)
    markers = np.where(odd, 0, clusters.astype(np.int32) + 1)
    markers = np.ascontiguousarray(markers[::2, ::2])
    border = np.ones(markers.shape, np.bool_)
    border[1:-1, 1:-1] = False
    markers[border & (markers == 0)] = 1
    grown = cv2.watershed(small, markers)
    numbers = np.maximum(grown - 1, 0).astype(np.uint8)
    numbers = np.where(grown < 0, cv2.dilate(numbers, np.ones((3, 3))), numbers)
    same = np.arange(256, dtype=np.uint8)
    fused = _fused(small, depth[::2, ::2], numbers, odd[::2, ::2])
    same[: len(fused)] = fused
    numbers = same[numbers]
    full = np.repeat(np.repeat(numbers, 2, 0), 2, 1)[:height, :width]
    return np.asarray(np.where(odd, full, same[clusters]), np.uint8)


def _fused(image: NDArray[np.uint8], depth: Float32, numbers: NDArray[np.uint8], odd: Mask) -> NDArray[np.uint8]:
    """(n + 1,) new number of each cluster: those that meet in odd pixels without an edge of the picture are one.

    They must be about equally far, too: what is seen through a glass meets the glass without an edge.
    """
    known = np.where(odd, 0, numbers)
    far = [
        float(np.median(depth[known == number])) if (known == number).any() else np.inf
        for number in range(int(numbers.max()) + 1)
    ]
    same = np.arange(int(numbers.max()) + 1, dtype=np.uint8)
    pairs, contrasts = [], []
    for axis in (0, 1):
        one, other = np.s_[:-2, :] if axis == 0 else np.s_[:, :-2], np.s_[2:, :] if axis == 0 else np.s_[:, 2:]
        meeting = (numbers[one] > 0) & (numbers[other] > 0) & (numbers[one] != numbers[other]) & odd[one] & odd[other]
        first, second = numbers[one][meeting], numbers[other][meeting]
        pairs.append(np.stack([np.minimum(first, second), np.maximum(first, second)], 1))
        contrasts.append(np.abs(image[one][meeting].astype(np.int16) - image[other][meeting]).max(1))
    touching, which = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    contrast = np.concatenate(contrasts)
    for index, (first, second) in enumerate(touching):
        met = contrast[which.ravel() == index]
        alike = abs(far[first] / far[second] - 1) < _ALIKE
        if alike and len(met) >= _CONTACT and np.median(met) < _EDGE:
            same[same == same[second]] = same[first]
    return same


def _joined(clusters: NDArray[np.uint8], min_area: int) -> NDArray[np.uint8]:
    """Numbered 1..n from the largest cluster of at least ``min_area`` pixels; those in another's outline join it."""
    areas = np.bincount(clusters.ravel(), minlength=1)
    areas[0] = 0
    numbers = np.zeros(len(areas), np.uint8)
    count = 0
    for number in np.argsort(-areas, kind="stable"):
        if areas[number] < min_area or numbers[number]:
            continue
        count += 1
        numbers[number] = count
        outline = _outline((clusters == number).view(np.uint8))
        covered = np.bincount(clusters[outline], minlength=len(areas))
        numbers[(covered > _PART * areas) & (numbers == 0)] = count
        numbers[0] = 0
    return numbers[clusters]


def _outline(part: NDArray[np.uint8]) -> Mask:
    """(H, W) bool, filled convex outline of an (H, W) 0/1 mask that is not empty."""
    filled = np.zeros(part.shape, np.uint8)
    cv2.fillConvexPoly(filled, cv2.convexHull(cv2.findNonZero(part)), 1)
    return filled.view(np.bool_)


def _completed(part: Mask, odd: Mask) -> Mask:
    """An object's mask with the odd pixels that its convex outline encloses, its largest piece, holes closed."""
    x, y, width, height = cv2.boundingRect(part.view(np.uint8))
    box = np.s_[y : y + height, x : x + width]
    inside = np.ascontiguousarray(part[box])
    whole = closed(inside | (odd[box] & _outline(inside.view(np.uint8))), 2)
    _, numbered, statistics, _ = cv2.connectedComponentsWithStats(whole.view(np.uint8), connectivity=8)
    areas = statistics[:, cv2.CC_STAT_AREA]
    areas[0] = 0
    completed = np.zeros(part.shape, np.bool_)
    completed[box] = numbered == int(np.argmax(areas))
    return completed


def _textured(image: NDArray[np.uint8]) -> Mask:
    """(H, W) bool: grey levels around the pixel deviate by more than the noise of a camera."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.blur(grey, (9, 9))
    return np.asarray(cv2.blur(grey * grey, (9, 9)) - mean * mean > _NOISE**2)


def _shadow(camera: CameraModel, table: Table, measurement: DepthMeasurement) -> Mask:
    """(H, W) where the table cannot be measured because the right camera does not see it; empty for a depth camera.

    Each measured pixel hides what projects to the same place of the right picture with a smaller disparity.
    """
    hidden = np.zeros((camera.height, camera.width), np.bool_)
    if camera.baseline == 0.0 or measurement.disparity is None:
        return hidden
    table_disparity = camera.fx * camera.baseline * table.plane.inverse_depth(camera) - np.float32(camera.cx_offset)
    x = np.arange(camera.width, dtype=np.float32)
    rows, columns = np.nonzero(measurement.disparity > table_disparity + 1)
    disparity = measurement.disparity[rows, columns]
    order = np.argsort(disparity, kind="stable")
    seen_at = np.rint(columns - disparity).astype(np.int64)
    order = order[(seen_at[order] >= 0) & (seen_at[order] < camera.width)]
    nearest = np.zeros(hidden.shape, np.float32)
    nearest[rows[order], seen_at[order]] = disparity[order]
    nearest = cv2.morphologyEx(nearest, cv2.MORPH_CLOSE, np.ones((3, 5)))
    at = np.rint(x - table_disparity).astype(np.int64)
    outside = at < 0
    hidden = np.take_along_axis(nearest, np.clip(at, 0, camera.width - 1), 1) > table_disparity + 1
    hidden |= outside
    return cv2.dilate(hidden.view(np.uint8), np.ones((3, 7))).view(np.bool_)
