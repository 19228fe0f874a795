"""The subscriptions of a live node: pictures while they are wanted, camera_info always."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from depth_prompt_ros.bag.messages import stamp_of
from depth_prompt_ros.parameters import SyncParameters
from depth_prompt_ros.ros.convert import message_class
from depth_prompt_ros.ros.inputs.camera_infos import CameraInfos
from depth_prompt_ros.ros.inputs.topics import IMAGES, INFO, Topic
from depth_prompt_ros.ros.inputs.waiting import WaitingSets

try:
    from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks, UnsupportedEventTypeError

_LOOK_AGAIN_S = 1.0
_ALIKE = 10
_BACK_NS = 1_000_000_000
"""A stamp that is older than its topic's latest by more than this means that time has jumped back."""


@dataclass
class Arrived:
    """What came on one topic.

    Attributes:
        topic: its resolved name.
        type: of the messages that are subscribed to.
        count: messages so far.
        stamp_ns: of the latest, header.
        at: when it came, monotonic seconds.
        incompatible: a publisher offers a QoS that this subscription cannot take.
        lost: messages that the middleware lost on their way.
        lost_at: when it said so last.
        holds: it is camera_info, the latest of which holds until the next.
        alike: messages in a row with one stamp.
    """

    topic: str
    type: str
    count: int = 0
    stamp_ns: int = 0
    at: float = 0.0
    incompatible: str = ""
    lost: int = 0
    lost_at: float = 0.0
    holds: bool = False
    alike: int = 0


