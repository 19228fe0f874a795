"""Subscribed topics whose messages belong together, by their stamps; and what is wrong when they do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from message_filters import ApproximateTimeSynchronizer, Subscriber
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from depth_prompt_ros.bag.messages import stamp_of
from depth_prompt_ros.ros.camera_infos import CameraInfos
from depth_prompt_ros.ros.convert import message_class

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

INFO = "sensor_msgs/msg/CameraInfo"
IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
_LOOK_AGAIN_S = 1.0
_ALIKE = 10
_BACK_NS = 1_000_000_000
"""A stamp that is older than its topic's latest by more than this means that time has jumped back."""


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


@dataclass
class Arrived:
    """What came on one topic.

    Attributes:
        topic: its name.
        count: messages so far.
        stamp_ns: of the latest, header.
        at: when it came, monotonic seconds.
        incompatible: a publisher offers a QoS that this subscription cannot take.
        holds: it is camera_info, the latest of which holds until the next.
        alike: messages in a row with one stamp.
    """

    topic: str
    count: int = 0
    stamp_ns: int = 0
    at: float = 0.0
    incompatible: str = ""
    holds: bool = False
    alike: int = 0


class Inputs:
    """Subscriptions by role, images synchronised; made when a node is activated, gone when it is deactivated.

    camera_info is not part of the synchronisation: see :class:`depth_prompt_ros.ros.camera_infos.CameraInfos`. Whether
    an image topic is compressed, and camera_info latched, is what its publishers say; while it brings nothing, they are
    asked again every second.

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
        self._topics = dict(topics)
        self.arrived = {role: Arrived(topic.name, holds=topic.type == INFO) for role, topic in topics.items()}
        self.sets, self.resets, self.last_set_at = 0, 0, 0.0
        self._infos = CameraInfos([role for role, topic in topics.items() if topic.type == INFO], tolerance)
        self._waiting: dict[str, Any] | None = None
        self._subscribers: dict[str, Subscriber] = {}
        self._timer: Any = None
        try:
            self._subscribe_all()
            self._timer = node.create_timer(_LOOK_AGAIN_S, self._look_again)
        except Exception:
            self.destroy()
            raise

    def destroy(self) -> None:
        """Unsubscribe."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None
        self._unsubscribe()

    def published_as(self, topic: str) -> set[str]:
        """Message types of a topic's publishers, as far as the graph knows them."""
        return {each.topic_type for each in self._publishers(topic)}

    def _publishers(self, topic: str) -> list[Any]:
        try:
            return list(self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(topic)))
        except Exception as error:  # noqa: BLE001 (what it raises differs between distributions, and this is no must)
            self._node.get_logger().debug(f"the publishers of {topic} are not known: {error}")
            return []

    def reset(self) -> None:
        """Drop waiting messages after a clock jump: message_filters would keep those of the future."""
        self.resets += 1
        for queue in self._synchroniser.queues:
            queue.clear()
        self._infos.forget()
        self._waiting = None
        for arrived in self.arrived.values():
            arrived.stamp_ns = 0
        self._on_reset()

    def gap(self) -> tuple[str, float]:
        """The role whose latest stamp is farthest from the first one's, and seconds between them."""
        first = next(iter(self.arrived.values())).stamp_ns
        images = [role for role, arrived in self.arrived.items() if not arrived.holds]
        role = max(images, key=lambda each: abs(self.arrived[each].stamp_ns - first))
        return role, abs(self.arrived[role].stamp_ns - first) * 1e-9

    def _subscribe_all(self) -> None:
        for role, topic in self._topics.items():
            self._topics[role] = named = self._as_published(topic)
            self._subscribers[role] = self._subscribe(role, named)
        self._synchroniser = self._synchronise()

    def _unsubscribe(self) -> None:
        for subscriber in self._subscribers.values():
            self._node.destroy_subscription(subscriber.sub)
        self._subscribers = {}

    def _as_published(self, topic: Topic) -> Topic:
        """The topic with the type that its publishers have, if that is another of images; latched if they all are."""
        if topic.type == INFO:
            offered = {
                (each.qos_profile.durability, each.qos_profile.reliability) for each in self._publishers(topic.name)
            }
            return topic._replace(latched=offered == {(DurabilityPolicy.TRANSIENT_LOCAL, ReliabilityPolicy.RELIABLE)})
        types = set() if topic.forced else self.published_as(topic.name)
        others = [kind for kind in IMAGES if kind in types]
        return topic._replace(type=others[0]) if topic.type in IMAGES and topic.type not in types and others else topic

    def _look_again(self) -> None:
        """Called by a timer: subscribe anew if a topic that brings nothing turns out to be of another type."""
        for role, topic in self._topics.items():
            if not self.arrived[role].count and (named := self._as_published(topic)) != topic:
                how = "latched" if named.latched else named.type
                self._node.get_logger().info(f"{topic.name} is {how}: subscribed anew")
                self._unsubscribe()
                self._subscribe_all()
                return

    def _subscribe(self, role: str, topic: Topic) -> Subscriber:
        arrived = self.arrived[role]

        def incompatible(event: Any) -> None:
            arrived.incompatible = f"a publisher offers an incompatible QoS (policy {event.last_policy_kind})"

        subscriber = Subscriber(
            self._node, message_class(topic.type), topic.name,
            qos_profile=_qos(topic),
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=incompatible),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )  # fmt: skip
        subscriber.registerCallback(lambda message: self._note(arrived, message))
        if arrived.holds:
            subscriber.registerCallback(lambda message: self._note_info(role, message))
        return subscriber

    def _synchronise(self) -> ApproximateTimeSynchronizer:
        synchroniser = ApproximateTimeSynchronizer(
            [self._subscribers[role] for role, arrived in self.arrived.items() if not arrived.holds],
            self._queue_size,
            max(self._tolerance, 1e-9),
        )
        synchroniser.registerCallback(self._complete)
        return synchroniser

    def _note(self, arrived: Arrived, message: Any) -> None:
        stamp = stamp_of(message)
        if arrived.stamp_ns - stamp > _BACK_NS:
            self._node.get_logger().warning(f"stamps on {arrived.topic} have jumped back: starting anew")
            self.reset()
        arrived.alike = arrived.alike + 1 if arrived.count and stamp == arrived.stamp_ns else 0
        if arrived.alike == _ALIKE and not arrived.holds:
            self._node.get_logger().warning(
                f"{_ALIKE + 1} stamps in a row on {arrived.topic} are {stamp * 1e-9:g} s: its driver does not set "
                "header.stamp; it is paired in order of arrival"
            )
        arrived.count, arrived.stamp_ns, arrived.at = arrived.count + 1, stamp, time.monotonic()

    def _note_info(self, role: str, message: Any) -> None:
        self._infos.note(role, message)
        if self._waiting is None or self._infos.missing():
            return
        if not self._infos.expected(stamp_of(next(iter(self._waiting.values())))):
            self._send()

    def _complete(self, *messages: Any) -> None:
        if self._waiting is not None and not self._infos.missing():
            self._send()  # its own camera_info did not come
        images = [role for role, arrived in self.arrived.items() if not arrived.holds]
        self._waiting = dict(zip(images, messages, strict=True))
        if not self._infos.missing() and not self._infos.expected(stamp_of(messages[0])):
            self._send()

    def _send(self) -> None:
        """Deliver the set that waits, with the camera_info that holds."""
        assert self._waiting is not None
        stamp = stamp_of(next(iter(self._waiting.values())))
        found = {**self._waiting, **self._infos.take(stamp)}
        self._waiting = None
        self.sets, self.last_set_at = self.sets + 1, time.monotonic()
        self._deliver({role: found[role] for role in self.arrived})


def _qos(topic: Topic) -> QoSProfile:
    """A profile of its own for each subscription: rclpy writes overrides into the one that it is given."""
    reliable = topic.reliable or topic.latched
    return QoSProfile(
        depth=10 if reliable else 5, history=HistoryPolicy.KEEP_LAST,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if topic.latched else DurabilityPolicy.VOLATILE,
    )  # fmt: skip


def image_topic(name: str, reliable: bool = False, transport: str = "auto") -> Topic:
    """Of images; with transport ``auto`` compressed if its name says so, until its publishers are known."""
    forced = transport != "auto"
    compressed = transport == "compressed" if forced else name.endswith(("/compressed", "/compressedDepth"))
    return Topic(name, IMAGES[compressed], reliable, forced)
