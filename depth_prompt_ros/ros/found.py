"""What the segmentation tells the stages after it beside labels: how it looked for targets, and what they are."""

from __future__ import annotations

from typing import Any, NamedTuple

from depth_prompt_ros.bag.messages import diagnostics_message
from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import Detection
from depth_prompt_ros.ros.convert import ros_message

FOUND = "diagnostic_msgs/msg/DiagnosticArray"


class Found(NamedTuple):
    """How a frame's targets were found.

    Attributes:
        method: ``segmentation.method`` of this frame, a point or box that somebody has sent included.
        reason: why there is no target; empty where there is one.
        detections: the boxes that labels from 1 on belong to, None where no detector chose the targets.
    """

    method: str
    reason: str = ""
    detections: tuple[Detection, ...] | None = None


def found_message(found: Found, stamp_ns: int, frame_id: str) -> Any:
    """``diagnostic_msgs/DiagnosticArray``: the method first, then a status for each box, in the labels' order."""
    statuses = [(0, "object_depth: targets", found.reason, {"method": found.method})]
    for label, each in enumerate(found.detections or (), 1):
        box = " ".join(f"{value:.6g}" for value in each.box)
        values = {"label": str(label), "class": each.name, "score": f"{each.score:.6g}", "box": box}
        statuses.append((0, f"object_depth: target {label}", "detected", values))
    return diagnostics_message(statuses, stamp_ns, frame_id, ros_message)


def found_in(message: Any) -> Found:
    """What :func:`found_message` was given.

    Raises:
        BadFrame: it is the message of something else.
    """
    try:
        first, *others = ({each.key: each.value for each in status.values} for status in message.status)
        method, detections = first["method"], tuple(map(_detection, others))
    except (KeyError, ValueError) as error:
        raise BadFrame(
            f"stages.targets brings no targets of the segmentation node ({error}): name its topic"
        ) from error
    return Found(method, message.status[0].message, detections if method == "detections" else None)


def _detection(values: dict[str, str]) -> Detection:
    x, y, width, height = map(float, values["box"].split())
    return Detection((x, y, width, height), values["class"], float(values["score"]))
