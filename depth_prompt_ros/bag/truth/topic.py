"""Messages of one topic that belong to a recording's left images, handed out in the images' order."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.storage.recording import RawMessage, Recording
from depth_prompt_ros.bag.storage.spill import Spill
from depth_prompt_ros.bag.sync import pair
from depth_prompt_ros.bag.truth.overlap import no_overlap
from depth_prompt_ros.errors import BadInput

DISPARITY_TYPE = "stereo_msgs/msg/DisparityImage"


class PairedTopic:
    """One topic beside the frames.

    Messages that come before their frame wait on the disk beyond 64 MiB.

    Attributes:
        topic, msgtype: its full name and type.
        matched: number of left images with a message.
    """

    def __init__(
        self, recording: Recording, name: str, types: Collection[str], stamps: NDArray[np.int64], tolerance: float
    ) -> None:
        """Read the topic's stamps and pair them, the closest first.

        Args:
            recording: of its own, no other reader reads it.
            name: the topic.
            types: that will do.
            stamps: (N,) of the left images, nanoseconds.
            tolerance: seconds.

        Raises:
            BadInput: no such topic, another type, or not one stamp near a left image's.
        """
        self.topic = recording.topic(name)
        self.msgtype = recording.types.get(self.topic, "")
        if self.msgtype not in types:
            problem = f"is {self.msgtype}, not {' or '.join(types)}" if self.msgtype else "is not there"
            raise BadInput(
                f"the truth's topic {self.topic} {problem} in {recording.path}: give one of those there "
                f"({recording.describe_topics()})"
            )
        theirs = np.array([stamp_of(_message(raw)) for raw in recording.messages({self.topic})], np.int64)
        partners = pair(stamps, theirs, round(tolerance * 1e9))
        if not (partners >= 0).any():
            raise BadInput(no_overlap(f"{self.topic} of {recording.path}", stamps, theirs, tolerance))
        self.matched = int((partners >= 0).sum())
        self._partners = partners
        self._owners = {int(message): frame for frame, message in enumerate(partners) if message >= 0}
        self._messages = enumerate(recording.messages({self.topic}))
        self._waiting = Spill()

    def __call__(self, frame: int) -> Any | None:
        """The message of the left image with this number, None where it has none; numbers only go up.

        Raises:
            BadInput: it cannot be read.
        """
        if self._partners[frame] < 0:
            return None
        while not self._waiting.count(frame):
            number, raw = next(self._messages, (-1, None))
            if raw is None:
                raise BadInput(f"the truth's topic {self.topic} ended before its last message: the recording changed")
            owner = self._owners.get(number, -1)
            if owner >= frame:
                self._waiting.put(owner, self.topic, raw)
        return _message(self._waiting.take(frame)[self.topic])


def _message(raw: RawMessage) -> Any:
    try:
        return typestore().deserialize_cdr(raw.data, raw.msgtype)
    except Exception as error:  # whatever the parser meets in damaged data
        raise BadInput(f"a message of the truth's topic {raw.topic} is no {raw.msgtype}: {error}") from error
