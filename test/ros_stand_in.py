"""A small stand-in for rclpy and its friends in one process, for machines without ROS.

It executes the node code, no more: messages have rosbags' definitions and pass through real CDR on their way, callbacks
run one at a time in the executor's thread. It knows no network, no discovery, no namespaces, and of QoS durability
alone. With a real rclpy it is never installed.
"""

from __future__ import annotations

import array
import logging
import queue
import sys
import threading
import time
from functools import cache
from inspect import isawaitable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from depth_prompt_ros.bag.messages import typestore

TYPES = typestore()
PACKAGES = ("builtin_interfaces", "diagnostic_msgs", "geometry_msgs", "rcl_interfaces", "rosgraph_msgs", "sensor_msgs",
            "std_msgs", "stereo_msgs", "tf2_msgs", "vision_msgs")  # fmt: skip
BASE, NAME, ARRAY = 1, 2, 3
CODES = {"uint8": "B", "int8": "b", "uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "uint64": "Q",
         "int64": "q", "float32": "f", "float64": "d"}  # fmt: skip


# Messages: as rclpy's, with array.array for sequences of numbers and NumPy for arrays of a fixed length.


@cache
def message_class(name: str) -> type:
    short = name.rpartition("/")[2]
    constants, fields = TYPES.fielddefs[name]

    def init(self: Any, **given: Any) -> None:
        for field, kind in fields:
            setattr(self, field, given[field] if field in given else empty(kind))

    body = {"__init__": init, "_name": name, "_fields": fields}
    body |= {key: bytes([value]) if kind in ("byte", "octet") else value for key, kind, value in constants}
    return type(short, (), body)


def empty(kind: Any) -> Any:
    node, detail = int(kind[0]), kind[1]
    if node == BASE:
        if detail[0] in ("byte", "octet"):
            return b"\0"
        return {"string": "", "wstring": "", "bool": False}.get(detail[0], 0.0 if detail[0].startswith("float") else 0)
    if node == NAME:
        return message_class(detail)()
    (inner, what), length = detail
    if int(inner) == BASE and what[0] in CODES:
        return np.zeros(length, what[0]) if node == ARRAY else array.array(CODES[what[0]])
    return [empty((inner, what)) for _ in range(length)] if node == ARRAY else []


def to_rosbags(value: Any, kind: Any) -> Any:
    node, detail = int(kind[0]), kind[1]
    if node == BASE:
        return value[0] if isinstance(value, bytes) else value
    if node == NAME:
        return TYPES.types[detail](**{field: to_rosbags(getattr(value, field), of) for field, of in value._fields})
    inner, what = detail[0]
    if int(inner) == BASE and what[0] in CODES:
        return np.asarray(value, what[0])
    return [to_rosbags(each, detail[0]) for each in value]


def from_rosbags(value: Any, kind: Any) -> Any:
    node, detail = int(kind[0]), kind[1]
    if node == BASE:
        return bytes([value]) if detail[0] in ("byte", "octet") else value
    if node == NAME:
        made = message_class(detail)
        return made(**{field: from_rosbags(getattr(value, field), of) for field, of in made._fields})
    (inner, what), _ = detail
    if int(inner) == BASE and what[0] in CODES:
        if node == ARRAY:
            return np.array(value)
        return array.array(CODES[what[0]], np.ascontiguousarray(value).tobytes())
    return [from_rosbags(each, detail[0]) for each in value]


def through_cdr(message: Any) -> Any:
    kind = (NAME, message._name)
    data = TYPES.serialize_cdr(to_rosbags(message, kind), message._name)
    return from_rosbags(TYPES.deserialize_cdr(data, message._name), kind)


# The middleware: one process, one list of endpoints.

PUBLISHERS: list[Any] = []
SUBSCRIPTIONS: list[Any] = []
SERVICES: dict[str, Any] = {}
CALLS: queue.Queue[Any] = queue.Queue()
STATE = SimpleNamespace(ok=False)
STATIC: dict[tuple[str, str], Any] = {}


