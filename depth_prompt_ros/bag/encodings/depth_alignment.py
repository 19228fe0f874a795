"""Whether a depth image lies on its picture, pixel on pixel; registering it where it does not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.messages import stamp_of
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.parameters import DepthParameters
from depth_prompt_ros.stages.cloud import RigidTransform
from depth_prompt_ros.stages.registration import register_depth

logger = logging.getLogger(__name__)

FindTransform = Callable[[str, str, int], RigidTransform]
"""From the frame of the second name to that of the first, at a time in nanoseconds; raises BadFrame."""

_SAME = 0.5
"""Pixels by which two cameras in one frame may differ and still be the same."""
_NEAREST, _FARTHEST = 0.05, 3.0
"""Metres between which something lies that is seen by a robot that grasps."""


class DepthAlignment:
    """Tells aligned depth from another camera's by ``frame_id`` and, where there is one, by its own camera_info."""

    def __init__(self, parameters: DepthParameters, find_transform: FindTransform | None) -> None:
        """Store how depth is read.

        Args:
            parameters: unit, and whether alignment is taken for granted.
            find_transform: None: there is no tf.
        """
        self._parameters, self._find_transform = parameters, find_transform
        self._camera: CameraModel | None = None
        self._looked_at = False

    def other_camera(self, messages: Mapping[str, Any], camera: CameraModel, rectified: bool) -> CameraModel | None:
        """The depth image's own camera where it is another than the picture's, None where depth is aligned.

        Args:
            messages: by role, ``left_image``, ``depth_image`` and perhaps ``depth_camera_info``.
            camera: the picture's.
            rectified: the depth image is, too.

        Raises:
            BadFrame: depth is in another frame and there is no camera_info to register it with.
        """
        if self._parameters.aligned == "always":
            return None
        picture, depth = _frame(messages["left_image"]), _frame(messages["depth_image"])
        apart = bool(picture and depth) and picture != depth
        if "depth_camera_info" not in messages:
            if apart:
                raise BadFrame(
                    f"depth is in frame {depth}, the picture in {picture}: give the depth that the driver aligns to "
                    "the picture, or topics.depth_camera_info, and it is registered here (by tf); if it is aligned "
                    "whatever its frame_id says: depth.aligned always"
                )
            return None
        own = CameraModel.from_camera_info(messages["depth_camera_info"], rectified=rectified, side="depth")
        own = self._camera = self._camera if own == self._camera else own  # it caches its rays
        return own if apart or not _alike(own, camera) else None

    def register(
        self, depth: NDArray[np.float32], own: CameraModel, messages: Mapping[str, Any], camera: CameraModel
    ) -> NDArray[np.float32]:
        """(H, W) float32 depth as the picture's camera sees it, from that of its own camera.

        Raises:
            BadFrame: tf does not join the two cameras' frames.
        """
        picture, source = _frame(messages["left_image"]), _frame(messages["depth_image"])
        motion = RigidTransform(np.eye(3), np.zeros(3), picture)
        if picture and source and picture != source:
            if self._find_transform is None:
                raise BadFrame(f"no transform from {source} to {picture}: there is no tf")
            motion = self._find_transform(picture, source, stamp_of(messages["depth_image"]))
        return register_depth(depth, own.rays, camera, motion)

    def look_at(self, depth: NDArray[np.float32], topic: str) -> None:
        """Say once, in the log, when the first depth seen is nowhere at a distance that a robot grasps from."""
        if self._looked_at:
            return
        known = depth[::4, ::4]
        known = known[np.isfinite(known)]
        if not known.size:
            return
        self._looked_at = True
        near, far = np.percentile(known, (2, 98))
        if near > _FARTHEST or far < _NEAREST:
            logger.warning(
                "depth of %s is %.3g to %.3g m: if that is not so, its unit is another than depth.unit (%g m a count "
                "of 16UC1) or depth.float_unit (%g m for 1.0 in 32FC1) says",
                topic, near, far, self._parameters.unit, self._parameters.float_unit,
            )  # fmt: skip


def _frame(message: Any) -> str:
    return str(message.header.frame_id).lstrip("/")


def _alike(one: CameraModel, other: CameraModel) -> bool:
    """Of one size, and no pixel's ray is more than half a pixel from the other's."""
    if (one.width, one.height) != (other.width, other.height):
        return False
    corners = np.array([[0, 0], [one.width - 1, one.height - 1]])
    seen = (corners - [one.cx, one.cy]) / [one.fx, one.fy] * [other.fx, other.fy] + [other.cx, other.cy]
    return bool(np.abs(seen - corners).max() <= _SAME)
