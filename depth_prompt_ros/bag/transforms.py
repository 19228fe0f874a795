"""Transforms of a recording's tf, looked up at any time: what tf2 is live."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.recording import Recording
from depth_prompt_ros.rotation import rotation_matrix

Float64 = NDArray[np.float64]

TF, TF_STATIC = "/tf", "/tf_static"
TRANSFORM_TYPE = "tf2_msgs/msg/TFMessage"


class TransformTree:
    """All transforms of a recording by their child frame."""

    def __init__(self, recording: Recording) -> None:
        """Read ``/tf`` and ``/tf_static``, as far as the recording goes."""
        self._parents: dict[str, str] = {}
        self._fixed: dict[str, Float64] = {}
        self._stamps: dict[str, list[int]] = {}
        self._poses: dict[str, list[Any]] = {}
        names = {recording.topic(name): name for name in (TF, TF_STATIC)}
        topics = [topic for topic in names if recording.types.get(topic) == TRANSFORM_TYPE]
        for raw in recording.messages(topics):
            try:
                transforms = typestore().deserialize_cdr(raw.data, raw.msgtype).transforms
            except Exception:  # noqa: BLE001, S112 (damaged: what it said is missing, which is said where it is needed)
                continue
            for each in transforms:
                self._add(each, names[raw.topic] == TF_STATIC)
        for child, stamps in self._stamps.items():
            order = np.argsort(stamps, kind="stable")
            self._stamps[child] = [stamps[place] for place in order]
            self._poses[child] = [self._poses[child][place] for place in order]

    def _add(self, stamped: Any, fixed: bool) -> None:
        child = stamped.child_frame_id.lstrip("/")
        self._parents[child] = stamped.header.frame_id.lstrip("/")
        t, q = stamped.transform.translation, stamped.transform.rotation
        pose = (np.array([t.x, t.y, t.z]), np.array([q.x, q.y, q.z, q.w]))
        if fixed:
            self._fixed[child] = _matrix(*pose)
        else:
            self._stamps.setdefault(child, []).append(stamp_of(stamped))
            self._poses.setdefault(child, []).append(pose)

    @property
    def frames(self) -> set[str]:
        """All frames that tf names as a child."""
        return set(self._parents)

    def between(self, frame: str, other: str, stamp_ns: int) -> Float64 | None:
        """(4, 4) from ``frame`` to ``other``, by whatever frame is above both; None where tf does not join them."""
        above, passed = other.lstrip("/"), set[str]()
        while above not in passed:
            passed.add(above)
            down, up = self.pose(other, above, stamp_ns), self.pose(frame, above, stamp_ns)
            if down is not None and up is not None:
                return np.asarray(np.linalg.inv(down) @ up, np.float64)
            above = self._parents.get(above, above)
        return None

    def pose(self, frame: str, fixed: str, stamp_ns: int) -> Float64 | None:
        """(4, 4) from ``frame`` to ``fixed`` at a time; None where tf does not know it then.

        Between two stamps translation is linear and rotation the normalised mean of both quaternions; before the first
        and after the last there is none.
        """
        child, whole, passed = frame.lstrip("/"), np.eye(4), set()
        while child != fixed.lstrip("/"):
            step = self._step(child, stamp_ns)
            if step is None or child in passed:
                return None
            passed.add(child)
            whole = step @ whole
            child = self._parents[child]
        return whole

    def _step(self, child: str, stamp_ns: int) -> Float64 | None:
        """From ``child`` to its parent."""
        if child not in self._stamps:
            return self._fixed.get(child)
        stamps, poses = self._stamps[child], self._poses[child]
        after = bisect_left(stamps, stamp_ns)
        if after < len(stamps) and stamps[after] == stamp_ns:
            return _matrix(*poses[after])
        if not 0 < after < len(stamps):
            return None
        share = (stamp_ns - stamps[after - 1]) / (stamps[after] - stamps[after - 1])
        (t, q), (u, r) = poses[after - 1], poses[after]
        r = r if q @ r >= 0 else -r
        return _matrix((1 - share) * t + share * u, (1 - share) * q + share * r)


def _matrix(translation: Float64, quaternion: Float64) -> Float64:
    pose = np.eye(4)
    pose[:3, :3] = rotation_matrix(*quaternion)
    pose[:3, 3] = translation
    return pose
