"""Two image topics of a recording whose stamps belong together: pictures and what is true of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.encodings.images import IMAGE_TYPES
from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.storage.recording import RawMessage, Recording
from depth_prompt_ros.bag.storage.spill import Spill
from depth_prompt_ros.bag.sync import pair
from depth_prompt_ros.errors import BadFrame, BadInput, printable

Sample = TypeVar("Sample")
Stamps = NDArray[np.int64]


class PairedImages(Generic[Sample]):
    """Every picture of a recording that has a partner of nearly its stamp; no camera_info is needed.

    Attributes:
        recording: where the messages come from.
        skipped: how many pictures were left out so far, by reason.
    """

    def __init__(
        self,
        bag: Path,
        topics: tuple[str, str],
        options: tuple[str, str],
        read: Callable[[Any, Any], Sample],
        tolerance: float = 0.02,
        partner: str = "partner",
    ) -> None:
        """Open the bag and pair the stamps, the closest first.

        Args:
            bag: rosbag2 folder, or a lone ``.mcap`` or ``.db3`` file.
            topics: of the pictures and of their partners, ``sensor_msgs/Image`` or ``CompressedImage``.
            options: that the topics are given with, for messages.
            read: a sample of two messages; raises BadFrame where it cannot be used.
            tolerance: seconds between the stamps of a picture and its partner.
            partner: what it is, for messages.

        Raises:
            BadInput: no readable bag, a topic that is missing or of the wrong type, or no picture.
        """
        self.recording = Recording(bag)
        self._topics = (self.recording.topic(topics[0]), self.recording.topic(topics[1]))
        self._read = read
        for topic, option in zip(self._topics, options, strict=True):
            if (msgtype := self.recording.types.get(topic, "")) not in IMAGE_TYPES:
                problem = f"is {msgtype}, no image" if msgtype else "is not there"
                raise BadInput(
                    f"topic {topic} {problem} in {bag}: give {option}, one of {self.recording.describe_topics()}"
                )
        self._damaged: list[dict[int, str]] = [{}, {}]
        images, partners = self._stamps()
        if not len(images):
            raise BadInput(f"topic {self._topics[0]} in {bag} has no messages")
        self._reason = f"no {partner} on {self._topics[1]} within {tolerance:g} s"
        self._partners = self._paired(images, partners, round(tolerance * 1e9))
        self.skipped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._partners)

    def __iter__(self) -> Iterator[Sample]:
        """Yield each picture with its partner as soon as both have been read."""
        damaged = Counter(self._damaged[0].values())
        alone = int((self._partners < 0).sum()) - damaged.total()
        self.skipped = damaged + Counter({self._reason: alone})  # without a count of 0
        owners = {int(other): image for image, other in enumerate(self._partners) if other >= 0}
        counts = dict.fromkeys(self._topics, 0)
        with Spill() as waiting:
            for raw in self.recording.messages(self._topics):
                number = counts[raw.topic]
                counts[raw.topic] += 1
                is_image = raw.topic == self._topics[0]
                image = number if is_image else owners.get(number, -1)
                if image < 0 or self._partners[image] < 0:
                    continue
                waiting.put(image, "image" if is_image else "partner", raw)
                if waiting.count(image) < 2:
                    continue
                both = waiting.take(image)
                try:
                    yield self._read(decoded(both["image"]), decoded(both["partner"]))
                except BadFrame as error:
                    self.skipped[str(error)] += 1

    def _stamps(self) -> list[Stamps]:
        """Header stamps of both topics, in order of recording; 0 of a damaged message, which is noted."""
        stamps: dict[str, list[int]] = {topic: [] for topic in self._topics}
        for raw in self.recording.messages(self._topics):
            try:
                stamp = stamp_of(decoded(raw))
            except BadFrame as error:
                self._damaged[self._topics.index(raw.topic)][len(stamps[raw.topic])] = str(error)
                stamp = 0
            stamps[raw.topic].append(stamp)
        return [np.array(stamps[topic], np.int64) for topic in self._topics]

    def _paired(self, images: Stamps, partners: Stamps, tolerance_ns: int) -> Stamps:
        """For each picture its partner's number, -1 = none; damaged messages have none."""
        ours, theirs = (
            np.array([number for number in range(len(stamps)) if number not in damaged], np.int64)
            for stamps, damaged in zip((images, partners), self._damaged, strict=True)
        )
        found = np.full(len(images), -1, np.int64)
        if len(ours) and len(theirs):
            places = pair(images[ours], partners[theirs], tolerance_ns)
            found[ours] = np.where(places < 0, -1, theirs[places])
        return found


def decoded(raw: RawMessage) -> Any:
    """The message; raises BadFrame where its data are damaged."""
    try:
        return typestore().deserialize_cdr(raw.data, raw.msgtype)
    except Exception as error:  # whatever the parser meets in damaged data
        raise BadFrame(f"a message of topic {raw.topic} is no {raw.msgtype}: {printable(error)}") from error
