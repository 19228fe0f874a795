"""A stage goes on when the next one has begun with what it made: work that would be dropped is not done."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Header

from depth_prompt_ros.bag.messages import header, stamp_of
from depth_prompt_ros.ros.convert import ros_message

_LONGEST_S = 2.0
_SILENT_S = 5.0


class Pace:
    """``~/taken`` says which frame a stage has begun with; the stage before it listens.

    A stage that hears nothing (it is used by itself) does not wait, and never longer than two seconds.
    """

    def __init__(self, node: Any, next_stage: str, wake: Callable[[], None]) -> None:
        """Offer ``~/taken``, and listen to the next stage's.

        Args:
            node: the stage.
            next_stage: name of the next one's node; empty: there is none.
            wake: called when the next stage has begun.
        """
        qos = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE, history=HistoryPolicy.KEEP_LAST)
        self._wake = wake
        self._publisher = node.create_publisher(Header, "~/taken", qos)
        if next_stage:
            node.create_subscription(Header, f"{next_stage}/taken", self._heard, qos)
        self._heard_at, self._taken = -_SILENT_S, 0
        self._made_at, self._made = 0.0, 0

    def begins(self, message: Any) -> None:
        """This stage begins with the frame of a message."""
        self._publisher.publish(header(stamp_of(message), message.header.frame_id, ros_message))

    def made(self, stamp_ns: int) -> None:
        """This stage has published a frame."""
        self._made, self._made_at = stamp_ns, time.monotonic()

    def ready(self) -> bool:
        """The next stage has begun with what was made last, or does not say."""
        now = time.monotonic()
        silent = now - self._heard_at > _SILENT_S
        return silent or self._taken >= self._made or now - self._made_at > _LONGEST_S

    def forget(self) -> None:
        """After time has jumped."""
        self._taken = self._made = 0

    def _heard(self, message: Header) -> None:
        self._taken = message.stamp.sec * 10**9 + message.stamp.nanosec
        self._heard_at = time.monotonic()
        self._wake()
