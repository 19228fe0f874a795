"""What moves between two frames: depth that the camera's own motion does not explain."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import MovingParameters
from depth_prompt_ros.stages.moving.marks import MOVING, STATIC, UNKNOWN

Float32 = NDArray[np.float32]

_MATCH = 0.5
"""Standard deviation of stereo's disparity, pixels."""


@dataclass(frozen=True, eq=False)
class _Last:
    depth: Float32
    camera: CameraModel
    pose: NDArray[np.float64]
    stamp_ns: int


class GeometricMask:
    """Depth of the last frame, warped to this one by the camera's poses, beside the depth that is measured.

    Nearer than all of the warped 3x3 neighbourhood by so many standard deviations is moving: something came. Farther
    is not known: something left and shows the static scene, or went away. So is what was not measured or not seen.
    """

    def __init__(self, parameters: MovingParameters) -> None:
        self._sigmas, self._gap_ns = parameters.sigmas, round(parameters.max_gap * 1e9)
        self._last: _Last | None = None

    def reset(self) -> None:
        """Forget the last frame."""
        self._last = None

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> NDArray[np.uint8]:
        """(H, W) uint8: 0, 255 or 128, not known. All is not known without a pose, a last frame, or after a gap."""
        last, depth = self._last, measurement.depth
        self._last = None
        mask = np.full(depth.shape, UNKNOWN, np.uint8)
        if frame.pose is None:
            return mask
        self._last = _Last(depth.copy(), frame.camera, frame.pose, frame.stamp_ns)
        if last is None or last.camera != frame.camera or not 0 < frame.stamp_ns - last.stamp_ns <= self._gap_ns:
            return mask
        warped = warp_depth(last.depth, frame.camera, np.linalg.inv(frame.pose) @ last.pose)
        kernel = np.ones((3, 3), np.uint8)
        nearest = cv2.erode(np.where(np.isfinite(warped), warped, np.float32(np.inf)), kernel)
        farthest = cv2.dilate(np.where(np.isfinite(warped), warped, np.float32(-np.inf)), kernel)
        slack = self._sigmas * np.sqrt(np.float32(2)) * deviation(depth, frame.camera)
        with np.errstate(invalid="ignore"):
            known = (depth > 0) & np.isfinite(nearest)
            mask[known & (depth >= nearest - slack) & (depth <= farthest + slack)] = STATIC
            came = known & (depth < nearest - slack)
        mask[cv2.morphologyEx(came.view(np.uint8), cv2.MORPH_OPEN, kernel) > 0] = MOVING
        return mask


def warp_depth(depth: Float32, camera: CameraModel, motion: NDArray[np.float64]) -> Float32:
    """(H, W) float32 metres along +z as the camera sees the points after it moved, NaN = none; the nearest wins.

    Args:
        depth: (H, W) float32 metres before, NaN = none.
        motion: (4, 4) from the camera's frame before to that after.
    """
    rows, columns = np.nonzero(depth > 0)
    points = camera.rays_at(rows, columns) * depth[rows, columns][:, None]
    moved = points @ motion[:3, :3].T.astype(np.float32) + motion[:3, 3].astype(np.float32)
    z = moved[:, 2]
    ahead = z > 1e-3
    moved, z = moved[ahead], z[ahead]
    column = np.rint(camera.fx * moved[:, 0] / z + camera.cx)
    row = np.rint(camera.fy * moved[:, 1] / z + camera.cy)
    inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    place = row[inside].astype(np.int64) * camera.width + column[inside].astype(np.int64)
    nearest = np.full(depth.size, np.inf, np.float32)
    np.minimum.at(nearest, place, z[inside])
    return np.where(np.isfinite(nearest), nearest, np.float32(np.nan)).reshape(depth.shape)


def deviation(depth: Float32, camera: CameraModel) -> Float32:
    """(H, W) metres, the standard deviation of a measured depth.

    Of stereo z^2 / (f b) times half a pixel; of a depth camera 1.2 mm + 1.9 mm/m^2 (z - 0.4 m)^2 (Nguyen et al. 2012).
    """
    if camera.baseline > 0:
        return depth**2 * np.float32(_MATCH / (camera.fx * camera.baseline))
    return np.float32(0.0012) + np.float32(0.0019) * (depth - np.float32(0.4)) ** 2
