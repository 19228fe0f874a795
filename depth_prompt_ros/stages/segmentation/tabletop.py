"""Objects on a table, found in the measured cloud: a plane, and what does not fit it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import NoTarget
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.open3d_library import load_open3d
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.stages.segmentation.components import Mask, closed, components, disc, labels_from_masks
from depth_prompt_ros.stages.segmentation.table_planes import ADVICE, BEHIND, PURPOSE, TOLERANCE, Table, find_tables

Float32 = NDArray[np.float32]

_PART = 0.6
"""A cluster with this share of its pixels in a larger one's convex outline is part of it."""

_CONTACT, _EDGE, _ALIKE = 6, 15, 0.1
"""Clusters are one when they meet along so many half-size pixels, with less contrast than so many grey levels, and
their median distances differ by less than this share."""

_GRASPABLE = 0.5
"""Metres: what is wider or higher at its median distance is not grasped."""

_NOISE = 5.0
"""Grey levels: with less contrast than this, stereo is not expected to measure anything."""


class TabletopSegmenter:
    """Plane and clusters of the measured cloud; needs no prompt and finds several objects.

    Finds

    - what stands out of the table: a cluster (DBSCAN) of points above the plane and over the table top. Pixels without
      depth, and those *behind* the table top, go to the cluster or to the table beside them by the picture's edges
      (watershed, Meyer 1992); what of them the cluster's convex outline encloses is always the cluster's, for such are
      the parts of a glass or a mirror that stereo cannot measure. Past the table's edge what is measured is
      background, and so is what is not, but for a rim of an eightieth of the picture's width around each cluster.
      Clusters that lie in another one's outline are parts of it;
    - a patch of the table top that lies behind the plane, or is textured and yet not measured, too large to be noise
      and not in the shadow that an object throws on the table in the right camera's view: a mirror lying flat, or
      glass without a rim that stereo can see.

    Of several level surfaces the nearest on which something graspable is found is the table. Things on the picture's
    rim and things longer than half a metre come after all others, so that arms and walls do not take the places.

    Does not find clear glass through which the table's texture is matched as if nothing stood there, nor anything
    flatter than about 1 % of its distance. Objects that touch in the picture and in depth are one target.
    The plane search and the clusters are Open3D's (``segment_plane``, RANSAC; ``cluster_dbscan``, Ester et al. 1996).
    """

    def __init__(self, parameters: SegmentationParameters) -> None:
        """Check that Open3D loads.

        Raises:
            NoOpen3d: it does not; the message says what to do.
        """
        load_open3d(PURPOSE)
        self._parameters = parameters

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint16]:
        """(H, W) uint16 labels, 1 = the largest graspable; the same stamp, picture and depth give the same labels.

        Raises:
            NoTarget: no table top, or nothing on it.
        """
        for table in find_tables(frame.camera, measurement.depth, frame.seed):
            objects = self._objects_on(table, frame, measurement)
            furniture = [_is_furniture(part, frame.camera, measurement.depth) for part in objects]
            if not all(furniture):
                break
        labels = labels_from_masks(objects, self._parameters, furniture) if objects else np.zeros(0, np.uint16)
        if not labels.any():
            raise NoTarget(f"no target found: nothing stands on the table top; {ADVICE}")
        return labels

    def _objects_on(self, table: Table, frame: Frame, measurement: DepthMeasurement) -> list[Mask]:
        """(H, W) masks of what stands on the table top or lies flat on it, of any size above ``min_area``."""
        depth = measurement.depth
        nearness = depth * table.plane.inverse_depth(frame.camera)  # 1 on the plane, less before it, more behind
        with np.errstate(invalid="ignore"):
            above = nearness < 1 - TOLERANCE
            behind = nearness > 1 + BEHIND
        background = behind & ~table.extent  # past the table's edge the room is seen, not something on the table
        behind &= table.extent
        odd = ~(depth > 0) | behind
        clusters = _clusters(frame.camera, depth, table, above)
        beside = cv2.dilate(clusters, disc(max(2, frame.camera.width // 80))) > 0
        clusters = _spread(frame.image, depth, clusters, odd & (table.extent | beside))
        clusters = _joined(clusters, self._parameters.min_area)
        count = int(clusters.max())
        objects = [_completed(clusters == number, odd, background) for number in range(1, count + 1)]
        unmeasured = behind | (odd & _textured(frame.image))
        return objects + self._patches(frame.camera, table, measurement, unmeasured, objects)

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
            _, _, width, height = cv2.boundingRect(part.view(np.uint8))
            filled = part.sum() / (width * height)
            if not _on_rim(part) and filled > 0.4 and (ring & table.extent & ~odd).sum() > 0.6 * ring.sum():
                found.append(closed(part, size))
        return found


def _clusters(camera: CameraModel, depth: Float32, table: Table, above: Mask) -> NDArray[np.uint8]:
    """(H, W) the number of each pixel's cluster of points above the plane and over the table top, 0 elsewhere."""
    open3d = load_open3d(PURPOSE)
    step = max(1, camera.width // 160)
    standing = cv2.morphologyEx(above.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
    rows, columns = np.nonzero(standing[::step, ::step])
    if not len(rows):
        return np.zeros_like(standing)
    rows, columns = rows * step, columns * step
    points = camera.rays_at(rows, columns) * depth[rows, columns, None]
    spacing = step * float(np.median(points[:, 2])) / camera.fx
    over = table.reaches(points, 2 * spacing)
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


def _completed(part: Mask, odd: Mask, background: Mask) -> Mask:
    """An object's mask with the odd pixels that its convex outline encloses, its largest piece, holes closed.

    Holes that show the background past the table's edge, as in a handle, stay open.
    """
    x, y, width, height = cv2.boundingRect(part.view(np.uint8))
    box = np.s_[y : y + height, x : x + width]
    inside = np.ascontiguousarray(part[box])
    whole = closed(inside | (odd[box] & _outline(inside.view(np.uint8))), 2) & (inside | ~background[box])
    _, numbered, statistics, _ = cv2.connectedComponentsWithStats(whole.view(np.uint8), connectivity=8)
    areas = statistics[:, cv2.CC_STAT_AREA]
    areas[0] = 0
    completed = np.zeros(part.shape, np.bool_)
    completed[box] = numbered == int(np.argmax(areas))
    return completed


def _is_furniture(part: Mask, camera: CameraModel, depth: Float32) -> bool:
    """Whether an (H, W) mask touches the picture's border or is too long to grasp, as are arms, walls and floors."""
    if _on_rim(part):
        return True
    _, _, width, height = cv2.boundingRect(part.view(np.uint8))
    measured = depth[part & (depth > 0)]
    return bool(len(measured)) and float(np.median(measured)) * max(width / camera.fx, height / camera.fy) > _GRASPABLE


def _on_rim(part: Mask) -> bool:
    """Whether an (H, W) mask touches the picture's border."""
    return bool(part[0].any() or part[-1].any() or part[:, 0].any() or part[:, -1].any())


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
