"""``~/capture``: the next frame, whoever listens."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from live import START_NS, Live
from std_srvs.srv import Trigger

from depth_prompt_ros.bag.images import depth_metres
from depth_prompt_ros.bag.messages import stamp_of
from depth_prompt_ros.ros.nodes.object_depth import ObjectDepthNode
from depth_prompt_ros.ros.pacing import capture

STEP_NS = 100_000_000
GIVEN = {"segmentation__method": "labels", "topics__labels": "labels", "device": "cpu"}
SERVICE = "/object_depth/capture"


@pytest.fixture
def live():
    with Live(ObjectDepthNode) as running:
        yield running


def captured(live, frame, first: int = 0):
    """Pictures until the answer comes; the answer and the number of pictures."""
    future, end, number = live.ask(SERVICE, Trigger), time.monotonic() + 20, first
    while not future.done():
        assert time.monotonic() < end, "no answer"
        live.show(frame, START_NS + number * STEP_NS)
        number += 1
        time.sleep(0.2)
    return future.result(), number


def test_in_capture_mode_it_works_when_it_is_asked_and_describes_the_frame(live, frame) -> None:
    live.start(**GIVEN, mode="capture")
    live.listen("depth")
    assert live.diagnosis("frames").message == "idle: no output is wanted"
    assert live.node.count_subscribers("/left/image_rect") == 0  # a listener alone wakes nothing
    answer, number = captured(live, frame)
    assert answer.success
    content = json.loads(answer.message)
    assert content["frame_id"] == "left_optical"
    assert START_NS <= content["stamp_ns"] < START_NS + number * STEP_NS
    assert {"points", "object_points", "depth", "anchors"} <= set(content["published"])
    assert [target["label"] for target in content["targets"]] == [5]
    depth = live.wait("/object_depth/depth")[0]
    assert stamp_of(depth) == content["stamp_ns"]
    assert np.isfinite(depth_metres(depth)).mean() > 0.3
    live.until(lambda: live.node.count_subscribers("/left/image_rect") == 0)
    assert live.node.frames.finished == 1
    assert len(live.received["/object_depth/depth"]) == 1


def test_in_a_stream_too_and_no_target_is_an_answer(live, frame) -> None:
    live.start(**GIVEN)
    answer, _ = captured(live, replace(frame, labels=np.zeros_like(frame.labels)))
    content = json.loads(answer.message)
    assert answer.success
    assert content["targets"] == []
    assert "label image is empty" in content["no_target"]
    assert "points" in content["published"]


def test_a_frame_that_cannot_be_used_is_answered_with_the_reason(live, frame) -> None:
    live.start(**GIVEN)
    answer, _ = captured(live, replace(frame, labels=frame.labels[::2, ::2].copy()))
    assert not answer.success
    assert "/labels is 160x120" in answer.message


def test_without_pictures_it_says_what_is_missing(live, monkeypatch) -> None:
    monkeypatch.setattr(capture, "_PATIENCE_S", 1.0)
    live.start(**GIVEN)
    answer = live.call(SERVICE, Trigger)
    assert not answer.success
    assert "no frame within 1 s: no message on /left/image_rect: nobody publishes it" in answer.message
    live.node.trigger_deactivate()
    answer = live.call(SERVICE, Trigger)
    assert not answer.success
    assert "not active" in answer.message
