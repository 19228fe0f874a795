"""Transforms that a recording states once and for all: ``/tf_static``, without tf2."""

from __future__ import annotations

from collections import deque
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.messages import typestore
from depth_prompt_ros.bag.recording import Recording
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.stages.cloud import RigidTransform

TOPIC = "/tf_static"
TRANSFORM_TYPE = "tf2_msgs/msg/TFMessage"
Matrix = NDArray[np.float64]


class StaticTransforms:
    """The tree of frames of a recording's ``/tf_static``, read when it is first asked."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def lookup(self, target: str, source: str, stamp_ns: int = 0) -> RigidTransform:  # noqa: ARG002 (they hold always)
        """From ``source`` to ``target``, through any number of frames between them.

        Raises:
            BadFrame: ``/tf_static`` does not join them.
        """
        target, source = target.lstrip("/"), source.lstrip("/")
        moved = {source: np.eye(4)}
        queue = deque([source])
        while queue:
            frame = queue.popleft()
            if frame == target:
                return RigidTransform(moved[frame][:3, :3], moved[frame][:3, 3], target)
            for neighbour, matrix in self._neighbours.get(frame, {}).items():
                if neighbour not in moved:
                    moved[neighbour] = matrix @ moved[frame]
                    queue.append(neighbour)
        there = f"{TOPIC} of this recording does not join them" if self._neighbours else f"it has no {TOPIC}"
        raise BadFrame(f"no transform from {source} to {target}: {there}")

    @cached_property
    def _neighbours(self) -> dict[str, dict[str, Matrix]]:
        """By frame its neighbours, each with the (4, 4) matrix that takes points there."""
        topic = self._recording.topic(TOPIC)
        neighbours: dict[str, dict[str, Matrix]] = {}
        if self._recording.types.get(topic) != TRANSFORM_TYPE:
            return neighbours
        for raw in self._recording.messages([topic]):
            try:
                transforms = typestore().deserialize_cdr(raw.data, raw.msgtype).transforms
            except Exception:  # noqa: BLE001, S112 (damaged: what it said is then missing, which is said where it is needed)
                continue
            for stamped in transforms:
                parent, child = stamped.header.frame_id.lstrip("/"), stamped.child_frame_id.lstrip("/")
                matrix = _matrix(stamped.transform)
                neighbours.setdefault(child, {})[parent] = matrix
                neighbours.setdefault(parent, {})[child] = np.asarray(np.linalg.inv(matrix), np.float64)
        return neighbours


def rotation_matrix(x: float, y: float, z: float, w: float) -> Matrix:
    """(3, 3) of a quaternion, which need not be of length 1; one of length 0 turns nothing."""
    length = np.sqrt(x * x + y * y + z * z + w * w)
    x, y, z, w = (value / length for value in (x, y, z, w)) if length > 0 else (0.0, 0.0, 0.0, 1.0)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _matrix(transform: object) -> Matrix:
    """(4, 4) of a ``geometry_msgs/Transform``."""
    q, t = transform.rotation, transform.translation  # type: ignore[attr-defined]
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrix(q.x, q.y, q.z, q.w)
    matrix[:3, 3] = t.x, t.y, t.z
    return matrix
