"""A detector's boxes as the live node's targets: several at once, with their class, until another target is chosen."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from cards import standing_boxes
from geometry_msgs.msg import PointStamped
from live import START_NS, Live
from std_srvs.srv import Trigger

from depth_prompt_ros.bag.detections import DETECTIONS
from depth_prompt_ros.bag.encodings.images import label_image
from depth_prompt_ros.ros.convert import message_class
from depth_prompt_ros.ros.nodes.object_depth import ObjectDepthNode

STEP_NS = 100_000_000


def detections(boxes, names):
    array = message_class(DETECTIONS)()
    for (x, y, width, height), name in zip(boxes, names, strict=True):
        detection, likely = (
            message_class(f"vision_msgs/msg/{kind}")() for kind in ("Detection2D", "ObjectHypothesisWithPose")
        )
        detection.bbox.center.position.x, detection.bbox.center.position.y = x + width / 2, y + height / 2
        detection.bbox.size_x, detection.bbox.size_y = float(width), float(height)
        likely.hypothesis.class_id, likely.hypothesis.score = name, 0.75
        detection.results.append(likely)
        array.detections.append(detection)
    return array


def test_detections_are_the_targets_until_another_is_chosen() -> None:
    given, measurement, labels = standing_boxes((-0.12, 0.5, 0.12), (0.12, 0.5, 0.12))
    frame = replace(given, depth=measurement.depth, labels=None, camera=replace(given.camera, baseline=0.0))
    boxes = []
    for number in (2, 1):
        y, x = np.nonzero(labels == number)
        boxes.append((float(x.min() - 8), float(y.min() - 8), float(np.ptp(x) + 16), float(np.ptp(y) + 16)))
    with Live(ObjectDepthNode) as live:
        live.listen("labels", "anchors")
        live.start(device="cpu", topics__depth_image="depth", tom__method="none", segmentation__method="detections")

        def chosen() -> object:
            return json.loads(live.call("/object_depth/get_targets", Trigger).message)["chosen"]

        def shown(number: int) -> np.ndarray:
            live.show(frame, START_NS + number * STEP_NS)
            return label_image(live.wait("/object_depth/labels", number + 1)[number])

        assert not shown(0).any()
        assert "no detections have come" in live.node.frames.notes["no target"]
        live.publish("/object_depth/detections", detections(boxes, ("cup", "bowl")))
        live.until(lambda: chosen() is not None)
        assert [each["name"] for each in chosen()["detections"]] == ["cup", "bowl"]
        found = shown(1)
        assert ((found == 1) & (labels == 2)).sum() > 0.9 * (labels == 2).sum()
        assert ((found == 2) & (labels == 1)).sum() > 0.9 * (labels == 1).sum()
        named = {value.key: value.value for value in live.wait("/object_depth/anchors", 2)[1].status[1].values}
        assert (named["label"], named["class"], named["score"]) == ("2", "bowl", "0.75")
        live.until(lambda: len(json.loads(live.call("/object_depth/get_targets", Trigger).message)["seen"]) == 2)
        seen = json.loads(live.call("/object_depth/get_targets", Trigger).message)["seen"]
        assert [each["class"] for each in seen] == ["cup", "bowl"]
        click = PointStamped()
        click.point.x, click.point.y = boxes[0][0] + boxes[0][2] / 2, boxes[0][1] + boxes[0][3] / 2
        live.publish("/object_depth/target_point", click)
        live.until(lambda: "point" in chosen())
        assert set(np.unique(shown(2))) == {0, 1}
        assert live.call("/object_depth/clear_targets", Trigger).success
        assert not shown(3).any()
