"""Video out of a recording: pictures with camera_info, poses by tf or odometry, a right picture, the robot's mask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.encodings.images import IMAGE_TYPES, depth_metres, label_image, picture
from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.storage.recording import RawMessage, Recording
from depth_prompt_ros.bag.storage.spill import Spill
from depth_prompt_ros.bag.sync import in_force, pair
from depth_prompt_ros.bag.tf.transforms import TransformTree
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.sets.video import VideoFrame
from depth_prompt_ros.errors import BadFrame, BadInput

_INFO = "sensor_msgs/msg/CameraInfo"


@dataclass(frozen=True)
class VideoTopics:
    """Where a recording's video is; an empty name is not used.

    Attributes:
        image, info: the camera.
        right, right_info: the rectified pair's other camera.
        own: mask of the robot itself, such as a URDF filter's; any value but 0.
        depth: to check with.
        fixed_frame: frame in which the camera's poses are looked up by tf.
    """

    image: str = "left/image_rect"
    info: str = "left/camera_info"
    right: str = ""
    right_info: str = ""
    own: str = ""
    depth: str = ""
    fixed_frame: str = ""

    def named(self) -> dict[str, str]:
        """Topics by role, absolute."""
        roles = ("image", "info", "right", "right_info", "own", "depth")
        return {role: f"/{getattr(self, role).lstrip('/')}" for role in roles if getattr(self, role)}


class RecordedVideo:
    """Every picture of a topic, in the order of recording.

    A picture without a camera_info that can be used has no camera; one that is damaged has none either, and is black.

    Attributes:
        name: the recording.
        recording: where the messages come from.
    """

    def __init__(self, bag: Path, topics: VideoTopics, tolerance: float = 0.02, rectified: bool = True) -> None:
        """Open the bag and pair the stamps.

        Args:
            bag: rosbag2 folder, or a lone ``.mcap`` or ``.db3`` file.
            topics: what to read.
            tolerance: seconds between stamps that belong together.
            rectified: pictures are rectified, use the camera's ``P``.

        Raises:
            BadInput: no readable bag, a topic that is missing or of the wrong type, or no picture.
        """
        self.name = str(bag)
        self.recording = Recording(bag)
        self._topics = {role: self.recording.topic(name) for role, name in topics.named().items()}
        self._rectified, self._frame = rectified, topics.fixed_frame
        for role, topic in self._topics.items():
            kinds = (_INFO,) if role.endswith("info") else IMAGE_TYPES
            found = self.recording.types.get(topic, "")
            if found not in kinds and not (role == "info" and not found):
                problem = f"is {found}, not {' or '.join(kinds)}" if found else "is not there"
                raise BadInput(f"topic {topic} {problem} in {bag}: there are {self.recording.describe_topics()}")
        self._tree = TransformTree(self.recording) if self._frame else None
        self._damaged: dict[str, set[int]] = {}
        self._stamps, self._infos = self._index()
        if not len(self._stamps["image"]):
            raise BadInput(f"topic {self._topics['image']} in {bag} has no messages")
        self._partners = self._paired(round(tolerance * 1e9))

    def __len__(self) -> int:
        return len(self._stamps["image"])

    def __iter__(self) -> Iterator[VideoFrame]:
        """Yield each picture as soon as all that belongs to it has been read."""
        images = [role for role in self._partners if not role.endswith("info")]
        owners: dict[str, dict[int, int]] = {
            role: {int(other): number for number, other in enumerate(self._partners[role]) if other >= 0}
            for role in images
        }
        counts = dict.fromkeys(images, 0)
        following = 0
        roles = {self._topics[role]: role for role in images}
        with Spill() as waiting:
            for raw in self.recording.messages(roles):
                role = roles[raw.topic]
                number = owners[role].get(counts[role], -1)
                counts[role] += 1
                if number >= 0:
                    waiting.put(number, role, raw)
                while (count := waiting.count(following)) and count == self._needed(following, images):
                    yield self._made(following, waiting.take(following))
                    following += 1

    def _index(self) -> tuple[dict[str, NDArray[np.int64]], dict[str, list[Any]]]:
        stamps: dict[str, list[int]] = {topic: [] for topic in self._topics.values()}
        messages: dict[str, list[Any]] = {role: [] for role in self._topics if role.endswith("info")}
        infos = {self._topics[role]: role for role in messages}
        for raw in self.recording.messages(stamps):
            try:
                content = typestore().deserialize_cdr(raw.data, raw.msgtype)
                stamp = stamp_of(content)
            except Exception:  # noqa: BLE001 (whatever the parser meets in damaged data)
                self._damaged.setdefault(raw.topic, set()).add(len(stamps[raw.topic]))
                content, stamp = None, 0
            stamps[raw.topic].append(stamp)
            if raw.topic in infos:
                messages[infos[raw.topic]].append(content)
        return {role: np.array(stamps[topic], np.int64) for role, topic in self._topics.items()}, messages

    def _paired(self, tolerance: int) -> dict[str, NDArray[np.int64]]:
        """For each role the number of the message that belongs to each picture, -1 = none."""
        images = self._stamps["image"]
        partners = {"image": np.arange(len(images))}
        for role, stamps in self._stamps.items():
            if role == "image":
                continue
            damaged = self._damaged.get(self._topics[role], set())
            usable = np.array([number for number in range(len(stamps)) if number not in damaged], np.int64)
            if not len(usable):
                partners[role] = np.full(len(images), -1, np.int64)
            elif role.endswith("info"):
                partners[role] = usable[in_force(images, stamps[usable], tolerance)]
            else:
                places = pair(images, stamps[usable], tolerance)
                partners[role] = np.where(places < 0, -1, usable[places])
        return partners

    def _needed(self, number: int, images: list[str]) -> int:
        return sum(self._partners[role][number] >= 0 for role in images)

    def _made(self, number: int, raws: Mapping[str, RawMessage]) -> VideoFrame:
        if number in self._damaged.get(self._topics["image"], ()):
            return VideoFrame(f"damaged {number}", 0, np.zeros((4, 4, 3), np.uint8), None)
        messages = {role: typestore().deserialize_cdr(raw.data, raw.msgtype) for role, raw in raws.items()}
        stamp = stamp_of(messages["image"])
        try:
            frame = VideoFrame(str(stamp), stamp, picture(messages["image"]), None)
        except BadFrame:
            return VideoFrame(str(stamp), stamp, np.zeros((4, 4, 3), np.uint8), None)
        info, right_info = (self._info(role, number) for role in ("info", "right_info"))
        if info is None:
            return frame
        try:
            right = picture(messages["right"]) if "right" in messages and right_info is not None else None
            camera = CameraModel.from_camera_info(info, None if right is None else right_info, self._rectified)
            if (camera.height, camera.width) != frame.image.shape[:2]:
                return frame
            own = label_image(messages["own"]) > 0 if "own" in messages else None
            depth = depth_metres(messages["depth"]) if "depth" in messages else None
        except BadFrame:
            return frame
        pose = None
        if self._tree is not None:
            pose = self._tree.pose(messages["image"].header.frame_id, self._frame, stamp)
        return replace(frame, camera=camera, right=right, own=own, depth=depth, pose=pose)

    def _info(self, role: str, number: int) -> Any:
        place = self._partners[role][number] if role in self._partners else -1
        return self._infos[role][place] if place >= 0 else None
