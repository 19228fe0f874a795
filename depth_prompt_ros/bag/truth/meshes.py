"""True geometry from meshes with poses: of tf, a topic, a file, or fixed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.bag.tf.track import Float64, Track, pose_matrix, pose_numbers
from depth_prompt_ros.bag.tf.transforms import TransformTree
from depth_prompt_ros.bag.truth.overlap import no_overlap
from depth_prompt_ros.data.known.mesh_file import KnownMesh, read_mesh_file, read_poses, read_solid
from depth_prompt_ros.data.known.solids import PosedSolids
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame

_TYPES = {
    "geometry_msgs/msg/PoseStamped": lambda message: (message.pose.position, message.pose.orientation),
    "geometry_msgs/msg/PoseWithCovarianceStamped": lambda message: (
        message.pose.pose.position, message.pose.pose.orientation
    ),
    "geometry_msgs/msg/TransformStamped": lambda message: (message.transform.translation, message.transform.rotation),
}  # fmt: skip


class MeshTruth:
    """The meshes of one file, posed for frame after frame.

    A frame for which one pose is not known has no truth: that mesh might hide any other.

    Attributes:
        matched: frames so far that have a truth.
        problem: why the latest frame without a truth has none.
    """

    def __init__(self, path: Path, bag: Path, stamps: NDArray[np.int64], tolerance: float) -> None:
        """Read meshes and poses.

        Args:
            path: of the YAML file.
            bag: recording of the topics and of tf.
            stamps: (N,) of the left images, nanoseconds.
            tolerance: seconds that the first pose holds before its stamp, and the last after it.

        Raises:
            BadInput: a file or a topic that cannot be used, or poses of another time.
        """
        content = read_mesh_file(path)
        self._bag, self._tolerance = bag, round(tolerance * 1e9)
        self._tree: TransformTree | None = None
        self._camera = self._file(path.parent / content.camera, stamps) if content.camera else None
        self._meshes = content.meshes
        self._tracks: list[tuple[Track | None, str]] = []
        for mesh in content.meshes:
            if mesh.poses:
                self._tracks.append((self._file(path.parent / mesh.poses, stamps), mesh.parent))
            elif mesh.topic:
                self._tracks.append(self._topic(mesh.topic, stamps))
            else:
                self._tracks.append((None, mesh.parent))
        self._solids = [read_solid(mesh, path.parent, place) for place, mesh in enumerate(content.meshes, 1)]
        self.matched, self.problem = 0, ""

    def __call__(self, frame: Frame) -> PosedSolids | None:
        """The meshes in the camera's optical frame; None where one pose is not known."""
        parts = []
        for mesh, (track, parent), solid in zip(self._meshes, self._tracks, self._solids, strict=True):
            pose = self._pose(mesh, track, parent, frame)
            if pose is None:
                return None
            parts.append((solid, pose))
        self.matched += 1
        return PosedSolids(parts)

    def _pose(self, mesh: KnownMesh, track: Track | None, parent: str, frame: Frame) -> Float64 | None:
        """(4, 4) from the mesh to the camera's optical frame."""
        if mesh.frame:
            return self._through_tf(mesh.frame, frame)
        own = pose_matrix(np.array(mesh.pose)) if track is None else track.at(frame.stamp_ns, self._tolerance)
        if own is None:
            self.problem = f"{mesh.topic or mesh.poses} has no pose of {mesh.file} then"
            return None
        if parent and parent != frame.frame_id.lstrip("/"):
            above = self._through_tf(parent, frame)
        elif self._camera is not None and not mesh.topic:
            camera = self._camera.at(frame.stamp_ns, self._tolerance)
            above = None if camera is None else np.asarray(np.linalg.inv(camera), np.float64)
            if above is None:
                self.problem = "the camera's poses do not go so far"
        else:
            return own
        return None if above is None else above @ own

    def _through_tf(self, source: str, frame: Frame) -> Float64 | None:
        if self._tree is None:
            self._tree = TransformTree(Recording(self._bag))
        found = self._tree.between(source.lstrip("/"), frame.frame_id, frame.stamp_ns)
        if found is None:
            self.problem = f"tf has no transform from {source} to {frame.frame_id} then"
        return found

    def _file(self, path: Path, stamps: NDArray[np.int64]) -> Track:
        track = Track(*read_poses(path))
        self._check_times(str(path), track, stamps)
        return track

    def _topic(self, name: str, stamps: NDArray[np.int64]) -> tuple[Track, str]:
        """A topic's poses and the frame that they are in, that of its first message."""
        recording = Recording(self._bag)
        topic = recording.topic(name)
        msgtype = recording.types.get(topic, "")
        if msgtype not in _TYPES:
            problem = f"is {msgtype}, not {' or '.join(_TYPES)}" if msgtype else "is not there"
            raise BadInput(f"the poses' topic {topic} {problem} in {self._bag} ({recording.describe_topics()})")
        times, poses, parent = [], [], ""
        for raw in recording.messages({topic}):
            try:
                message: Any = typestore().deserialize_cdr(raw.data, raw.msgtype)
            except Exception as error:  # whatever the parser meets in damaged data
                raise BadInput(f"a message of the poses' topic {topic} is no {msgtype}: {error}") from error
            parent = parent or message.header.frame_id.lstrip("/")
            times.append(stamp_of(message))
            poses.append(pose_numbers(*_TYPES[msgtype](message)))
        order = np.argsort(times, kind="stable")
        track = Track(np.array(times, np.int64)[order], np.array(poses, np.float64).reshape(-1, 7)[order])
        self._check_times(f"{topic} of {self._bag}", track, stamps)
        return track, parent

    def _check_times(self, name: str, track: Track, stamps: NDArray[np.int64]) -> None:
        if not any(track.at(int(stamp), self._tolerance) is not None for stamp in stamps):
            raise BadInput(no_overlap(name, stamps, track.stamps, self._tolerance * 1e-9))
