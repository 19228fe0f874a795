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
        forced: the type is the user's, whatever its publishers say.
        latched: its publishers keep their last messages for those who come later (transient local).
    """

    name: str
    type: str
    reliable: bool = False
    forced: bool = False
    latched: bool = False


def image_topic(name: str, reliable: bool = False, transport: str = "auto") -> Topic:
    """Of images; with transport ``auto`` compressed if its name says so, until its publishers are known."""
    forced = transport != "auto"
    compressed = transport == "compressed" if forced else name.endswith(("/compressed", "/compressedDepth"))
    return Topic(name, IMAGES[compressed], reliable, forced)
