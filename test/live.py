"""A node under test and another one that plays camera, planner and operator, in one process."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data

from depth_prompt_ros.bag.messages import camera_info_message, image_message
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.ros.convert import message_class, ros_message

PATIENCE_S = 20.0
START_NS = 1_700_000_000_000_000_000
OUTPUT_TYPES = {
    "points": "sensor_msgs/msg/PointCloud2",
    "object_points": "sensor_msgs/msg/PointCloud2",
    "disparity": "stereo_msgs/msg/DisparityImage",
    "anchors": "diagnostic_msgs/msg/DiagnosticArray",
    "camera_info": "sensor_msgs/msg/CameraInfo",
}


class Live:
    """Use in a ``with`` statement.

    Attributes:
        nodes: under test.
        received: messages by full topic name.
    """

    def __init__(self, *make: Callable[[], Any], arguments: tuple[str, ...] = ()) -> None:
        self._make, self._arguments = make, arguments
        self.received: dict[str, list[Any]] = defaultdict(list)

    def __enter__(self) -> Live:  # noqa: PYI034 (Self is newer than Python 3.10)
        rclpy.init(args=list(self._arguments))
        self.nodes = [make() for make in self._make]
        self.node = self.nodes[0]
        self.tester = Node("tester")
        self._executor = SingleThreadedExecutor()
        for node in (*self.nodes, self.tester):
            self._executor.add_node(node)
        self._publishers: dict[str, Any] = {}
        self._subscriptions: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.close()
        self._executor.shutdown()
        for node in (*self.nodes, self.tester):
            node.destroy_node()
        rclpy.try_shutdown()
        self._thread.join(5)

    def _spin(self) -> None:
        with suppress(Exception):  # shut down from outside
            self._executor.spin()

    def start(self, **changes: Any) -> None:
        """Set parameters, configure, activate."""
        for node in self.nodes:
            for name, value in changes.items():
                assert self.set(name.replace("__", "."), value, node).successful
        for node in self.nodes:
            succeeded(node.trigger_configure())
        for node in self.nodes:
            succeeded(node.trigger_activate())

    def set(self, name: str, value: Any, node: Any = None) -> Any:
        """Result of setting one parameter."""
        return (node or self.node).set_parameters([Parameter(name, value=value)])[0]

    def listen(self, *topics: str, node: str = "object_depth") -> None:
        """Subscribe to outputs."""
        for topic in topics:
            full = topic if topic.startswith("/") else f"/{node}/{topic}"
            kind = OUTPUT_TYPES.get(topic.rpartition("/")[2], "sensor_msgs/msg/Image")
            if topic == "/diagnostics":
                kind = "diagnostic_msgs/msg/DiagnosticArray"
            self._subscriptions[full] = self.tester.create_subscription(
                message_class(kind), full, self.received[full].append, 10
            )

    def stop_listening(self, topic: str) -> None:
        """Unsubscribe from a full topic name."""
        self.tester.destroy_subscription(self._subscriptions.pop(topic))

    def publish(self, topic: str, message: Any) -> None:
        """Publish; the first time waits until someone listens."""
        if topic not in self._publishers:
            qos = 10 if "/target_" in topic else qos_profile_sensor_data  # RViz publishes clicks reliably
            self._publishers[topic] = self.tester.create_publisher(type(message), topic, qos)
            self.until(lambda: self._publishers[topic].get_subscription_count() > 0)
        self._publishers[topic].publish(message)

    def show(
        self, frame: Frame, stamp_ns: int, leave_out: tuple[str, ...] = (), late: Mapping[str, int] | None = None
    ) -> None:
        """Publish a frame as a camera would."""
        for topic, message in camera_messages(frame, stamp_ns, late or {}).items():
            if topic not in leave_out:
                self.publish(topic, message)

    def wait(self, topic: str, count: int = 1) -> list[Any]:
        """At least so many messages of a full topic name."""
        self.until(lambda: len(self.received[topic]) >= count)
        return self.received[topic]

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait, but not for ever."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)

    def ask(self, name: str, kind: Any) -> Any:
        """Call a service; the future of its answer."""
        client = self.tester.create_client(kind, name)
        self.until(lambda: client.wait_for_service(timeout_sec=0.1))
        return client.call_async(kind.Request())

    def call(self, name: str, kind: Any) -> Any:
        """Answer of a service."""
        future = self.ask(name, kind)
        self.until(future.done)
        return future.result()

    def diagnosis(self, task: str, node: str = "object_depth") -> Any:
        """The next status of a task."""
        if "/diagnostics" not in self._subscriptions:
            self.listen("/diagnostics")
        heard = len(self.received["/diagnostics"])
        self.until(lambda: bool(self._statuses(task, node, heard + 1)))
        return self._statuses(task, node, heard + 1)[-1]

    def until_said(self, words: str, task: str, again: Callable[[], None]) -> Any:
        """The first status of a task that says so, while ``again`` publishes: some things are said for two seconds."""
        self.diagnosis(task)
        end = time.monotonic() + PATIENCE_S
        while words not in (status := self.last(task)).message:
            assert time.monotonic() < end, status.message
            again()
            time.sleep(0.1)
        return status

    def last(self, task: str, node: str = "object_depth") -> Any:
        """The latest status of a task that was heard."""
        return self._statuses(task, node, 0)[-1]

    def _statuses(self, task: str, node: str, first: int) -> list[Any]:
        heard = self.received["/diagnostics"][first:]
        return [status for array in heard for status in array.status if status.name == f"/{node}: {task}"]


def succeeded(answer: Any) -> None:
    """Assert that a transition worked."""
    assert str(getattr(answer, "name", answer)).lower() == "success", answer


def camera_messages(frame: Frame, stamp_ns: int, late: Mapping[str, int]) -> dict[str, Any]:
    """By topic; ``late``: nanoseconds that a topic's stamp is off."""

    def stamp(topic: str) -> int:
        return stamp_ns + late.get(topic, 0)

    def info(topic: str, right: bool) -> Any:
        return camera_info_message(frame.camera, stamp(topic), frame.frame_id, right, ros_message)

    messages = {
        "/left/image_rect": image_message(frame.image, "rgb8", stamp("/left/image_rect"), frame.frame_id, ros_message),
        "/left/camera_info": info("/left/camera_info", False),
    }
    if frame.right is not None:
        topic = "/right/image_rect"
        messages[topic] = image_message(frame.right, "rgb8", stamp(topic), frame.frame_id, ros_message)
        messages["/right/camera_info"] = info("/right/camera_info", True)
    if frame.depth is not None:
        depth = np.nan_to_num(frame.depth)
        messages["/depth"] = image_message(depth, "32FC1", stamp("/depth"), frame.frame_id, ros_message)
    if frame.labels is not None:
        messages["/labels"] = image_message(frame.labels, "mono16", stamp("/labels"), frame.frame_id, ros_message)
    return messages
