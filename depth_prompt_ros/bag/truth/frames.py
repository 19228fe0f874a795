"""The truth of each left image, from wherever the user says it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.encodings.images import IMAGE_TYPES, depth_metres, image_size, label_image, view
from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.bag.truth.folder import StampedFolder
from depth_prompt_ros.bag.truth.meshes import MeshTruth
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.bag.truth.topic import DISPARITY_TYPE, PairedTopic
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadFrame, BadInput
from depth_prompt_ros.evaluation.bags.frame_scores import TrueFrame
from depth_prompt_ros.frame import Frame

Float32 = NDArray[np.float32]


class FrameTruths:
    """Hands out the truth of frame after frame."""

    def __init__(self, source: TruthSource, bag: Path, stamps: NDArray[np.int64]) -> None:
        """Open what the source names and pair it with the left images.

        Args:
            source: already that of this recording, on this machine's disk.
            bag: the evaluated recording.
            stamps: (N,) of its left images, nanoseconds.

        Raises:
            BadInput: the source names what is not there, is no truth, or is of another time.
        """
        source.check()
        self._source = source
        where = Path(source.bag or bag)

        def paired(topic: str, *more: str) -> PairedTopic | None:
            types = (*IMAGE_TYPES, *more)
            return PairedTopic(Recording(where), topic, types, stamps, source.tolerance) if topic else None

        self._depth = paired(source.depth_topic, DISPARITY_TYPE)
        self._tom, self._labels = paired(source.tom_topic), paired(source.labels_topic)
        self._folder = None
        if source.folder is not None:
            self._folder = StampedFolder(Path(source.folder), stamps, source.tolerance, source.unit, source.disparity)
        self._meshes = None
        if source.meshes is not None:
            self._meshes = MeshTruth(source.meshes, where, stamps, source.tolerance)

    @property
    def matched(self) -> int:
        """Left images with a true depth; of meshes those that were read so far."""
        found = self._depth or self._folder or self._meshes
        return found.matched if found else 0

    @property
    def problem(self) -> str:
        """Why the latest frame without a truth has none, where that is known."""
        return self._meshes.problem if self._meshes else ""

    def messages(self, frame: int) -> dict[str, Any]:
        """What belongs to the left image with this number; to be asked for each, also where it is not used.

        Raises:
            BadInput: a message cannot be read.
        """
        topics = {"depth": self._depth, "tom": self._tom, "labels": self._labels}
        found = {role: topic(frame) for role, topic in topics.items() if topic is not None}
        return {role: message for role, message in found.items() if message is not None}

    def read(self, number: int, messages: dict[str, Any], frame: Frame) -> TrueFrame:
        """The arrays of a frame's messages, of its file, or of what is seen of the meshes.

        Raises:
            BadInput: an encoding that is no depth, no labels, or a size other than the picture's.
        """
        camera = frame.camera
        tom, labels = self._image("tom", messages, camera), self._image("labels", messages, camera)
        tom = None if tom is None else tom > 0
        if self._meshes is not None:
            solids = self._meshes(frame)
            if solids is None:
                return TrueFrame(None, tom, labels)
            seen = solids.seen(camera)
            return TrueFrame(
                seen.depth, seen.tom if tom is None else tom, seen.labels if labels is None else labels, solids
            )
        depth = self._folder(number, camera) if self._folder is not None else None
        if "depth" in messages:
            depth = self._image("depth", messages, camera)
        return TrueFrame(depth, tom, labels)

    def _image(self, role: str, messages: dict[str, Any], camera: CameraModel) -> NDArray[Any] | None:
        if role not in messages:
            return None
        topic = {"depth": self._depth, "tom": self._tom, "labels": self._labels}[role]
        assert topic is not None
        message = messages[role]
        image = message.image if topic.msgtype == DISPARITY_TYPE else message
        try:
            width, height = image_size(image)
            if (width, height) != (camera.width, camera.height):
                raise BadFrame(
                    f"it is {width}x{height} but the picture is {camera.width}x{camera.height}: give truth of the "
                    "picture's size"
                )
            if role != "depth":
                return label_image(image)
            if topic.msgtype == DISPARITY_TYPE:
                return _disparity_depth(message)
            return depth_metres(image, self._source.unit)
        except BadFrame as error:
            raise BadInput(f"the truth's topic {topic.topic}: {error}") from error


def _disparity_depth(message: Any) -> Float32:
    """Depth = f * T / d (stereo_msgs/DisparityImage), NaN where nothing is known."""
    disparity = view(message.image).astype(np.float32)
    known = (disparity >= message.min_disparity) & (disparity > 0)
    return np.where(known, np.float32(message.f * message.t) / np.where(known, disparity, 1), np.float32(np.nan))