class Publisher:
    def __init__(self, kind: type, topic: str, qos: Any = None) -> None:
        self.kind, self.topic, self.keeps, self._kept = kind, topic, durable(qos), None
        PUBLISHERS.append(self)

    def publish(self, message: Any) -> None:
        if not isinstance(message, self.kind):
            raise TypeError(f"{type(message)} is not a {self.kind}")
        self._kept = message if self.keeps else None
        for subscription in SUBSCRIPTIONS:
            self._hand_to(subscription, message)

    def meet(self, subscription: Any) -> None:
        if self._kept is not None and subscription.late:
            self._hand_to(subscription, self._kept)

    def _hand_to(self, subscription: Any, message: Any) -> None:
        fits = subscription.topic == self.topic and subscription.kind is self.kind
        if fits and (self.keeps or not subscription.late):
            CALLS.put((subscription, through_cdr(message)))

    def get_subscription_count(self) -> int:
        return sum(each.topic == self.topic and each.kind is self.kind for each in SUBSCRIPTIONS)


class Subscription:
    def __init__(self, kind: type, topic: str, callback: Any, qos: Any = None) -> None:
        self.kind, self.topic, self.callback, self.late = kind, topic, callback, durable(qos)
        SUBSCRIPTIONS.append(self)
        for publisher in PUBLISHERS:
            publisher.meet(self)


def durable(qos: Any) -> bool:
    return getattr(qos, "durability", "") == Anything.TRANSIENT_LOCAL


class Future:
    def __init__(self) -> None:
        self._event, self._answer = threading.Event(), None

    def set_result(self, answer: Any) -> None:
        self._answer = answer
        self._event.set()

    def __await__(self) -> Any:
        while not self.done():
            yield
        return self._answer

    def done(self) -> bool:
        return self._event.is_set()

    def result(self) -> Any:
        return self._answer


class Client:
    def __init__(self, name: str) -> None:
        self.name = name

    def wait_for_service(self, timeout_sec: float = 0) -> bool:
        return self.name in SERVICES

    def call_async(self, request: Any) -> Future:
        future, (kind, callback) = Future(), SERVICES[self.name]

        async def serve() -> None:
            answer = callback(request, kind.Response())
            future.set_result(await answer if isawaitable(answer) else answer)

        CALLS.put((SimpleNamespace(callback=lambda _: serve()), None))
        return future


class Trigger:
    class Request:
        pass

    class Response:
        def __init__(self) -> None:
            self.success, self.message = False, ""


# Time, parameters, logging.


class Duration:
    def __init__(self, seconds: float = 0, nanoseconds: int = 0) -> None:
        self.nanoseconds = int(seconds * 1e9) + nanoseconds


class Time:
    def __init__(self, seconds: float = 0, nanoseconds: int = 0) -> None:
        self.nanoseconds = int(seconds * 1e9) + nanoseconds

    def to_msg(self) -> Any:
        seconds, rest = divmod(self.nanoseconds, 10**9)
        return message_class("builtin_interfaces/msg/Time")(sec=seconds, nanosec=rest)


class Clock:
    def __init__(self) -> None:
        self._jumped: list[Any] = []

    def now(self) -> Time:
        return Time(nanoseconds=time.time_ns())

    def create_jump_callback(self, threshold: Any, *, pre_callback: Any = None, post_callback: Any = None) -> Any:
        self._jumped.append(post_callback)
        return post_callback

    def jump(self) -> None:
        for callback in self._jumped:
            callback(None)


class ParameterType:
    BOOL, INTEGER, DOUBLE, STRING, INTEGER_ARRAY, DOUBLE_ARRAY = "bool", "int", "float", "str", "int[]", "float[]"


OVERRIDES: dict[str, Any] = {}
"""What nodes are started with, as of a parameter file."""


class Parameter:
    Type = ParameterType

    def __init__(self, name: str, type_: Any = None, value: Any = None) -> None:
        self.name, self.value = name, value


