"""Transforms between frames, from tf2."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from rclpy.duration import Duration
from rclpy.time import Time
from tf2_ros import Buffer, TransformException, TransformListener

from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.rotation import rotation_matrix
from depth_prompt_ros.stages.cloud import RigidTransform

logger = logging.getLogger(__name__)

_WAIT_S = 0.1


class Transforms:
    """A tf2 buffer with its listener."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._buffer = Buffer()
        self._listener = TransformListener(self._buffer, node)

    def reset(self) -> None:
        """Reset the buffer after a clock jump: tf2 ignores transforms older than those it has."""
        old, self._buffer = self._listener, Buffer()
        self._listener = TransformListener(self._buffer, self._node)
        old.unregister()

    def lookup(self, target: str, source: str, stamp_ns: int) -> RigidTransform:
        """From ``source`` to ``target`` at a time.

        Raises:
            BadFrame: tf does not know it.
        """
        try:
            found = self._buffer.lookup_transform(
                target, source, Time(nanoseconds=stamp_ns), Duration(seconds=_WAIT_S)
            ).transform
        except TransformException as error:
            logger.debug("%s", error)  # tf's own words hold times: another reason for each frame
            raise BadFrame(f"no transform from {source} to {target}: publish it, or choose another frame") from error
        q, t = found.rotation, found.translation
        return RigidTransform(rotation_matrix(q.x, q.y, q.z, q.w), np.array([t.x, t.y, t.z]), target)
