"""Camera geometry: intrinsics, stereo baseline, back-projection, normals, object-centred virtual camera."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from depth_prompt_ros.camera_info import Calibration, check_focal_lengths, describe_size, read_calibration
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.rectification import is_raw
from depth_prompt_ros.rotation import cross

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class CameraModel:
    """A rectified pinhole camera, with the stereo geometry of its right-hand neighbour if it has one.

    Attributes:
        width, height: picture size in pixels.
        fx, fy, cx, cy: focal lengths and principal point in pixels (the rectified ``P``).
        baseline: metres from the left to the right camera; 0 for a single or depth camera.
        cx_offset: ``cx_right - cx_left`` in pixels (0 for most rigs, 31 for Middlebury 2014 motorcycle).
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    baseline: float = 0.0
    cx_offset: float = 0.0

    @classmethod
    def from_camera_info(
        cls, left: Any, right: Any | None = None, rectified: bool = True, side: str = "left"
    ) -> CameraModel:
        """Build from ``sensor_msgs/CameraInfo`` messages (rclpy's ``.k .p`` or rosbags' ``.K .P`` alike).

        ``rectified``: use ``P`` and ignore ``D``, which in the CameraInfo beside ``image_rect`` still
        describes the raw picture (REP 104); otherwise the picture is raw: where
        :func:`depth_prompt_ros.rectification.rectify` changes it, ``P`` is its camera's, else ``K``.
        ``roi`` and ``binning`` are applied, see :func:`depth_prompt_ros.camera_info.read_calibration`.
        The right camera's ``P[0, 3] = -fx * baseline`` (sensor_msgs/CameraInfo). ``side`` is what the first camera is
        called in messages to people.

        Raises:
            BadFrame: zero size, focal lengths that no lens has, NaN or infinite intrinsics, sizes that differ,
                a right camera without a baseline, or one on the left.
        """
        calibration = read_calibration(left, side)
        rectified = rectified or is_raw(calibration, pair=right is not None)
        fx, fy, cx, cy, left_tx = _pinhole(calibration, side, rectified)
        camera = cls(calibration.width, calibration.height, fx, fy, cx, cy)
        if right is None:
            return camera
        other = read_calibration(right, "right")
        right_fx, _, right_cx, _, tx = _pinhole(other, "right", rectified=True)
        if (other.width, other.height) != (camera.width, camera.height):
            raise BadFrame(
                f"left camera_info is {describe_size(left)} but right is {describe_size(right)}: "
                "stereo needs a rectified pair of one size"
            )
        baseline = left_tx / fx - tx / right_fx
        if baseline == 0.0:
            raise BadFrame(
                "right camera_info has no baseline (P[0,3] is the left's): publish the right camera's rectified P, "
                "or give a depth image instead of a pair"
            )
        if baseline < 0.0:
            raise BadFrame(
                f"right camera_info has P[0,3] = {tx:g}, left {left_tx:g}: the right camera would be {-baseline:.4g} m "
                "to the left of the left one (ROS has -fx * baseline in the right one's). If the driver writes the "
                "wrong sign (OAK-D: i_reverse_stereo_socket_order), mend it there or exchange topics.left_camera_info "
                "and topics.right_camera_info alone; if left and right are exchanged, exchange the pictures' topics too"
            )
        return replace(camera, baseline=baseline, cx_offset=right_cx - cx)

    @property
    def intrinsics(self) -> NDArray[np.float64]:
        """(4,) fx, fy, cx, cy, pixels."""
        return np.array([self.fx, self.fy, self.cx, self.cy])

    @property
    def K(self) -> NDArray[np.float64]:  # noqa: N802 (the field's name)
        """(3, 3) intrinsic matrix."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], dtype=np.float64)

    @cached_property
    def slopes(self) -> tuple[Float32, Float32]:
        """(W,) float32 x of every column's viewing rays and (H,) float32 y of every row's, where z = 1."""
        x = (np.arange(self.width, dtype=np.float32) - np.float32(self.cx)) / np.float32(self.fx)
        y = (np.arange(self.height, dtype=np.float32) - np.float32(self.cy)) / np.float32(self.fy)
        return x, y

    @cached_property
    def rays(self) -> Float32:
        """(H, W, 3) float32 viewing rays with z = 1: ``point = depth * ray``."""
        rays = np.ones((self.height, self.width, 3), np.float32)
        x, y = self.slopes
        rays[..., 0], rays[..., 1] = x, y[:, None]
        return rays

    def rays_at(self, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> Float32:
        """(N, 3) float32 viewing rays with z = 1 of N pixels; each component is contiguous."""
        x, y = self.slopes
        return np.stack([x[columns], y[rows], np.ones(len(rows), np.float32)]).T

    def rays_dot(self, direction: ArrayLike) -> Float32:
        """(H, W) float32 scalar product of every viewing ray with a (3,) vector."""
        x, y = self.slopes
        along_x, along_y, along_z = np.asarray(direction, np.float32)
        return x * along_x + (y * along_y + along_z)[:, None]

    def scaled(self, width: int, height: int) -> CameraModel:
        """The same camera for a picture resized to width x height (pixel centres at integers)."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self, width=width, height=height, fx=self.fx * sx, fy=self.fy * sy,
            cx=(self.cx + 0.5) * sx - 0.5, cy=(self.cy + 0.5) * sy - 0.5, cx_offset=self.cx_offset * sx,
        )  # fmt: skip

    def cropped(self, left: int, top: int, width: int, height: int) -> CameraModel:
        """The same camera for the part of its picture that begins at pixel (left, top)."""
        return replace(self, width=width, height=height, cx=self.cx - left, cy=self.cy - top)

    def within(self, box: tuple[slice, slice]) -> CameraModel:
        """The same camera for those rows and columns of its picture."""
        rows, columns = box
        return self.cropped(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)

    def depth_from_disparity(self, disparity: ArrayLike) -> Float32:
        """Depth in metres, ``fx * baseline / (disparity + cx_offset)``; NaN where that is not positive."""
        shifted = np.asarray(disparity, np.float32) + np.float32(self.cx_offset)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(shifted > 0, np.float32(self.fx * self.baseline) / shifted, np.float32(np.nan))

    def disparity_from_depth(self, depth: ArrayLike) -> Float32:
        """Disparity in pixels, the inverse of :meth:`depth_from_disparity`; NaN where depth is not positive."""
        metres = np.asarray(depth, np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            disparity = np.float32(self.fx * self.baseline) / metres - np.float32(self.cx_offset)
            return np.where(metres > 0, disparity, np.float32(np.nan))

    def back_project(self, depth: Float32) -> Float32:
        """(H, W, 3) points in metres in the optical frame from (H, W) depth; NaN stays NaN."""
        return self.rays * depth[..., None]

    def normals(self, depth: Float32) -> Float32:
        """(H, W, 3) unit surface normals facing the camera, NaN where a neighbour's depth is missing.

        Cross product of the differences to the left and upper neighbour (2306.05428, eq. 4).
        """
        points = self.back_project(depth)
        normals = np.full_like(points, np.nan)
        across = points[1:, 1:] - points[1:, :-1]
        down = points[1:, 1:] - points[:-1, 1:]
        cross = np.cross(down, across)
        with np.errstate(invalid="ignore", divide="ignore"):
            normals[1:, 1:] = cross / np.linalg.norm(cross, axis=-1, keepdims=True)
        return normals


def _pinhole(calibration: Calibration, side: str, rectified: bool) -> tuple[float, float, float, float, float]:
    """fx, fy, cx, cy and P[0,3] of the picture's camera, checked."""
    source = "P" if rectified else "K"
    matrix = calibration.projection if rectified else calibration.matrix
    fx, fy = float(matrix[0, 0]), float(matrix[1, 1])
    check_focal_lengths(fx, fy, (calibration.width, calibration.height), f"{side} camera_info's {source}")
    return fx, fy, float(matrix[0, 2]), float(matrix[1, 2]), float(calibration.projection[0, 3])


@dataclass(frozen=True, eq=False)
class VirtualCamera:
    """A square camera at the same place, turned to a target's middle and zoomed to its size.

    A pure rotation and zoom is a homography of the picture, so depth can be carried there and back exactly:
    a point ``z * ray`` of the real camera has depth ``z * (R @ ray)[2]`` in the virtual one.
    This takes off-centre targets to the middle, where background prompting works best (2306.05428, limits).

    Attributes:
        camera: the real camera.
        rotation: (3, 3) rotation from the real to the virtual optical frame.
        size: side of the virtual picture in pixels.
        focal: virtual focal length in pixels; the principal point is the picture's middle.
    """

    camera: CameraModel
    rotation: NDArray[np.float64]
    size: int
    focal: float

    @classmethod
    def looking_at(cls, camera: CameraModel, mask: NDArray[np.bool_], size: int, fill: float = 0.75) -> VirtualCamera:
        """Turn to the middle of the mask's box and zoom until its longer side fills ``fill`` of the picture.

        Args:
            mask: (H, W) bool, the target.
            size: side of the virtual picture in pixels.
            fill: in (0, 1].

        Raises:
            BadFrame: the mask is empty.
        """
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        if width == 0 or height == 0:
            raise BadFrame("the target's mask is empty: give a point or box on the object")
        corners = np.array([[x, y], [x + width - 1, y], [x, y + height - 1], [x + width - 1, y + height - 1]])
        rays = np.column_stack(
            [(corners[:, 0] - camera.cx) / camera.fx, (corners[:, 1] - camera.cy) / camera.fy, np.ones(4)]
        )
        forward = np.array([rays[:, 0].min() + rays[:, 0].max(), rays[:, 1].min() + rays[:, 1].max(), 2.0])
        forward /= np.linalg.norm(forward)
        right = np.array([forward[2], 0.0, -forward[0]])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, cross(forward, right), forward])
        turned = rays @ rotation.T
        reach = np.abs(turned[:, :2] / turned[:, 2:]).max()
        reach = max(reach, 0.5 / camera.fx)
        return cls(camera, rotation, size, fill * (size / 2) / reach)

    @property
    def K(self) -> NDArray[np.float64]:  # noqa: N802
        """(3, 3) intrinsic matrix of the virtual camera."""
        middle = (self.size - 1) / 2
        return np.array([[self.focal, 0, middle], [0, self.focal, middle], [0, 0, 1]], dtype=np.float64)

    @property
    def pinhole(self) -> CameraModel:
        """The virtual camera, in its own optical frame."""
        middle = (self.size - 1) / 2
        return CameraModel(self.size, self.size, self.focal, self.focal, middle, middle)

    @cached_property
    def homography(self) -> NDArray[np.float64]:
        """(3, 3) real pixel to virtual pixel."""
        return cast(NDArray[np.float64], self.K @ self.rotation @ np.linalg.inv(self.camera.K))

    @cached_property
    def real_pixels(self) -> NDArray[np.float64]:
        """(size, size, 2) column and row in the real picture of each virtual pixel."""
        row, column = np.mgrid[: self.size, : self.size].astype(np.float64)
        virtual = np.stack([column, row, np.ones_like(row)], -1)
        real = virtual @ np.linalg.inv(self.homography).T
        return cast(NDArray[np.float64], real[..., :2] / real[..., 2:])

    def warp(self, picture: NDArray[Any], interpolation: int = cv2.INTER_LINEAR, border: float = 0) -> NDArray[Any]:
        """(size, size[, C]) virtual view of an (H, W[, C]) picture; ``border`` outside the real picture."""
        shape = (self.size, self.size)
        if interpolation == cv2.INTER_LINEAR and abs(np.linalg.det(self.homography[:2, :2])) < 0.36:
            # Average over the source pixels, or textures alias.
            wide = replace(self, size=self.size * 2, focal=self.focal * 2)
            return cv2.resize(wide.warp(picture, interpolation, border), shape, interpolation=cv2.INTER_AREA)
        value = (border,) * 4
        return cv2.warpPerspective(
            picture, self.homography, shape, flags=interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=value
        )

    def warp_inverse_depth(self, inverse_depth: Float32) -> Float32:
        """(size, size) virtual inverse depth, 1/m, from real (H, W); 0 = invalid in and out, no interpolation."""
        return self.warp(inverse_depth, cv2.INTER_NEAREST) * self.pinhole.rays_dot(self.rotation[:, 2])

    def unwarp_inverse_depth(self, virtual: Float32) -> Float32:
        """(H, W) real inverse depth, 1/m, from the virtual (size, size); 0 outside the virtual picture."""
        return np.asarray(self.unwarp(virtual) * self.camera.rays_dot(self.rotation[2]), np.float32)

    def unwarp(self, virtual: Float32) -> Float32:
        """(H, W) real view of a virtual (size, size) picture, bilinear; 0 outside it."""
        size = (self.camera.width, self.camera.height)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cast(
            Float32,
            cv2.warpPerspective(virtual, self.homography, size, flags=flags, borderMode=cv2.BORDER_CONSTANT),
        )
