"""Where a recording's cameras stand to each other: its tf, read when it is first asked for."""

from __future__ import annotations

from functools import cached_property

from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.bag.tf.transforms import TF, TF_STATIC, TransformTree
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.stages.cloud import RigidTransform


class RecordedTransforms:
    """``/tf`` and ``/tf_static`` of a recording, asked as tf2 is live."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def lookup(self, target: str, source: str, stamp_ns: int) -> RigidTransform:
        """From ``source`` to ``target`` at a time.

        Raises:
            BadFrame: tf does not join them then.
        """
        pose = self._tree.between(source, target, stamp_ns)
        if pose is None:
            there = "tf of this recording does not join them" if self._tree.frames else f"it has no {TF} or {TF_STATIC}"
            raise BadFrame(f"no transform from {source} to {target}: {there}")
        return RigidTransform(pose[:3, :3], pose[:3, 3], target)

    @cached_property
    def _tree(self) -> TransformTree:
        return TransformTree(self._recording)
