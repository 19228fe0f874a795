"""Name and type of an input."""

from __future__ import annotations

from typing import NamedTuple

INFO = "sensor_msgs/msg/CameraInfo"
IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")


class Topic(NamedTuple):
    """An input.

    Attributes:
        name: of the topic.
        type: of its messages.
        reliable: nothing may be lost, as between stages; else sensor data.
    """

    name: str
    type: str
    reliable: bool = False


def image_topic(name: str, reliable: bool = False) -> Topic:
    """Of images; compressed ones if its name says so, until its publishers are known."""
    compressed = name.endswith(("/compressed", "/compressedDepth"))
    return Topic(name, f"sensor_msgs/msg/{'CompressedImage' if compressed else 'Image'}", reliable)