class Logger:
    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(name)

    def debug(self, text: str, **_: Any) -> None:
        self._log.debug(text)

    def info(self, text: str, **_: Any) -> None:
        self._log.info(text)

    def warning(self, text: str, **_: Any) -> None:
        self._log.warning(text)

    def error(self, text: str, **_: Any) -> None:
        self._log.error(text)


class Node:
    def __init__(self, name: str, **_: Any) -> None:
        self._name, self._clock, self._values = name, Clock(), {}
        self.executor: Any = None
        self._kinds: dict[str, Any] = {}
        self._ranges: dict[str, Any] = {}
        self._checks: list[Any] = []
        self._timers: list[Any] = []
        self._parameter_overrides = {key: Parameter(key, value=value) for key, value in OVERRIDES.items()}

    def get_name(self) -> str:
        return self._name

    def resolve_topic_name(self, topic: str) -> str:
        return topic.replace("~", f"/{self._name}") if topic.startswith(("~", "/")) else f"/{topic}"

    def get_fully_qualified_name(self) -> str:
        return f"/{self._name}"

    def get_logger(self) -> Logger:
        return Logger(self._name)

    def get_clock(self) -> Clock:
        return self._clock

    def create_publisher(self, kind: type, topic: str, qos: Any, **_: Any) -> Publisher:
        return Publisher(kind, self.resolve_topic_name(topic), qos)

    def create_subscription(
        self, kind: type, topic: str, callback: Any, qos_profile: Any = 10, **_: Any
    ) -> Subscription:
        return Subscription(kind, self.resolve_topic_name(topic), callback, qos_profile)

    def destroy_publisher(self, publisher: Publisher) -> None:
        PUBLISHERS.remove(publisher)

    def destroy_subscription(self, subscription: Subscription) -> None:
        SUBSCRIPTIONS.remove(subscription)

    def count_publishers(self, topic: str) -> int:
        return sum(publisher.topic == topic for publisher in PUBLISHERS)

    def count_subscribers(self, topic: str) -> int:
        return sum(subscription.topic == topic for subscription in SUBSCRIPTIONS)

    def create_service(self, kind: type, name: str, callback: Any, **_: Any) -> None:
        SERVICES[self.resolve_topic_name(name)] = (kind, callback)

    def create_client(self, kind: type, name: str) -> Client:
        return Client(self.resolve_topic_name(name))

    def create_timer(self, period: float, callback: Any) -> Any:
        timer = SimpleNamespace(period=period, callback=callback, due=time.monotonic() + period)
        self._timers.append(timer)
        return timer

    def destroy_timer(self, timer: Any) -> None:
        if timer in self._timers:
            self._timers.remove(timer)

    def get_publishers_info_by_topic(self, topic: str) -> list[Any]:
        found = [publisher for publisher in PUBLISHERS if publisher.topic == topic]
        return [
            SimpleNamespace(
                topic_type=publisher.kind._name,
                qos_profile=SimpleNamespace(
                    durability=Anything.TRANSIENT_LOCAL if publisher.keeps else Anything.VOLATILE,
                    reliability=Anything.RELIABLE,
                ),
            )
            for publisher in found
        ]

    def declare_parameter(self, name: str, value: Any, descriptor: Any = None, ignore_override: bool = False) -> None:
        """As rclpy: what the node was started with takes the place of the default, and is refused by an exception."""
        ranges = [*descriptor.integer_range, *descriptor.floating_point_range] if descriptor else []
        if not ignore_override and name in self._parameter_overrides:
            given = self._parameter_overrides[name].value
            if type(given) is not type(value) and not descriptor.dynamic_typing:
                raise TypeError(f"Trying to set parameter '{name}' to '{given}' of another type")
            if any(not bounds.from_value <= given <= bounds.to_value for bounds in ranges):
                raise ValueError(f"parameter '{name}' with value '{given}' is out of range")
            value = given
        kind = object if descriptor and descriptor.dynamic_typing else type(value)
        self._values[name], self._kinds[name], self._ranges[name] = value, kind, ranges

    def has_parameter(self, name: str) -> bool:
        return name in self._values

    def get_parameter(self, name: str) -> Parameter:
        return Parameter(name, value=self._values[name])

    def add_on_set_parameters_callback(self, check: Any) -> None:
        self._checks.append(check)

    def set_parameters(self, changes: list[Parameter]) -> list[Any]:
        return [self._set(change) for change in changes]

    def set_parameters_atomically(self, changes: list[Parameter]) -> Any:
        for check in self._checks:
            answer = check(changes)
            if not answer.successful:
                return answer
        for change in changes:
            self._values[change.name] = change.value
        return message_class("rcl_interfaces/msg/SetParametersResult")(successful=True)

    def _set(self, change: Parameter) -> Any:
        result = message_class("rcl_interfaces/msg/SetParametersResult")(successful=True)
        if not isinstance(change.value, self._kinds[change.name]):
            result.successful, result.reason = False, f"{change.name} is of another type"
            return result
        for bounds in self._ranges[change.name]:
            if not bounds.from_value <= change.value <= bounds.to_value:
                result.successful, result.reason = False, f"{change.name} is out of range"
                return result
        for check in self._checks:
            answer = check([change])
            if not answer.successful:
                return answer
        self._values[change.name] = change.value
        return result

    def destroy_node(self) -> None:
        self._timers.clear()


