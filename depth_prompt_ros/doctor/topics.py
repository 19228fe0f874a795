"""The topics of a recording: what is on them, how often, and which of them are the camera's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.reader import used_topics
from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.bag.topic_guess import guess_topics
from depth_prompt_ros.doctor.finding import Finding, note, ok, wrong
from depth_prompt_ros.errors import BadInput, printable
from depth_prompt_ros.parameters import Parameters, Topics

_MANY = 40
NEEDED = ("left_image", "left_camera_info", "right_image", "right_camera_info", "depth_image")


@dataclass
class Recorded:
    """What one pass finds of a topic.

    Attributes:
        count: of messages.
        first, last: times of recording, nanoseconds.
        stamps: header stamps of a camera's topic, nanoseconds.
        message: the first one of a camera's topic that can be read.
        damaged: messages of a camera's topic that cannot be read.
    """

    count: int = 0
    first: int = 0
    last: int = 0
    stamps: list[int] = field(default_factory=list)
    message: Any = None
    damaged: int = 0

    @property
    def rate(self) -> float:
        """Messages a second; 0 where there is one."""
        return (self.count - 1) / ((self.last - self.first) * 1e-9) if self.last > self.first else 0.0


def camera_topics(recording: Recording, parameters: Parameters) -> tuple[dict[str, str], list[Finding]]:
    """The camera's topics by role: as the parameters say where they are there, else by their names."""
    try:
        asked = used_topics(parameters.topics)
    except BadInput as error:
        return {}, [wrong(str(error), "name them in a parameter file: --params")]
    there = {role: recording.topic(name) for role, name in asked.items() if recording.topic(name) in recording.types}
    missing = [role for role in asked if role not in there]
    if not missing:
        return there, [ok(f"the camera's topics are there: {', '.join(there.values())}")]
    names = ", ".join(f"{asked[role]} (topics.{role})" for role in missing)
    if set(missing) == {"right_camera_info"}:
        advice = "the baseline is not known without it: record it, or depth-prompt run with the pictures and --baseline"
        return there, [wrong(f"there is no {names}", advice)]
    guessed = guess_topics(recording.types)
    if complete(guessed):
        setting = "topics: {" + ", ".join(f"{role}: {topic}" for role, topic in guessed.items()) + "}"
        said = f"there is no {names}; by their names others are the camera's"
        return guessed, [wrong(said, f"put into --params: {setting}")]
    found = guessed | there
    advice = "record it" if found else "name the topics in a parameter file (--params): docs/topics.md"
    return found, [wrong(f"there is no {names}", advice)]


def complete(topics: dict[str, str]) -> bool:
    """Whether a pair's or a depth camera's topics are all there."""
    base = {"left_image", "left_camera_info"} <= topics.keys()
    return base and ("depth_image" in topics or {"right_image", "right_camera_info"} <= topics.keys())


def with_topics(parameters: Parameters, topics: dict[str, str]) -> Parameters:
    """The parameters with these topics in place of their own; labels from outside stay."""
    kept = {role: getattr(parameters.topics, role) for role in ("labels", "tom_labels")}
    empty = dict.fromkeys(Topics.model_fields, "")
    return parameters.model_copy(update={"topics": Topics(**{**empty, **kept, **topics})})


def read_topics(recording: Recording, camera: dict[str, str]) -> dict[str, Recorded]:
    """One pass over the recording."""
    found: dict[str, Recorded] = {}
    wanted = set(camera.values())
    for raw in recording.messages(set(recording.types)):
        topic = found.setdefault(raw.topic, Recorded(first=raw.log_ns))
        topic.count += 1
        topic.last = raw.log_ns
        if raw.topic in wanted:
            try:
                data = bytes(raw.data) if topic.message is None else raw.data  # of what is kept a copy
                message = typestore().deserialize_cdr(data, raw.msgtype)
                topic.stamps.append(stamp_of(message))
            except Exception:  # noqa: BLE001 (whatever the parser meets in damaged data)
                topic.damaged += 1
                continue
            topic.message = message if topic.message is None else topic.message
    return found


def describe_topics(recording: Recording, found: dict[str, Recorded]) -> Iterator[Finding]:
    """A line a topic, those of a camera first, and what is wrong with the file."""
    if recording.damage:
        yield wrong(
            f"damaged: {recording.damage}", "what was read is used; copy or record it again if that is not enough"
        )
    for name, encoding in recording.foreign.items():
        yield note(f"{printable(name)} is encoded as {printable(encoding)}, not as ROS 2 messages: it is left out")
    images = [name for name, kind in recording.types.items() if "Image" in kind or "CameraInfo" in kind]
    names = sorted(images) + sorted(set(recording.types) - set(images))
    for name in names[:_MANY]:
        topic = found.get(name, Recorded())
        rate = f", {topic.rate:.1f} Hz" if topic.rate else ""
        damaged = f", {topic.damaged} cannot be read" if topic.damaged else ""
        yield note(f"{printable(name)}: {printable(recording.types[name])}, {topic.count} messages{rate}{damaged}")
    if len(names) > _MANY:
        yield note(f"and {len(names) - _MANY} more topics")
