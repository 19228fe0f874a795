"""Frames of a recording: topics paired by header stamp, converted and checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.detections import DETECTIONS, detections_of
from depth_prompt_ros.bag.encodings.images import IMAGE_TYPES
from depth_prompt_ros.bag.frames import CONVERT, INFOS, FrameBuilder
from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.storage.recording import RawMessage, Recording
from depth_prompt_ros.bag.storage.spill import Spill
from depth_prompt_ros.bag.sync import in_force, nearest, pair
from depth_prompt_ros.bag.tf.recorded_transforms import RecordedTransforms
from depth_prompt_ros.bag.topic_guess import guess_topics
from depth_prompt_ros.errors import BadFrame, BadInput, in_one_line, printable
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters, Topics

_INFO_TYPES = ("sensor_msgs/msg/CameraInfo",)
_HELD = (*INFOS, "detections")
"""Roles of which the latest message holds until the next."""
logger = logging.getLogger(__name__)

Stamps = NDArray[np.int64]


@dataclass(frozen=True)
class SkippedFrame:
    """A left image that could not be made into a frame, with the reason.

    Attributes:
        stamp_ns: the left image's stamp.
        reason: what is wrong, the same text for the same cause.
        gap_s: how far away the nearest stamp of the topic named in ``reason`` is, seconds; None for other causes.
        unexpected: the reason is an exception that nothing was prepared for.
    """

    stamp_ns: int
    reason: str
    gap_s: float | None = None
    unexpected: bool = False


@dataclass(frozen=True, eq=False)
class Recorded:
    """A frame, a skipped frame or a raw message, with its recording time; of a frame that of the left image."""

    log_ns: int
    content: Frame | SkippedFrame | RawMessage


@dataclass
class _Indexed:
    """What the first reading finds of one topic.

    Attributes:
        stamps: header stamps in order of recording, nanoseconds.
        logs: times of recording, nanoseconds.
        messages: all of them, of camera_info and detections only; of camera_info those that differ in nothing but
            their stamp are one object, of detections what is needed of them.
        damaged: numbers of the messages that cannot be read, and why.
    """

    stamps: list[int] = field(default_factory=list)
    logs: list[int] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    damaged: dict[int, str] = field(default_factory=dict)


class FrameReader:
    """Reads every left image of a recording exactly once, in order, as a Frame or a SkippedFrame.

    The recording is read twice: first the stamps, which decides the pairs, then the pictures of paired messages.
    Images belong together when their header stamps differ by at most the tolerance; the closest pairs are made first.
    Where all stamps of a topic are the same (a driver that leaves them zero), its times of recording stand for them.
    Of each camera_info topic the message nearest within the tolerance belongs to an image, else the latest before it,
    else the first; of detections the same, but none of later frames. A message that cannot be read costs its own frame.

    Attributes:
        recording: where the messages come from; its ``damage`` is complete after reading.
        frames: number of left images.
        stamps: (frames,) their header stamps in order of recording, nanoseconds.
        unpaired: messages of the other image topics that belong to no left image, by topic.
    """

    def __init__(
        self,
        bag: Path,
        parameters: Parameters,
        build: Callable[[Mapping[str, Any]], Frame] | None = None,
    ) -> None:
        """Open the bag, check the topics and pair the stamps.

        Args:
            bag: rosbag2 folder, or a lone ``.mcap`` or ``.db3`` file.
            parameters: topics (stereo with ``right_image``, or RGB-D when ``depth_image`` is set: ``right_image`` is
                then unused), tolerance, and what makes a frame of messages.
            build: makes a frame of messages by role; None: :class:`depth_prompt_ros.bag.frames.FrameBuilder`.

        Raises:
            BadInput: no readable bag, a topic that is missing or of the wrong type, or no left image.
        """
        self.recording = Recording(bag)
        self._rectified = parameters.rectified
        self._said: set[str] = set()
        used = used_topics(parameters.topics)
        if parameters.segmentation.method != "detections":
            used.pop("detections", None)
        self._topics = {role: self.recording.topic(name) for role, name in used.items()}
        self._check_topics()
        self._frame = build or FrameBuilder(self._topics, parameters, RecordedTransforms(self.recording).lookup)
        indexed = self._index()
        self._held = {role: indexed[role].messages for role in self._topics if role in _HELD}
        self.frames = len(indexed["left_image"].stamps)
        if not self.frames:
            problem = f": {self.recording.damage}" if self.recording.damage else ""
            raise BadInput(f"topic {self._topics['left_image']} in {bag} has no messages{problem}")
        self._left_stamps = indexed["left_image"].stamps
        self.stamps = np.array(self._left_stamps, np.int64)
        self._skips: dict[int, SkippedFrame] = {
            number: SkippedFrame(0, reason) for number, reason in indexed["left_image"].damaged.items()
        }
        self._partners: dict[str, NDArray[np.int64]] = {"left_image": np.arange(self.frames)}
        for role in self._topics:
            if role != "left_image":
                self._pair(role, indexed["left_image"], indexed[role], parameters.sync.tolerance)
        self.unpaired = {
            self._topics[role]: len(indexed[role].stamps) - int((self._partners[role] >= 0).sum())
            for role in CONVERT
            if role in self._topics and role != "left_image"
        }

    def read(self, others: Collection[str] = ()) -> Iterator[Recorded]:
        """Frames and skipped frames in order, and between them the untouched messages of the topics ``others``."""
        wanted = self._wanted()
        log_times: dict[int, int] = {}
        counts = dict.fromkeys(wanted, 0)
        next_frame = 0
        roles: dict[str, list[str]] = {}
        for role in wanted:
            roles.setdefault(self._topics[role], []).append(role)
        with Spill() as waiting:
            for raw in self.recording.messages({*roles, *others}):
                if raw.topic in others:
                    yield Recorded(raw.log_ns, raw)
                for role in roles.get(raw.topic, ()):
                    frame = wanted[role].get(counts[role])
                    counts[role] += 1
                    if frame is None:
                        continue
                    waiting.put(frame, role, raw)
                    if role == "left_image":
                        log_times[frame] = raw.log_ns
                while waiting.count(next_frame) == self._needed(next_frame):
                    yield Recorded(log_times.pop(next_frame), self._build(next_frame, waiting.take(next_frame)))
                    next_frame += 1

    def _check_topics(self) -> None:
        for role, topic in self._topics.items():
            if topic in self.recording.foreign:
                raise BadInput(
                    f"topic {topic} (topics.{role}) in {self.recording.path} is encoded as "
                    f"{self.recording.foreign[topic]!r}, not as ROS 2 messages (cdr): convert it, or name another "
                    f"({self.recording.describe_topics()})"
                )
            if topic not in self.recording.types:
                raise BadInput(
                    f"topic {topic} (topics.{role}) is not in {self.recording.path}: {self._advice()} "
                    f"({self.recording.describe_topics()})"
                )
            expected = _INFO_TYPES if role in INFOS else (DETECTIONS,) if role == "detections" else IMAGE_TYPES
            if (msgtype := self.recording.types[topic]) not in expected:
                raise BadInput(f"topic {topic} (topics.{role}) is {printable(msgtype)}, not {' or '.join(expected)}")
            if role in ("left_image", "right_image") and self._rectified == "true" and "image_raw" in topic:
                logger.warning(
                    "topic %s looks unrectified (image_raw): P of its camera_info is used and D ignored; if lines are "
                    "bent or rows do not match set rectified: auto or false, and it is rectified here",
                    topic,
                )

    def _advice(self) -> str:
        """What to set, by the names of the topics that are there; a depth camera's where there is depth and no pair."""
        found = guess_topics(self.recording.types)
        if {"left_image", "left_camera_info"} <= found.keys() and found.keys() & {"right_image", "depth_image"}:
            other = {role: topic for role, topic in found.items() if self._topics.get(role) != topic}
            return "by its name set " + ", ".join(f"topics.{role}: {topic}" for role, topic in other.items())
        return "set it to one of those there"

    def _index(self) -> dict[str, _Indexed]:
        """Stamps of each role's topic, and the messages of those whose latest holds."""
        found = {topic: _Indexed() for topic in self._topics.values()}
        infos = {self._topics[role] for role in _HELD if role in self._topics}
        alike: dict[tuple[str, bytes], Any] = {}
        for raw in self.recording.messages(found):
            topic = found[raw.topic]
            try:
                data = bytes(raw.data) if raw.topic in infos else raw.data  # of those that are kept a copy
                message = typestore().deserialize_cdr(data, raw.msgtype)
                stamp = stamp_of(message)
                message = detections_of(message) if raw.msgtype == DETECTIONS else message
            except Exception as error:  # noqa: BLE001 (whatever the parser meets in damaged data)
                reason = f"a message of topic {raw.topic} is no {raw.msgtype}: {printable(error)}"
                if not topic.damaged:
                    logger.warning("%s; such messages are left out", reason)
                topic.damaged[len(topic.stamps)] = reason
                message, stamp = None, 0
            topic.stamps.append(stamp)
            topic.logs.append(raw.log_ns)
            if raw.topic in infos:
                alone = raw.msgtype == DETECTIONS
                topic.messages.append(message if alone else alike.setdefault((raw.topic, _but_stamp(raw)), message))
        return {role: found[topic] for role, topic in self._topics.items()}

    def _pair(self, role: str, left: _Indexed, other: _Indexed, tolerance: float) -> None:
        """Find each left image's partner on one topic; frames without are skipped, with the reason."""
        usable = np.array([number for number in range(len(other.stamps)) if number not in other.damaged], np.int64)
        here, there = np.array(left.stamps, np.int64), np.array(other.stamps, np.int64)[usable]
        if any([self._stampless(role, there), self._stampless("left_image", here)]):
            here, there = np.array(left.logs, np.int64), np.array(other.logs, np.int64)[usable]
        tolerance_ns = round(tolerance * 1e9)
        partners = in_force(here, there, tolerance_ns) if role in _HELD else pair(here, there, tolerance_ns)
        self._partners[role] = np.where(partners < 0, -1, usable[partners]) if len(usable) else partners
        if role == "detections":
            if len(there):
                self._partners[role][there[partners] > here + tolerance_ns] = -1  # the first is none of frames before
            return
        alone = [int(frame) for frame in np.nonzero(partners < 0)[0] if int(frame) not in self._skips]
        gaps = nearest(here, there)[1] if len(there) and alone else np.zeros(0)
        for frame in alone:
            reason, gap = f"no message on {self._topics[role]}", None
            if len(there):
                reason += f" within {tolerance:g} s of the left image"
                gap = float(gaps[frame]) * 1e-9
            self._skips[frame] = SkippedFrame(left.stamps[frame], reason, gap)

    def _stampless(self, role: str, stamps: Stamps) -> bool:
        """All stamps are the same: said once of images, whose pairs by time of recording are less sure."""
        if len(stamps) < 2 or np.any(stamps != stamps[0]):
            return False
        topic = self._topics[role]
        if role not in _HELD and topic not in self._said:
            self._said.add(topic)
            logger.warning(
                "all %d stamps on %s are %g s: its driver does not set header.stamp; it is paired by time of recording",
                len(stamps), topic, stamps[0] * 1e-9,
            )  # fmt: skip
        return True

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
            return SkippedFrame(self._left_stamps[number], str(error))
        except Exception as error:  # noqa: BLE001 (one frame never ends a replay)
            return SkippedFrame(self._left_stamps[number], in_one_line(error), unexpected=True)

    def _messages(self, number: int, raws: dict[str, RawMessage]) -> dict[str, Any]:
        """A frame's messages by role."""
        images = {role: typestore().deserialize_cdr(raw.data, raw.msgtype) for role, raw in raws.items()}
        partners = {role: int(self._partners[role][number]) for role in self._held}
        return images | {role: self._held[role][place] for role, place in partners.items() if place >= 0}


