"""Transforms of a recording's tf, looked up at any time: what tf2 is live."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.bag.tf.track import Track, pose_matrix, pose_numbers

Float64 = NDArray[np.float64]

TF, TF_STATIC = "/tf", "/tf_static"
TRANSFORM_TYPE = "tf2_msgs/msg/TFMessage"


class TransformTree:
    """All transforms of a recording by their child frame."""

    def __init__(self, recording: Recording) -> None:
        """Read ``/tf`` and ``/tf_static``, as far as the recording goes."""
        self._parents: dict[str, str] = {}
        self._fixed: dict[str, Float64] = {}
        self._moving: dict[str, Track] = {}
        stamps: dict[str, list[int]] = {}
        poses: dict[str, list[Float64]] = {}
        names = {recording.topic(name): name for name in (TF, TF_STATIC)}
        topics = [topic for topic in names if recording.types.get(topic) == TRANSFORM_TYPE]
        for raw in recording.messages(topics):
            try:
                transforms = typestore().deserialize_cdr(raw.data, raw.msgtype).transforms
            except Exception:  # noqa: BLE001, S112 (damaged: what it said is missing, which is said where it is needed)
                continue
            for each in transforms:
                child = each.child_frame_id.lstrip("/")
                self._parents[child] = each.header.frame_id.lstrip("/")
                pose = pose_numbers(each.transform.translation, each.transform.rotation)
                if names[raw.topic] == TF_STATIC:
                    self._fixed[child] = pose_matrix(pose)
                else:
                    stamps.setdefault(child, []).append(stamp_of(each))
                    poses.setdefault(child, []).append(pose)
        for child, theirs in stamps.items():
            order = np.argsort(theirs, kind="stable")
            self._moving[child] = Track(np.array(theirs, np.int64)[order], np.array(poses[child])[order])

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
        return self._moving[child].at(stamp_ns) if child in self._moving else self._fixed.get(child)
