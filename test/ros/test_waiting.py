"""Messages of several topics that are put together by their stamps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from depth_prompt_ros.ros.inputs.waiting import WaitingSets

RATE = 30


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def message(seconds: float) -> Any:
    whole, rest = divmod(round(seconds * 1e9), 10**9)
    return SimpleNamespace(header=SimpleNamespace(stamp=SimpleNamespace(sec=whole, nanosec=rest)))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("latency", [0.1, 0.9, 2.5])
def test_a_slow_partner_meets_its_picture_at_camera_rate(clock, latency) -> None:
    """A stage answers one picture in three, so long after it was taken; each answer is a set."""
    waiting = WaitingSets(("picture", "answer"), 0.02, 3.0, clock)
    answers, sets, most = [], 0, 0
    for number in range(10 * RATE):
        clock.now = number / RATE
        assert waiting.add("picture", message(clock.now)) is None
        if number % 3 == 0:
            answers.append(clock.now)
        while answers and clock.now - answers[0] >= latency:
            sets += waiting.add("answer", message(answers.pop(0))) is not None
        most = max(most, len(waiting))
    assert sets == 10 * RATE // 3 - len(answers)
    assert most <= (latency + 0.2) * RATE + 4  # what is older than a complete set has gone
    assert not waiting.late


def test_what_waits_longer_is_given_up_and_its_partner_is_late(clock) -> None:
    waiting = WaitingSets(("picture", "answer"), 0.02, 3.0, clock)
    for number in range(10 * RATE):
        clock.now = number / RATE
        waiting.add("picture", message(clock.now))
        if clock.now >= 4.0:
            assert waiting.add("answer", message(clock.now - 4.0)) is None
        assert len(waiting) <= 2 * (3 * RATE + 2)
    seconds, noticed = waiting.late["answer"]
    assert seconds == pytest.approx(4.0, abs=0.05)
    assert noticed == pytest.approx(clock.now)


def test_a_set_is_of_one_picture_and_the_nearest_of_each_other_topic(clock) -> None:
    waiting = WaitingSets(("left", "right", "labels"), 0.02, 3.0, clock)
    for topic, stamps in {"left": (1.0, 2.0), "right": (0.99, 1.005, 2.01), "labels": (1.0,)}.items():
        found = [waiting.add(topic, message(stamp)) for stamp in stamps]
    complete = found[-1]
    assert [each.header.stamp.nanosec for each in complete.values()] == [0, 5_000_000, 0]
    assert list(complete) == ["left", "right", "labels"]
    assert waiting.add("labels", message(2.02)) is not None
    assert len(waiting) == 0


def test_half_a_set_goes_with_the_next_whole_one(clock) -> None:
    waiting = WaitingSets(("left", "right"), 0.02, 3.0, clock)
    waiting.add("left", message(1.0))
    waiting.add("right", message(1.1))
    waiting.add("left", message(1.2))
    assert waiting.add("right", message(1.2)) is not None
    assert len(waiting) == 0


def test_stamps_that_are_all_the_same_are_paired_in_order(clock) -> None:
    waiting = WaitingSets(("left", "right"), 0.0, 3.0, clock)
    for _ in range(5):
        assert waiting.add("left", message(0.0)) is None
        assert waiting.add("right", message(0.0)) is not None


def test_forgetting_is_for_all_topics(clock) -> None:
    waiting = WaitingSets(("left", "right"), 0.02, 3.0, clock)
    waiting.add("left", message(1.0))
    waiting.clear()
    assert waiting.add("right", message(1.0)) is None