def _but_stamp(raw: RawMessage) -> bytes:
    """A message that begins with a header, without its stamp: after four bytes of CDR two words of four bytes."""
    return bytes(raw.data[:4]) + bytes(raw.data[12:])


def read_frames(bag: Path, parameters: Parameters) -> Iterator[Frame | SkippedFrame]:
    """Every left image of a bag exactly once, in order; see :class:`FrameReader`.

    Raises:
        BadInput: see :class:`FrameReader`.
    """
    for recorded in FrameReader(bag, parameters).read():
        if not isinstance(recorded.content, RawMessage):
            yield recorded.content


def used_topics(topics: Topics) -> dict[str, str]:
    """The topics to read by role: of a depth camera or of a stereo pair, not of both.

    Raises:
        BadInput: one that is needed has no name.
    """
    used = {role: topic for role, topic in topics.model_dump().items() if topic}
    unused = ("right_image", "right_camera_info") if "depth_image" in used else ("depth_camera_info",)
    for role in unused:
        used.pop(role, None)
    for role in ("left_image", "left_camera_info"):
        if role not in used:
            raise BadInput(f"parameter topics.{role} is empty: name the topic")
    if "depth_image" not in used and not {"right_image", "right_camera_info"} <= used.keys():
        raise BadInput(
            "parameters topics.right_image and topics.right_camera_info are empty and so is topics.depth_image: "
            "name the right camera's topics or a depth image's"
        )
    return used
