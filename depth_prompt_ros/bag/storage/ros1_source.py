"""Messages of a ROS 1 bag through rosbags, as ROS 2 would have serialised them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from depth_prompt_ros.bag.messages import typestore
from depth_prompt_ros.bag.storage.mcap_source import RawMessage

_RENAMED = {"tf/msg/tfMessage": "tf2_msgs/msg/TFMessage"}
_KEPT = "/tf_static"
_ENCODING = "ros1"


class Ros1Source:
    """One ``.bag`` file, format 2.0.

    Bytes are rearranged as CDR without being decoded (rosbags' ``ros1_to_cdr``; a ROS 1 header's ``seq`` is left out).

    Attributes:
        types: ROS 2 message type of each topic whose messages have the same fields there.
        foreign: of each other topic.
        damage: why it was not read to its end, empty if it was.
    """

    def __init__(self, path: Path) -> None:
        """Read the index.

        Raises:
            rosbags.rosbag1.ReaderError: no bag of ROS 1, or one without its index.
        """
        from rosbags.rosbag1 import Reader

        self.path, self.damage = path, ""
        self.types: dict[str, str] = {}
        self.foreign: dict[str, str] = {}
        with Reader(path) as reader:
            for connection in reader.connections:
                name = _RENAMED.get(connection.msgtype, connection.msgtype)
                if _has_the_fields(name, connection):
                    self.types[connection.topic] = name
                else:
                    self.foreign[connection.topic] = _ENCODING

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]:
        """The topics' messages in the order of recording."""
        from rosbags.rosbag1 import Reader

        try:
            with Reader(self.path) as reader:
                wanted = [each for each in reader.connections if each.topic in topics and each.topic in self.types]
                if not wanted:
                    return
                for connection, log_ns, data in reader.messages(wanted):
                    name = self.types[connection.topic]
                    yield RawMessage(connection.topic, name, log_ns, _as_cdr(data, name), _profiles(connection.topic))
        except Exception as error:  # noqa: BLE001 (whatever a parser meets in damaged data)
            self.damage = f"{self.path} is damaged, it was read up to there: {error}"


def _as_cdr(data: bytes, name: str) -> bytes | memoryview:
    """The message as CDR; one that cannot be rearranged stays as it is: its reader says that it is damaged."""
    try:
        return typestore().ros1_to_cdr(data, name)
    except Exception:  # noqa: BLE001
        return data


def _has_the_fields(name: str, connection: Any) -> bool:
    """Whether the bag's definition of a type has the fields of the ROS 2 type in their order."""
    from rosbags.convert.converter import is_same_wireformat
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    if name not in typestore().fielddefs:
        return False
    recorded = get_typestore(Stores.EMPTY)
    try:
        recorded.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
        return bool(is_same_wireformat(recorded, typestore(), connection.msgtype, name))
    except Exception:  # noqa: BLE001 (whatever a parser meets in a definition)
        return False


def _profiles(topic: str) -> tuple[Any, ...]:
    """Of static transforms, which late subscribers must get too."""
    from rosbags.convert.converter import LATCH

    return tuple(LATCH) if topic == _KEPT else ()
