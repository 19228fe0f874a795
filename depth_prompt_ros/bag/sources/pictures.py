"""All pictures of one topic of a recording, by their stamps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.encodings.images import IMAGE_TYPES, picture
from depth_prompt_ros.bag.messages import stamp_of
from depth_prompt_ros.bag.sources.paired_images import decoded
from depth_prompt_ros.bag.storage.recording import Recording
from depth_prompt_ros.errors import BadFrame, BadInput

_FILES = (".mcap", ".db3")


def is_recording(path: Path) -> bool:
    """Whether there is a rosbag2 at ``path``: one of its files, or a folder that holds some."""
    return path.suffix in _FILES or (path.is_dir() and any(file.suffix in _FILES for file in path.iterdir()))


class RecordedPictures:
    """Stamp in nanoseconds and (H, W, 3) uint8 RGB of the pictures of one topic.

    Attributes:
        skipped: how many were left out so far, by reason.
    """

    def __init__(self, bag: Path, topic: str, every: int = 1) -> None:
        """Open the bag.

        Args:
            every: so-many-th pictures only.

        Raises:
            BadInput: no readable bag, or a topic that is missing or holds no pictures.
        """
        self._recording, self._every = Recording(bag), every
        self._topic = self._recording.topic(topic)
        self.skipped: Counter[str] = Counter()
        if self._recording.types.get(self._topic, "") not in IMAGE_TYPES:
            there = self._recording.describe_topics()
            raise BadInput(f"topic {self._topic} holds no pictures in {bag}: give --image, one of {there}")

    def __iter__(self) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        for number, raw in enumerate(self._recording.messages((self._topic,))):
            if number % self._every:
                continue
            try:
                message = decoded(raw)
                yield str(stamp_of(message)), picture(message)
            except BadFrame as error:
                self.skipped[str(error)] += 1