class Inputs:
    """Subscriptions by role, images put together by their stamps; made on activation, gone on deactivation.

    camera_info is heard all the time, for it may come once; images only while they are wanted. Whether an image topic
    is compressed, and camera_info latched, is what its publishers say; while it brings nothing, they are asked again
    every second.

    Attributes:
        arrived: what came, by role.
        sets: complete sets so far.
        resets: how often time jumped back.
        since: when images were subscribed, monotonic seconds; None while they are not.
        waiting: the images that wait for their partners.
    """

    def __init__(
        self,
        node: Any,
        topics: Mapping[str, Topic],
        sync: SyncParameters,
        deliver: Callable[[dict[str, Any]], None],
        on_reset: Callable[[], None],
    ) -> None:
        """Subscribe to camera_info.

        Args:
            node: to subscribe with.
            topics: name and message type by role; the first is the one whose stamp the outputs take.
            sync: how far apart stamps of a set are, and how long messages wait.
            deliver: gets each complete set, messages by role; called in a ROS callback.
            on_reset: called when time has jumped back.
        """
        self._node, self._deliver, self._on_reset = node, deliver, on_reset
        self._topics = dict(topics)
        self.arrived = {
            role: Arrived(node.resolve_topic_name(topic.name), topic.type, holds=topic.type == INFO)
            for role, topic in topics.items()
        }
        self._images = [role for role, arrived in self.arrived.items() if not arrived.holds]
        self.waiting = WaitingSets(self._images, sync.tolerance, sync.hold, sync.most_megabytes)
        self._infos = CameraInfos([role for role in self.arrived if role not in self._images], sync.tolerance)
        self._paired: dict[str, Any] | None = None
        self.sets, self.resets, self.last_set_at = 0, 0, 0.0
        self.since: float | None = None
        self._subscriptions: dict[str, Any] = {}
        self._timer: Any = None
        try:
            for role in self.arrived:
                self._subscribe(role)
            for role in self._images:  # until they are wanted; but what cannot be subscribed is said now
                self._unsubscribe(role)
            self._timer = node.create_timer(_LOOK_AGAIN_S, self._look_again)
        except Exception:
            self.destroy()
            raise

    def listen(self, wanted: bool) -> None:
        """Subscribe to the images, or end that."""
        if wanted == (self.since is not None):
            return
        now = time.monotonic()
        self.since, self.last_set_at = now if wanted else None, now
        for role in self._images:
            if wanted:
                self._subscribe(role)
            else:
                self._unsubscribe(role)
        self.forget()

    def forget(self) -> None:
        """Drop the images that wait: the next set is one whose images are still to come."""
        self.waiting.clear()
        self._paired = None

    def destroy(self) -> None:
        """Unsubscribe."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None
        for role in list(self._subscriptions):
            self._unsubscribe(role)

    def published_as(self, topic: str) -> set[str]:
        """Message types of a resolved topic's publishers, as far as the graph knows them."""
        return {each.topic_type for each in self._publishers(topic)}

    def _publishers(self, topic: str) -> list[Any]:
        try:
            return list(self._node.get_publishers_info_by_topic(topic))
        except Exception as error:  # noqa: BLE001 (what it raises differs between distributions, and this is no must)
            self._node.get_logger().debug(f"the publishers of {topic} are not known: {error}")
            return []

    def reset(self) -> None:
        """Drop waiting messages after a clock jump: those of the future would meet no partner."""
        self.resets += 1
        self.forget()
        self._infos.forget()
        for arrived in self.arrived.values():
            arrived.stamp_ns = 0
        self._on_reset()

    def gap(self) -> tuple[str, float]:
        """The role whose latest stamp is farthest from the first one's, and seconds between them."""
        first = self.arrived[self._images[0]].stamp_ns
        role = max(self._images, key=lambda each: abs(self.arrived[each].stamp_ns - first))
        return role, abs(self.arrived[role].stamp_ns - first) * 1e-9

    def _subscribe(self, role: str) -> None:
        self._topics[role] = topic = self._as_published(role)
        arrived = self.arrived[role]
        arrived.type = topic.type

        def take(message: Any) -> None:
            self._note(arrived, message)
            if arrived.holds:
                self._note_info(role, message)
            elif (found := self.waiting.add(role, message)) is not None:
                self._complete(found)

        def incompatible(event: Any) -> None:
            policy = getattr(event.last_policy_kind, "name", event.last_policy_kind)
            arrived.incompatible = f"a publisher offers an incompatible QoS ({policy}): override it (docs/ros.md)"

        def lost(event: Any) -> None:
            arrived.lost, arrived.lost_at = arrived.lost + event.total_count_change, time.monotonic()

        def subscribe(**events: Callable[[Any], None]) -> Any:
            return self._node.create_subscription(
                message_class(topic.type), topic.name, take, _qos(topic),
                event_callbacks=SubscriptionEventCallbacks(incompatible_qos=incompatible, **events),
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )  # fmt: skip

        try:
            self._subscriptions[role] = subscribe(message_lost=lost)
        except UnsupportedEventTypeError:
            self._subscriptions[role] = subscribe()

    def _unsubscribe(self, role: str) -> None:
        self._node.destroy_subscription(self._subscriptions.pop(role))

    def _as_published(self, role: str) -> Topic:
        """The topic with the type that its publishers have, if that is another of images; latched if they all are."""
        topic, publishers = self._topics[role], self._publishers(self.arrived[role].topic)
        if topic.type == INFO:
            offered = {(each.qos_profile.durability, each.qos_profile.reliability) for each in publishers}
            return topic._replace(latched=offered == {(DurabilityPolicy.TRANSIENT_LOCAL, ReliabilityPolicy.RELIABLE)})
        types = set() if topic.forced else {each.topic_type for each in publishers}
        others = [kind for kind in IMAGES if kind in types]
        return topic._replace(type=others[0]) if topic.type in IMAGES and topic.type not in types and others else topic

    def _look_again(self) -> None:
        """Called by a timer: subscribe anew to a topic that brings nothing and turns out to be another than thought."""
        for role in list(self._subscriptions):
            arrived = self.arrived[role]
            if not arrived.count and (named := self._as_published(role)) != self._topics[role]:
                how = "latched" if named.latched else named.type
                self._node.get_logger().info(f"{arrived.topic} is {how}: subscribed anew")
                self._unsubscribe(role)
                self._subscribe(role)

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
        if self._paired is None or self._infos.missing():
            return
        if not self._infos.expected(stamp_of(next(iter(self._paired.values())))):
            self._send()

    def _complete(self, images: dict[str, Any]) -> None:
        if self._paired is not None and not self._infos.missing():
            self._send()  # its own camera_info did not come
        self._paired = images
        if not self._infos.missing() and not self._infos.expected(stamp_of(images[self._images[0]])):
            self._send()

    def _send(self) -> None:
        """Deliver the images that were put together, with the camera_info that holds."""
        assert self._paired is not None
        stamp = stamp_of(next(iter(self._paired.values())))
        found = {**self._paired, **self._infos.take(stamp)}
        self._paired = None
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
