"""Depth of one camera as another camera sees it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.cloud import RigidTransform

Float32 = NDArray[np.float32]

_WIDEST = 16
"""Pixels of the picture that one of the depth image covers at most, each way."""
_SEAM = 0.05
"""Pixels by which neighbours overlap, so that surfaces at a slant have no seams."""


def register_depth(depth: Float32, rays: Float32, camera: CameraModel, motion: RigidTransform) -> Float32:
    """Depth image of a picture's camera from that of a depth camera beside it.

    Each pixel is carried over as the small square at its depth that it sees; where squares fall on each other the
    nearest remains (as depth_image_proc's register does). What the depth camera cannot see stays unknown.

    Args:
        depth: (h, w) float32 metres along the depth camera's z, invalid = NaN.
        rays: (h, w, 3) float32 viewing rays of the depth camera with z = 1.
        camera: of the picture, H x W.
        motion: from the depth camera's optical frame to the picture's.

    Returns:
        (H, W) float32 metres along the picture camera's z, NaN where nothing is known.
    """
    rows, columns = np.nonzero(np.isfinite(depth) & (depth > 0))
    z = depth[rows, columns].astype(np.float64)
    centre = rays[rows, columns].astype(np.float64)
    right, below = _steps(rays)
    corners = []
    for sign in (-0.5, 0.5):
        corner = centre + sign * (right[rows, columns] + below[rows, columns])
        corners.append((z[:, None] * corner) @ motion.rotation.T + motion.translation)
    middle = (z[:, None] * centre) @ motion.rotation.T + motion.translation
    ahead = (middle[:, 2] > 0) & (corners[0][:, 2] > 0) & (corners[1][:, 2] > 0)
    middle, corners = middle[ahead], [corner[ahead] for corner in corners]
    edges = []
    for axis, focal, offset in ((0, camera.fx, camera.cx), (1, camera.fy, camera.cy)):
        ends = np.stack([focal * corner[:, axis] / corner[:, 2] + offset for corner in corners])
        first = np.ceil(np.clip(ends.min(0) - _SEAM, -1e6, 1e6)).astype(np.int64)
        last = np.floor(np.clip(ends.max(0) + _SEAM, -1e6, 1e6)).astype(np.int64)
        edges.append((first, np.minimum(last, first + _WIDEST - 1)))
    found = np.full(camera.height * camera.width, np.inf, np.float32)
    distance = middle[:, 2].astype(np.float32)
    (left, right_end), (top, bottom) = edges
    for down in range(int((bottom - top).max(initial=-1)) + 1):
        for across in range(int((right_end - left).max(initial=-1)) + 1):
            x, y = left + across, top + down
            inside = (x <= right_end) & (y <= bottom) & (x >= 0) & (y >= 0) & (x < camera.width) & (y < camera.height)
            np.minimum.at(found, (y * camera.width + x)[inside], distance[inside])
    found[np.isinf(found)] = np.nan
    return found.reshape(camera.height, camera.width)


def _steps(rays: Float32) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(h, w, 3) from each ray to that of the next column, and to that of the next row."""
    steps = []
    for axis in (1, 0):
        if rays.shape[axis] > 1:
            steps.append(np.gradient(rays.astype(np.float64), axis=axis))
        else:
            steps.append(np.zeros(rays.shape))
    return steps[0], steps[1]
