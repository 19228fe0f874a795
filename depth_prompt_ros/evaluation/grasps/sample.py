"""A simple antipodal grasp sampler on the cloud of one view.

After the planar sampler of Dex-Net 2.0 (Mahler et al. 2017, 1703.09312, section VI): pairs of places that face away
from each other within the friction cone, grasped along the line of sight. One view hardly ever shows both sides of a
thing; where its outline is, there it ends.

1. The target's points form a mask: pixels of its label with a depth, after a median of 5 x 5. Its outline are the
   pixels beside another one; each has the median depth of its 5 x 5 pixels, and looks outwards, across the line of
   sight, against the gradient of the smoothed mask. Pixels at the picture's own border end nothing.
2. Where a plane through 7 x 7 pixels is seen at more than 60 degrees, the surface itself can be touched: its normal
   stands for the outward direction.
3. Two places are antipodal where the line between both is in the friction cone of both, and the hand wide enough.
4. The better pairs come first: worst angle in friction cones, plus distance of their middle from the cloud's middle in
   units of the cloud's extent. What is within 10 mm and 20 degrees of a better one is left out.
5. The hand comes along the line of sight, across the line between both, and reaches 30 mm beyond them, else 20, 10 or
   5: the first for which at most two points of the whole cloud (every other row and column) lie within 3 mm of the
   hand or of where it has passed.

Nothing in it is random.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.evaluation.grasps.gripper import Float64, Grasp, Gripper

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_WINDOW = 5
_LEAST_PIXELS = 30
_OUTLINE, _STEEP = 240, 120
"""Places on the outline and on steep surfaces that are paired, evenly spread over both."""
_PLANE, _STEEP_COSINE = 7, 0.5
_SMOOTH, _LEAST_SMOOTH = 0.003, 1.5
"""Metres, and pixels at least, that the mask is smoothed by."""
_NARROWEST = 0.004
_INSERTIONS = (0.030, 0.020, 0.010, 0.005)
_NEAR, _ALIKE = 0.010, float(np.cos(np.radians(20)))
_TRIED = 60
_IN_THE_WAY, _MARGIN = 2, 0.003
_STEP = 2


def sample_grasps(
    camera: CameraModel, depth: Float32, target: Mask, gripper: Gripper | None = None, most: int = 10
) -> list[Grasp]:
    """Find antipodal grasps, the best first.

    Args:
        camera: of the depth.
        depth: (H, W) metres of everything that is seen, NaN = no point.
        target: (H, W) bool, what is to be grasped.
        gripper: the hand.
        most: so many at most.
    """
    gripper = gripper or Gripper()
    known = np.where(target, depth, np.float32(np.nan))
    mask = cv2.medianBlur(np.isfinite(known).view(np.uint8), _WINDOW)
    rows, columns = np.nonzero((mask > 0) & np.isfinite(known))
    if len(rows) < _LEAST_PIXELS:
        return []
    cloud = camera.rays_at(rows, columns).astype(np.float64) * known[rows, columns, None]
    middle = np.median(cloud, axis=0)
    extent = float(np.quantile(np.linalg.norm(cloud - middle, axis=1), 0.95)) + 1e-6
    smoothing = max(_LEAST_SMOOTH, _SMOOTH * camera.fx / float(middle[2]))
    places = [_outline(camera, known, mask, smoothing), _steep(camera, known, mask)]
    points, outwards = (np.concatenate(part) for part in zip(*places, strict=True))
    first, second, angles = _antipodal(points, outwards, gripper)
    between = (points[first] + points[second]) / 2
    cost = angles / np.arccos(gripper.cone) + np.linalg.norm(between - middle, axis=1) / extent
    scene = _around(camera, depth, middle, extent + gripper.palm_width + gripper.finger_length)
    line = points[second] - points[first]
    width = np.linalg.norm(line, axis=1)
    axes = line / np.maximum(width[:, None], 1e-12)
    found: list[Grasp] = []
    order = np.argsort(cost, kind="stable")
    for _ in range(_TRIED):
        if not len(order) or len(found) == most:
            break
        best = order[0]
        near = np.linalg.norm(between[order] - between[best], axis=1) < _NEAR
        order = order[~(near & (np.abs(axes[order] @ axes[best]) > _ALIKE))]
        grasp = _reaching(between[best], axes[best], float(width[best]), scene, gripper)
        if grasp is not None:
            found.append(grasp)
    return found


def _around(camera: CameraModel, depth: Float32, middle: Float64, reach: float) -> Float64:
    """(N, 3) points of every other pixel of every other row that are no farther from a place along any axis."""
    coarse = depth[::_STEP, ::_STEP]
    rows, columns = np.nonzero(np.abs(coarse - np.float32(middle[2])) < reach)
    points = camera.rays_at(_STEP * rows, _STEP * columns) * coarse[rows, columns, None]
    return points[(np.abs(points[:, :2] - middle[:2]) < reach).all(1)].astype(np.float64)


def _outline(camera: CameraModel, known: Float32, mask: NDArray[np.uint8], smoothing: float) -> tuple[Float64, Float64]:
    """(N, 3) points of the outline and unit vectors out of it; ``smoothing``: of the mask, pixels."""
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    inner[[0, -1]], inner[:, [0, -1]] = 1, 1
    rows, columns = _spread(*np.nonzero((mask > 0) & (inner == 0)), most=_OUTLINE)
    padded = np.pad(known, _WINDOW // 2, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (_WINDOW, _WINDOW))[rows, columns]
    windows = windows.reshape(len(rows), _WINDOW**2)
    there = np.isfinite(windows).any(1)
    rows, columns, windows = rows[there], columns[there], windows[there]
    rays = camera.rays_at(rows, columns).astype(np.float64)
    points = rays * np.nanmedian(windows, axis=1)[:, None]
    smooth = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), smoothing)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *order)[rows, columns] for order in ((1, 0), (0, 1)))
    outwards = -np.stack([across, down, np.zeros_like(across)], 1).astype(np.float64)
    sight = _unit(rays)
    return points, _unit(outwards - (outwards * sight).sum(1, keepdims=True) * sight)


def _steep(camera: CameraModel, known: Float32, mask: NDArray[np.uint8]) -> tuple[Float64, Float64]:
    """(N, 3) points of surfaces that are seen at more than 60 degrees, and their unit normals towards the camera."""
    left, top, width, height = cv2.boundingRect(mask)
    box = np.s_[top : top + height, left : left + width]
    there = (mask[box] > 0) & np.isfinite(known[box])
    points = np.where(there[..., None], camera.rays[box] * known[box][..., None], 0).astype(np.float64)
    points -= there[..., None] * points[there].mean(0)  # or the squares lose the digits that matter

    def summed(values: Float64) -> Float64:
        return np.asarray(cv2.boxFilter(values, -1, (_PLANE, _PLANE), normalize=False, borderType=cv2.BORDER_CONSTANT))

    count = summed(there.astype(np.float64))
    rows, columns = np.nonzero(there & (count >= _PLANE**2 / 2))
    means = summed(points)[rows, columns] / count[rows, columns, None]
    squares = [summed(points[..., i] * points[..., j])[rows, columns] for i in range(3) for j in range(3)]
    spread = np.stack(squares, 1).reshape(-1, 3, 3) / count[rows, columns, None, None]
    spread -= means[:, :, None] * means[:, None]
    normals = np.linalg.eigh(spread)[1][:, :, 0]
    rows, columns = rows + top, columns + left
    rays = camera.rays_at(rows, columns).astype(np.float64)
    cosine = (normals * _unit(rays)).sum(1)
    normals = np.where(cosine[:, None] > 0, -normals, normals)
    steep = np.flatnonzero(np.abs(cosine) < _STEEP_COSINE)
    (chosen,) = _spread(steep, most=_STEEP)
    return rays[chosen] * known[rows[chosen], columns[chosen], None], normals[chosen]


def _spread(*indices: NDArray[np.intp], most: int) -> tuple[NDArray[np.intp], ...]:
    """At most so many of them, evenly spread."""
    count = len(indices[0])
    chosen = np.linspace(0, count - 1, min(count, most)).astype(int)
    return tuple(each[chosen] for each in indices)


def _unit(vectors: Float64) -> Float64:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def _antipodal(
    points: Float64, outwards: Float64, gripper: Gripper
) -> tuple[NDArray[np.intp], NDArray[np.intp], Float64]:
    """Both ends of each pair, and the larger angle between their line and where they look, radians."""
    line = points[None] - points[:, None]
    width = np.linalg.norm(line, axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        one = -np.einsum("ik,ijk->ij", outwards, line) / width
        other = np.einsum("jk,ijk->ij", outwards, line) / width
        cosine = np.minimum(one, other)
        fits = (cosine >= gripper.cone) & (width <= gripper.widest) & (width >= _NARROWEST)
    first, second = np.nonzero(np.triu(fits, 1))
    return first, second, np.arccos(np.minimum(cosine[first, second], 1.0))


def _reaching(centre: Float64, axis: Float64, width: float, scene: Float64, gripper: Gripper) -> Grasp | None:
    """The hand as deep as the cloud lets it; None where it hits the cloud however shallow."""
    sight = centre / np.linalg.norm(centre)
    approach = sight - (sight @ axis) * axis
    approach /= np.linalg.norm(approach)
    for insertion in _INSERTIONS:
        grasp = Grasp(centre + insertion * approach, axis, approach, width)
        if in_the_way(scene, grasp, gripper, _MARGIN) <= _IN_THE_WAY:
            return grasp
    return None


def in_the_way(points: Float64, grasp: Grasp, gripper: Gripper, margin: float = 0.0) -> int:
    """How many of (N, 3) points lie in the opened hand or where it has passed, or within a margin in metres of that."""
    local = points - grasp.tip
    reach = gripper.palm_width / 2 + margin
    local = local[(np.abs(local @ grasp.axis) <= reach) & (local @ grasp.approach <= margin)]
    x, y, z = (local @ grasp.rotation).T
    x, y, z = np.abs(x), np.abs(y), -z
    inner = gripper.opened(grasp.width) / 2
    outer = inner + gripper.finger_thickness
    finger = (x >= inner - margin) & (x <= outer + margin) & (y <= gripper.finger_width / 2 + margin)
    palm = (y <= gripper.palm_thickness / 2 + margin) & (z >= gripper.finger_length - margin)
    return int((finger | palm).sum())
