"""Pictures with ToM masks out of a recording: two image topics, no camera_info needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from depth_prompt_ros.bag.images import label_image, picture
from depth_prompt_ros.bag.messages import stamp_of, typestore
from depth_prompt_ros.bag.recording import RawMessage, Recording
from depth_prompt_ros.bag.sync import pair
from depth_prompt_ros.data.sets.tom_pictures import TomPicture
from depth_prompt_ros.errors import BadFrame, BadInput

_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")


class RecordedTomPictures:
    """Every picture of a recording that has a mask of nearly its stamp; its name is its stamp in nanoseconds.

    Attributes:
        recording: where the messages come from.
        skipped: how many pictures were left out so far, by reason.
    """

    def __init__(self, bag: Path, image_topic: str, mask_topic: str, tolerance: float = 0.02) -> None:
        """Open the bag and pair the stamps, the closest first.

        Args:
            bag: rosbag2 folder, or a lone ``.mcap`` or ``.db3`` file.
            image_topic: ``sensor_msgs/Image`` or ``CompressedImage``.
            mask_topic: the same, one channel, lossless; any value but 0 is ToM.
            tolerance: seconds between the stamps of a picture and its mask.

        Raises:
            BadInput: no readable bag, a topic that is missing or of the wrong type, or no picture.
        """
        self.recording = Recording(bag)
        self._topics = (f"/{image_topic.lstrip('/')}", f"/{mask_topic.lstrip('/')}")
        for topic, option in zip(self._topics, ("--image", "--mask"), strict=True):
            if (msgtype := self.recording.types.get(topic, "")) not in _TYPES:
                problem = f"is {msgtype}, no image" if msgtype else "is not there"
                raise BadInput(
                    f"topic {topic} {problem} in {bag}: give {option}, one of {self.recording.describe_topics()}"
                )
        images, masks = self._stamps()
        if not len(images):
            raise BadInput(f"topic {self._topics[0]} in {bag} has no messages")
        self._reason = f"no mask on {self._topics[1]} within {tolerance:g} s"
        self._partners = pair(images, masks, round(tolerance * 1e9))
        self.skipped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._partners)

    def __iter__(self) -> Iterator[TomPicture]:
        """Yield each picture with its mask as soon as both have been read."""
        self.skipped = Counter({self._reason: int((self._partners < 0).sum())}) + Counter()  # without a count of 0
        owners = {int(mask): image for image, mask in enumerate(self._partners) if mask >= 0}
        counts = dict.fromkeys(self._topics, 0)
        waiting: dict[int, Any] = {}
        for raw in self.recording.messages(self._topics):
            number = counts[raw.topic]
            counts[raw.topic] += 1
            is_image = raw.topic == self._topics[0]
            image = number if is_image else owners.get(number, -1)
            if image < 0 or self._partners[image] < 0:
                continue
            if image not in waiting:
                waiting[image] = raw
                continue
            other = waiting.pop(image)
            try:
                yield _read(raw, other) if is_image else _read(other, raw)
            except BadFrame as error:
                self.skipped[str(error)] += 1

    def _stamps(self) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
        """Header stamps of both topics, in order of recording."""
        stamps: dict[str, list[int]] = {topic: [] for topic in self._topics}
        for raw in self.recording.messages(self._topics):
            stamps[raw.topic].append(stamp_of(_message(raw)))
        return [np.array(stamps[topic], np.int64) for topic in self._topics]


def _message(raw: RawMessage) -> Any:
    try:
        return typestore().deserialize_cdr(raw.data, raw.msgtype)
    except Exception as error:  # whatever the parser meets in damaged data
        raise BadInput(f"a message of topic {raw.topic} is no {raw.msgtype}: {error}") from error


def _read(image: RawMessage, mask: RawMessage) -> TomPicture:
    message = _message(image)
    pixels, tom = picture(message), label_image(_message(mask)) > 0
    (height, width), (rows, columns) = pixels.shape[:2], tom.shape
    if (rows, columns) != (height, width):
        raise BadFrame(f"its mask is {columns}x{rows} but the picture is {width}x{height}: give masks of its size")
    return TomPicture(str(stamp_of(message)), pixels, tom)
