"""Frames of a recording: topics paired by header stamp, converted and checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.frames import CONVERT, FrameBuilder
from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.recording import RawMessage, Recording
from depth_prompt_ros.bag.sync import nearest, pair
from depth_prompt_ros.errors import BadFrame, BadInput
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Topics

_IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
_INFO_TYPES = ("sensor_msgs/msg/CameraInfo",)
_INFOS = ("left_camera_info", "right_camera_info")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SkippedFrame:
    """A left image that could not be made into a frame, with the reason.

    Attributes:
        stamp_ns: the left image's stamp.
        reason: what is wrong, the same text for the same cause.
        gap_s: how far away the nearest stamp of the topic named in ``reason`` is, seconds; None for other causes.
    """

    stamp_ns: int
    reason: str
    gap_s: float | None = None


@dataclass(frozen=True, eq=False)
class Recorded:
    """A frame, a skipped frame or a raw message, with its recording time; of a frame that of the left image."""

    log_ns: int
    content: Frame | SkippedFrame | RawMessage


class FrameReader:
    """Reads every left image of a recording exactly once, in order, as a Frame or a SkippedFrame.

    The recording is read twice: first the stamps, which decides the pairs, then the pictures of paired messages.
    Images belong together when their header stamps differ by at most the tolerance; the closest pairs are made first.
    A camera_info belongs to an image by the same tolerance; the only one of its topic (latched) belongs to all.

    Attributes:
        recording: where the messages come from; its ``damage`` is complete after reading.
        frames: number of left images.
        unpaired: messages of the other image topics that belong to no left image, by topic.
    """

    def __init__(
        self,
        bag: Path,
        topics: Topics,
        tolerance: float,
        rectified: bool = True,
        build: Callable[[Mapping[str, Any]], Frame] | None = None,
    ) -> None:
        """Open the bag, check the topics and pair the stamps.

        Args:
            bag: rosbag2 folder, or a lone ``.mcap`` or ``.db3`` file.
            topics: stereo with ``right_image``, or RGB-D when ``depth_image`` is set (``right_image`` is then unused).
            tolerance: seconds.
            rectified: the pictures are rectified, use the camera's ``P``.
            build: makes a frame of messages by role; None: :class:`depth_prompt_ros.bag.frames.FrameBuilder`.

        Raises:
            BadInput: no readable bag, a topic that is missing or of the wrong type, or no left image.
        """
        self.recording = Recording(bag)
        self._rectified = rectified
        self._topics = _used_topics(topics)
        self._frame = build or FrameBuilder(self._topics, rectified)
        self._check_topics()
        stamps, self._infos = self._index()
        left = stamps["left_image"]
        self.frames = len(left)
        if not self.frames:
            problem = f": {self.recording.damage}" if self.recording.damage else ""
            raise BadInput(f"topic {self._topics['left_image']} in {bag} has no messages{problem}")
        self._left_stamps = left
        self._skips: dict[int, SkippedFrame] = {}
        self._partners: dict[str, NDArray[np.int64]] = {}
        self._pair(stamps, tolerance)
        self.unpaired = {
            self._topics[role]: len(stamps[role]) - int((self._partners[role] >= 0).sum())
            for role in CONVERT
            if role in self._topics and role != "left_image"
        }

    def read(self, others: Collection[str] = ()) -> Iterator[Recorded]:
        """Frames and skipped frames in order, and between them the untouched messages of the topics ``others``."""
        wanted = self._wanted()
        waiting: dict[int, dict[str, Any]] = {}
        log_times: dict[int, int] = {}
        counts = dict.fromkeys(wanted, 0)
        next_frame = 0
        roles: dict[str, list[str]] = {}
        for role in wanted:
            roles.setdefault(self._topics[role], []).append(role)
        for raw in self.recording.messages({*roles, *others}):
            if raw.topic in others:
                yield Recorded(raw.log_ns, raw)
            for role in roles.get(raw.topic, ()):
                frame = wanted[role].get(counts[role])
                counts[role] += 1
                if frame is None:
                    continue
                waiting.setdefault(frame, {})[role] = raw
                if role == "left_image":
                    log_times[frame] = raw.log_ns
            while next_frame in waiting and len(waiting[next_frame]) == self._needed(next_frame):
                yield Recorded(log_times.pop(next_frame), self._build(next_frame, waiting.pop(next_frame)))
                next_frame += 1

    def _check_topics(self) -> None:
        for role, topic in self._topics.items():
            if topic not in self.recording.types:
                raise BadInput(
                    f"topic {topic} (topics.{role}) is not in {self.recording.path}: set it to one of those there "
                    f"({self.recording.describe_topics()})"
                )
            expected = _INFO_TYPES if role in _INFOS else _IMAGE_TYPES
            if (msgtype := self.recording.types[topic]) not in expected:
                raise BadInput(f"topic {topic} (topics.{role}) is {msgtype}, not {' or '.join(expected)}")
            if role in ("left_image", "right_image") and self._rectified and "image_raw" in topic:
                logger.warning(
                    "topic %s looks unrectified (image_raw): results need rectified pictures; P of its camera_info "
                    "is used and D ignored, rectify it with image_proc if lines are bent or rows do not match",
                    topic,
                )

    def _index(self) -> tuple[dict[str, NDArray[np.int64]], dict[str, list[Any]]]:
        """Header stamps of each role's topic in order of recording, and the camera_info messages."""
        stamps: dict[str, list[int]] = {topic: [] for topic in self._topics.values()}
        infos: dict[str, list[Any]] = {self._topics[role]: [] for role in _INFOS if role in self._topics}
        for raw in self.recording.messages(stamps):
            try:
                message = typestore().deserialize_cdr(raw.data, raw.msgtype)
            except Exception as error:  # whatever the parser meets in damaged data
                number = len(stamps[raw.topic])
                raise BadInput(f"message {number} of topic {raw.topic} is no {raw.msgtype}: {error}") from error
            stamps[raw.topic].append(stamp_of(message))
            if raw.topic in infos:
                infos[raw.topic].append(message)
        arrays = {role: np.array(stamps[topic], np.int64) for role, topic in self._topics.items()}
        return arrays, {role: infos[self._topics[role]] for role in _INFOS if role in self._topics}

    def _pair(self, stamps: dict[str, NDArray[np.int64]], tolerance: float) -> None:
        tolerance_ns = round(tolerance * 1e9)
        left = stamps["left_image"]
        self._partners["left_image"] = np.arange(self.frames)
        for role in self._topics:
            if role == "left_image":
                continue
            other = stamps[role]
            if not len(other):
                gaps = np.full(self.frames, -1, np.int64)
                partners = gaps
            else:
                index, gaps = nearest(left, other)
                if role in _INFOS:
                    partners = np.where((gaps <= tolerance_ns) | (len(other) == 1), index, -1)
                else:
                    partners = pair(left, other, tolerance_ns)
            self._partners[role] = partners
            for frame in np.nonzero(partners < 0)[0]:
                if int(frame) not in self._skips:
                    reason, gap = f"no message on {self._topics[role]}", None
                    if len(other):
                        reason += f" within {tolerance:g} s of the left image"
                        gap = float(gaps[frame]) * 1e-9
                    self._skips[int(frame)] = SkippedFrame(int(left[frame]), reason, gap)

    def _wanted(self) -> dict[str, dict[int, int]]:
        """For each image role the frame that each message, by its number on the topic, belongs to."""
        wanted = {}
        for role in self._topics:
            if role in CONVERT:
                partners = self._partners[role]
                frames = np.nonzero(partners >= 0)[0]
                wanted[role] = {
                    int(partners[frame]): int(frame)
                    for frame in frames
                    if role == "left_image" or int(frame) not in self._skips
                }
        return wanted

    def _needed(self, frame: int) -> int:
        return 1 if frame in self._skips else sum(role in CONVERT for role in self._topics)

    def _build(self, number: int, raws: dict[str, RawMessage]) -> Frame | SkippedFrame:
        if number in self._skips:
            return self._skips[number]
        try:
            return self._frame(self._messages(number, raws))
        except BadFrame as error:
            return SkippedFrame(int(self._left_stamps[number]), str(error))

    def _messages(self, number: int, raws: dict[str, RawMessage]) -> dict[str, Any]:
        """A frame's messages by role."""
        images = {role: typestore().deserialize_cdr(raw.data, raw.msgtype) for role, raw in raws.items()}
        return images | {role: infos[self._partners[role][number]] for role, infos in self._infos.items()}


def read_frames(bag: Path, topics: Topics, tolerance: float, rectified: bool = True) -> Iterator[Frame | SkippedFrame]:
    """Every left image of a bag exactly once, in order; see :class:`FrameReader`.

    Raises:
        BadInput: see :class:`FrameReader`.
    """
    for recorded in FrameReader(bag, topics, tolerance, rectified).read():
        if not isinstance(recorded.content, RawMessage):
            yield recorded.content


def _used_topics(topics: Topics) -> dict[str, str]:
    """The topics to read by role, without the right camera when there is a depth image."""
    used = {
        role: topic if topic.startswith("/") else f"/{topic}" for role, topic in topics.model_dump().items() if topic
    }
    if "depth_image" in used:
        used.pop("right_image", None)
        used.pop("right_camera_info", None)
    for role in ("left_image", "left_camera_info"):
        if role not in used:
            raise BadInput(f"parameter topics.{role} is empty: name the topic")
    if "depth_image" not in used and not {"right_image", "right_camera_info"} <= used.keys():
        raise BadInput(
            "parameters topics.right_image and topics.right_camera_info are empty and so is topics.depth_image: "
            "name the right camera's topics or a depth image's"
        )
    return used
