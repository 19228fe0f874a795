"""Subscribed topics whose messages belong together, by their stamps; and what is wrong when they do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from message_filters import ApproximateTimeSynchronizer, Subscriber
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from depth_prompt_ros.bag.messages import stamp_of
from depth_prompt_ros.ros.convert import message_class

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

INFO = "sensor_msgs/msg/CameraInfo"
_BACK_NS = 1_000_000_000
"""A stamp that is older than its topic's latest by more than this means that time has jumped back."""


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


@dataclass
class Arrived:
    """What came on one topic.

    Attributes:
        topic: its name.
        count: messages so far.
        stamp_ns: of the latest, header.
        at: when it came, monotonic seconds.
        incompatible: a publisher offers a QoS that this subscription cannot take.
    """

    topic: str
    count: int = 0
    stamp_ns: int = 0
    at: float = 0.0
    incompatible: str = ""


class Inputs:
    """Subscriptions by role, synchronised; made when a node is activated, gone when it is deactivated.

    Attributes:
        arrived: what came, by role.
        sets: complete sets so far.
        resets: how often time jumped back.
    """

    def __init__(
        self,
        node: Any,
        topics: Mapping[str, Topic],
        queue_size: int,
        tolerance: float,
        deliver: Callable[[dict[str, Any]], None],
        on_reset: Callable[[], None],
    ) -> None:
        """Subscribe.

        Args:
            node: to subscribe with.
            topics: name and message type by role; the first is the one whose stamp the outputs take.
            queue_size: messages of a topic that wait for their partners.
            tolerance: seconds.
            deliver: gets each complete set, messages by role; called in a ROS callback.
            on_reset: called when time has jumped back.
        """
        self._node, self._deliver, self._on_reset = node, deliver, on_reset
        self._queue_size, self._tolerance = queue_size, tolerance
        self.arrived = {role: Arrived(topic.name) for role, topic in topics.items()}
        self.sets, self.resets, self.last_set_at = 0, 0, 0.0
        self._subscribers: dict[str, Subscriber] = {}
        try:
            for role, topic in topics.items():
                self._subscribers[role] = self._subscribe(role, topic)
        except Exception:
            self.destroy()
            raise
        self._synchroniser = self._synchronise()

    def destroy(self) -> None:
        """Unsubscribe."""
        for subscriber in self._subscribers.values():
            self._node.destroy_subscription(subscriber.sub)

    def reset(self) -> None:
        """Drop waiting messages after a clock jump: message_filters would keep those of the future."""
        self.resets += 1
        for queue in self._synchroniser.queues:
            queue.clear()
        for arrived in self.arrived.values():
            arrived.stamp_ns = 0
        self._on_reset()

    def gap(self) -> tuple[str, float]:
        """The role whose latest stamp is farthest from the first one's, and seconds between them."""
        first = next(iter(self.arrived.values())).stamp_ns
        role = max(self.arrived, key=lambda each: abs(self.arrived[each].stamp_ns - first))
        return role, abs(self.arrived[role].stamp_ns - first) * 1e-9

    def _subscribe(self, role: str, topic: Topic) -> Subscriber:
        arrived = self.arrived[role]

        def incompatible(event: Any) -> None:
            arrived.incompatible = f"a publisher offers an incompatible QoS (policy {event.last_policy_kind})"

        subscriber = Subscriber(
            self._node, message_class(topic.type), topic.name,
            qos_profile=_qos(topic.reliable),
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=incompatible),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )  # fmt: skip
        subscriber.registerCallback(lambda message: self._note(arrived, message))
        return subscriber

    def _synchronise(self) -> ApproximateTimeSynchronizer:
        synchroniser = ApproximateTimeSynchronizer(
            list(self._subscribers.values()), self._queue_size, max(self._tolerance, 1e-9)
        )
        synchroniser.registerCallback(self._complete)
        return synchroniser

    def _note(self, arrived: Arrived, message: Any) -> None:
        stamp = stamp_of(message)
        if arrived.stamp_ns - stamp > _BACK_NS:
            self._node.get_logger().warning(f"stamps on {arrived.topic} have jumped back: starting anew")
            self.reset()
        arrived.count, arrived.stamp_ns, arrived.at = arrived.count + 1, stamp, time.monotonic()

    def _complete(self, *messages: Any) -> None:
        self.sets, self.last_set_at = self.sets + 1, time.monotonic()
        self._deliver(dict(zip(self._subscribers, messages, strict=True)))


def _qos(reliable: bool) -> QoSProfile:
    """A profile of its own for each subscription: rclpy writes overrides into the one that it is given."""
    reliability = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
    return QoSProfile(depth=10 if reliable else 5, reliability=reliability, history=HistoryPolicy.KEEP_LAST)


def image_topic(name: str, reliable: bool = False) -> Topic:
    """Of images; compressed ones if its name says so."""
    compressed = name.endswith(("/compressed", "/compressedDepth"))
    return Topic(name, f"sensor_msgs/msg/{'CompressedImage' if compressed else 'Image'}", reliable)
