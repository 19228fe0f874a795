"""``~/capture``: the next frame, whoever listens."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from live import START_NS, Live
from std_srvs.srv import Trigger

from depth_prompt_ros.bag.encodings.images import depth_metres
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


class Waiting:
    """Requests of a node that is active, at times of a clock."""

    def __init__(self, monkeypatch) -> None:
        self.now, self.answers = 100.0, []
        monkeypatch.setattr(capture.time, "perf_counter", lambda: self.now)
        node = SimpleNamespace(create_service=lambda *_, **__: None, inputs=object(), executor=None)
        self.capture = capture.Capture(node, lambda: None, lambda: "nothing came")

    def ask(self, at: float) -> Any:
        """A request; its coroutine ends when it is answered."""
        self.now = at
        response = SimpleNamespace(success=None, message="")
        coroutine = self.capture._capture(None, response)
        coroutine.send(None)
        self.answers.append((coroutine, response))
        return response

    def go_on(self) -> None:
        for coroutine, _ in self.answers:
            with suppress(StopIteration):
                coroutine.send(None)
        self.answers = [each for each in self.answers if each[1].success is None]


@pytest.fixture
def waiting(monkeypatch):
    return Waiting(monkeypatch)


def test_a_frame_answers_those_who_asked_before_its_pictures_came(waiting) -> None:
    first, second = waiting.ask(100.0), waiting.ask(100.3)  # the second while the first one's frame is worked on
    waiting.capture.done({"stamp_ns": 1}, 100.2)
    waiting.go_on()
    assert (first.success, second.success) == (True, None)
    assert waiting.capture.waits()
    waiting.capture.fail("too dark", 100.2)
    waiting.go_on()
    assert second.success is None
    waiting.capture.done({"stamp_ns": 2}, 100.4)
    waiting.go_on()
    assert json.loads(second.message) == {"stamp_ns": 2}


def test_each_waits_its_own_ten_seconds(waiting) -> None:
    first, second = waiting.ask(100.0), waiting.ask(109.0)
    waiting.now = 110.5
    waiting.capture.watch()
    waiting.go_on()
    assert first.message == "no frame within 10 s: nothing came"
    assert second.success is None
    waiting.now = 119.5
    waiting.capture.watch()
    waiting.go_on()
    assert second.success is False


def test_pictures_are_subscribed_at_once(live) -> None:
    live.start(**GIVEN, mode="capture")
    live.node.destroy_timer(live.node._watching)  # which looks five times a second
    live.node._watching = None
    live.ask(SERVICE, Trigger)
    live.until(lambda: live.node.count_subscribers("/left/image_rect") == 1)
