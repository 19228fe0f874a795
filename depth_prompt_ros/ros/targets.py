"""What to grasp: a point, a box, a name or detections that someone has sent, until it is cleared."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from geometry_msgs.msg import PointStamped
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import RegionOfInterest
from std_msgs.msg import String
from std_srvs.srv import Trigger

from depth_prompt_ros.bag.detections import DETECTIONS, detections_of
from depth_prompt_ros.errors import BadFrame, BadInput
from depth_prompt_ros.frame import Detection, Frame
from depth_prompt_ros.parameters import SegmentationParameters
from depth_prompt_ros.ros.convert import message_class
from depth_prompt_ros.ros.transforms import Transforms
from depth_prompt_ros.stages.text.phrases import phrases_in


@dataclass(frozen=True)
class _Point:
    position: tuple[float, float, float]
    frame_id: str


@dataclass(frozen=True)
class _Text:
    names: str


@dataclass(frozen=True)
class _Detections:
    found: tuple[Detection, ...]


class TargetChoice:
    """``~/target_point``, ``~/target_box``, ``~/target_text``, ``~/detections``, and the services of a node.

    A point is one of a frame (RViz's *Publish Point*) and followed by tf while the camera moves; without a frame_id
    its x and y are pixels. A text names the target for method text. Detections are all targets until the next array.
    The latest of them wins over the parameters, until ``~/clear_targets``; ``~/get_targets`` tells.
    """

    def __init__(self, node: Any, transforms: Transforms) -> None:
        self._node, self._transforms, self._lock = node, transforms, threading.Lock()
        self._chosen: _Point | _Text | _Detections | tuple[float, float, float, float] | None = None
        self._seen: list[dict[str, Any]] = []
        node.create_subscription(PointStamped, "~/target_point", self._on_point, 1)
        node.create_subscription(RegionOfInterest, "~/target_box", self._on_box, 1)
        node.create_subscription(String, "~/target_text", self._on_text, 1)
        self._detections: Any = None
        node.create_service(Trigger, "~/clear_targets", self._clear)
        node.create_service(Trigger, "~/get_targets", self._get)

    def hear_detections(self, topic: str) -> None:
        """Take detections from a topic, empty: ``~/detections``; called when the node is configured."""
        try:
            kind = message_class(DETECTIONS)
        except ImportError:
            self._node.get_logger().warning("vision_msgs is not installed: detections are not read")
            return
        if self._detections is not None:
            self._node.destroy_subscription(self._detections)
        self._detections = self._node.create_subscription(
            kind, topic or "~/detections", self._on_detections, qos_profile_sensor_data
        )

    def with_detections(self, messages: Mapping[str, Any]) -> Mapping[str, Any]:
        """Messages by role, and the detections if they are the targets."""
        with self._lock:
            chosen = self._chosen
        return {**messages, "detections": chosen.found} if isinstance(chosen, _Detections) else messages

    def parameters(self, given: SegmentationParameters, frame: Frame) -> SegmentationParameters:
        """The segmentation parameters of this frame: of what was sent latest, else the node's.

        Raises:
            BadFrame: the point cannot be seen in this picture, or there is no transform to it.
        """
        if frame.detections is not None:
            return given.model_copy(update={"method": "detections"})
        with self._lock:
            chosen = self._chosen
        if chosen is None or isinstance(chosen, _Detections):  # these come with the frame
            return given
        if isinstance(chosen, tuple):
            return given.model_copy(update={"method": "box", "target_box": chosen})
        if isinstance(chosen, _Text):
            return given.model_copy(update={"method": "text", "text": chosen.names})
        x, y, z = chosen.position
        if chosen.frame_id:
            to_camera = self._transforms.lookup(frame.frame_id, chosen.frame_id, frame.stamp_ns)
            x, y, z = to_camera.rotation @ np.array([x, y, z]) + to_camera.translation
            if z <= 0:
                raise BadFrame("the target point lies behind the camera: publish another, or call ~/clear_targets")
            camera = frame.camera
            x, y = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
        if not (0 <= x < frame.camera.width and 0 <= y < frame.camera.height):
            raise BadFrame("the target point lies outside of the picture: publish another, or call ~/clear_targets")
        return given.model_copy(update={"method": "point", "target_point": (float(x), float(y))})

    def seen(self, targets: list[dict[str, Any]]) -> None:
        """Store the latest frame's targets for ``~/get_targets``."""
        with self._lock:
            self._seen = targets

    def _on_point(self, message: PointStamped) -> None:
        point = message.point
        if not np.isfinite([point.x, point.y, point.z]).all():
            self._node.get_logger().warning("a target point that is not finite was ignored")
            return
        with self._lock:
            self._chosen = _Point((point.x, point.y, point.z), message.header.frame_id)

    def _on_box(self, message: RegionOfInterest) -> None:
        if message.width == 0 or message.height == 0:
            self._node.get_logger().warning("an empty target box was ignored: call ~/clear_targets to clear the target")
            return
        with self._lock:
            self._chosen = (
                float(message.x_offset), float(message.y_offset), float(message.width), float(message.height),
            )  # fmt: skip

    def _on_text(self, message: String) -> None:
        try:
            phrases = phrases_in(message.data)
        except BadInput as error:
            self._node.get_logger().warning(f"a target text was ignored: {error}")
            return
        with self._lock:
            self._chosen = _Text(", ".join(phrases))

    def _on_detections(self, message: Any) -> None:
        with self._lock:
            self._chosen = _Detections(detections_of(message))

    def _clear(self, request: Any, response: Any) -> Any:
        del request
        with self._lock:
            self._chosen = None
        response.success, response.message = True, "targets are found as the parameters say"
        return response

    def _get(self, request: Any, response: Any) -> Any:
        del request
        with self._lock:
            chosen, seen = self._chosen, self._seen
        content: dict[str, Any] = {"chosen": None, "seen": seen}
        if isinstance(chosen, _Point):
            content["chosen"] = {"point": chosen.position, "frame_id": chosen.frame_id}
        elif isinstance(chosen, _Text):
            content["chosen"] = {"text": chosen.names}
        elif isinstance(chosen, _Detections):
            content["chosen"] = {"detections": [asdict(each) for each in chosen.found]}
        elif chosen is not None:
            content["chosen"] = {"box": chosen}
        response.success, response.message = True, json.dumps(content)
        return response