class Transition:
    SUCCESS, FAILURE, ERROR = "success", "failure", "error"


class LifecycleNode(Node):
    def __init__(self, name: str, **_: Any) -> None:
        super().__init__(name)
        self.state = "unconfigured"

    def _go(self, callback: Any, there: str, back: str) -> str:
        before, answer = self.state, callback(None)
        self.state = there if answer == Transition.SUCCESS else back or before
        return answer

    def trigger_configure(self) -> str:
        return self._go(self.on_configure, "inactive", "unconfigured")

    def trigger_activate(self) -> str:
        return self._go(self.on_activate, "active", "inactive")

    def trigger_deactivate(self) -> str:
        return self._go(self.on_deactivate, "inactive", "active")

    def trigger_cleanup(self) -> str:
        return self._go(self.on_cleanup, "unconfigured", "inactive")

    def on_configure(self, state: Any) -> str:
        return Transition.SUCCESS

    on_activate = on_deactivate = on_cleanup = on_shutdown = on_configure


def ended(task: Any) -> bool:
    """Go on with a coroutine."""
    try:
        task.send(None)
    except StopIteration:
        return True
    return False


class Executor:
    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._awaiting: list[Any] = []
        self._stopped = False

    def add_node(self, node: Node) -> None:
        self._nodes.append(node)
        node.executor = self

    def wake(self) -> None:
        """It never sleeps for long."""

    def spin(self) -> None:
        while STATE.ok and not self._stopped:
            for timer in [timer for node in self._nodes for timer in node._timers]:
                if timer.due <= time.monotonic():
                    timer.due = time.monotonic() + timer.period
                    timer.callback()
            self._awaiting = [task for task in self._awaiting if not ended(task)]
            try:
                endpoint, message = CALLS.get(timeout=0.02)
            except queue.Empty:
                continue
            if not isinstance(endpoint, Subscription) or endpoint in SUBSCRIPTIONS:
                answer = endpoint.callback(message)
                if isawaitable(answer) and not ended(answer):
                    self._awaiting.append(answer)

    def shutdown(self, timeout_sec: float | None = None) -> None:
        self._stopped = True


# tf2_ros and diagnostic_updater.


class TransformException(Exception):
    pass


class Buffer:
    def lookup_transform(self, target: str, source: str, stamp: Time, timeout: Any = None) -> Any:
        if (target, source) not in STATIC:
            raise TransformException(f'"{target}" passed to lookupTransform argument target_frame does not exist.')
        return STATIC[target, source]


class StaticTransformBroadcaster:
    def __init__(self, node: Node) -> None:
        pass

    def sendTransform(self, transform: Any) -> None:  # noqa: N802
        STATIC[transform.header.frame_id, transform.child_frame_id] = transform


class Status:
    def __init__(self, name: str) -> None:
        self.made = message_class("diagnostic_msgs/msg/DiagnosticStatus")(name=name)

    def summary(self, level: bytes, text: str) -> None:
        self.made.level, self.made.message = level, text

    def add(self, key: str, value: str) -> None:
        self.made.values.append(message_class("diagnostic_msgs/msg/KeyValue")(key=key, value=value))


class Updater:
    def __init__(self, node: Node) -> None:
        self._node, self._tasks, self.node_name = node, {}, node.get_name()
        kind = message_class("diagnostic_msgs/msg/DiagnosticArray")
        self._publisher = node.create_publisher(kind, "/diagnostics", 1)
        self._kind = kind
        node.create_timer(1.0, self._update)

    def setHardwareID(self, name: str) -> None:  # noqa: N802
        pass

    def add(self, name: str, task: Any) -> None:
        self._tasks[name] = task

    def _update(self) -> None:
        message = self._kind()
        message.header.stamp = self._node.get_clock().now().to_msg()
        for name, task in self._tasks.items():
            status = Status(f"{self.node_name}: {name}")
            task(status)
            message.status.append(status.made)
        self._publisher.publish(message)


# Modules under the names that the nodes import.


class Anything:
    """Settings that mean nothing here."""

    RELIABLE = BEST_EFFORT = KEEP_LAST = VOLATILE = None
    TRANSIENT_LOCAL = "transient local"

    def __init__(self, *_: Any, **options: Any) -> None:
        self.__dict__.update(options)

    def unregister(self) -> None:
        pass

    @classmethod
    def with_default_policies(cls) -> Anything:
        return cls()


def start(**_: Any) -> None:
    STATE.ok = True


def stop(**_: Any) -> None:
    STATE.ok = False
    PUBLISHERS.clear()
    SUBSCRIPTIONS.clear()
    SERVICES.clear()
    STATIC.clear()
    while not CALLS.empty():
        CALLS.get_nowait()


MODULES: dict[str, dict[str, Any]] = {
    "rclpy": {"init": start, "shutdown": stop, "try_shutdown": stop, "ok": lambda: STATE.ok, "OVERRIDES": OVERRIDES},
    "rclpy.clock": {"JumpThreshold": Anything},
    "rclpy.duration": {"Duration": Duration},
    "rclpy.callback_groups": {"MutuallyExclusiveCallbackGroup": Anything},
    "rclpy.event_handler": {"SubscriptionEventCallbacks": Anything, "UnsupportedEventTypeError": TransformException},
    "rclpy.executors": {"ExternalShutdownException": TransformException, "SingleThreadedExecutor": Executor},
    "rclpy.lifecycle": {
        "LifecycleNode": LifecycleNode, "LifecycleState": Any, "TransitionCallbackReturn": Transition,
    },
    "rclpy.node": {"Node": Node},
    "rclpy.parameter": {"Parameter": Parameter},
    "rclpy.qos": {
        "DurabilityPolicy": Anything, "HistoryPolicy": Anything, "QoSProfile": Anything, "ReliabilityPolicy": Anything,
        "qos_profile_sensor_data": 1,
    },
    "rclpy.qos_overriding_options": {"QoSOverridingOptions": Anything},
    "rclpy.task": {"Future": Future},
    "rclpy.time": {"Time": Time},
    "tf2_ros": {
        "Buffer": Buffer, "StaticTransformBroadcaster": StaticTransformBroadcaster,
        "TransformException": TransformException, "TransformListener": Anything,
    },
    "diagnostic_updater": {"Updater": Updater},
    "std_srvs": {},
    "std_srvs.srv": {"Trigger": Trigger},
}  # fmt: skip


class Messages(ModuleType):
    """``package.msg``."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return message_class(f"{self.__name__.split('.')[0]}/msg/{name}")


def install() -> None:
    """Put the stand-in where ``import rclpy`` finds it."""
    for name, content in MODULES.items():
        module = ModuleType(name)
        module.__dict__.update(content)
        module.__path__ = []
        sys.modules[name] = module
    for package in PACKAGES:
        sys.modules[package] = ModuleType(package)
        sys.modules[f"{package}.msg"] = Messages(f"{package}.msg")
