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


def message(seconds: float, size: int = 0) -> Any:
    whole, rest = divmod(round(seconds * 1e9), 10**9)
    return SimpleNamespace(header=SimpleNamespace(stamp=SimpleNamespace(sec=whole, nanosec=rest)), data=bytes(size))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("latency", [0.1, 0.9, 2.5])
def test_a_slow_partner_meets_its_picture_at_camera_rate(clock, latency) -> None:
    """A stage answers one picture in three, so long after it was taken; each answer is a set."""
    waiting = WaitingSets(("picture", "answer"), 0.02, 3.0, 1.0, clock)
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
    waiting = WaitingSets(("picture", "answer"), 0.02, 3.0, 1.0, clock)
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
    waiting = WaitingSets(("left", "right", "labels"), 0.02, 3.0, 1.0, clock)
    for topic, stamps in {"left": (1.0, 2.0), "right": (0.99, 1.005, 2.01), "labels": (1.0,)}.items():
        found = [waiting.add(topic, message(stamp)) for stamp in stamps]
    complete = found[-1]
    assert [each.header.stamp.nanosec for each in complete.values()] == [0, 5_000_000, 0]
    assert list(complete) == ["left", "right", "labels"]
    assert waiting.add("labels", message(2.02)) is not None
    assert len(waiting) == 0


def test_half_a_set_goes_with_the_next_whole_one(clock) -> None:
    waiting = WaitingSets(("left", "right"), 0.02, 3.0, 1.0, clock)
    waiting.add("left", message(1.0))
    waiting.add("right", message(1.1))
    waiting.add("left", message(1.2))
    assert waiting.add("right", message(1.2)) is not None
    assert len(waiting) == 0


def test_stamps_that_are_all_the_same_are_paired_in_order(clock) -> None:
    waiting = WaitingSets(("left", "right"), 0.0, 3.0, 1.0, clock)
    for _ in range(5):
        assert waiting.add("left", message(0.0)) is None
        assert waiting.add("right", message(0.0)) is not None


def test_forgetting_is_for_all_topics(clock) -> None:
    waiting = WaitingSets(("left", "right"), 0.02, 3.0, 1.0, clock)
    waiting.add("left", message(1.0))
    waiting.clear()
    assert waiting.add("right", message(1.0)) is None


def test_pictures_without_partners_take_no_more_memory_than_they_may(clock) -> None:
    """Of 100 kB and 40 kB each, in 1 MB: the oldest sets go, both halves together, and are counted."""
    waiting = WaitingSets(("left", "right", "answer"), 0.01, 60.0, 1.0, clock)
    for number in range(100):
        clock.now = number / RATE
        assert waiting.add("left", message(clock.now, 100_000)) is None
        assert waiting.add("right", message(clock.now + 0.005, 40_000)) is None
        assert waiting.size <= 1_000_000
    assert (len(waiting), waiting.size, waiting.dropped) == (14, 7 * 140_000, 93)
    assert waiting.dropped_at == clock.now
    assert waiting.add("answer", message(92 / RATE)) is None
    assert waiting.late["answer"] == (pytest.approx(7 / RATE), clock.now)
    complete = waiting.add("answer", message(95 / RATE))
    assert complete is not None
    assert [len(each.data) for each in complete.values()] == [100_000, 40_000, 0]
    assert (len(waiting), waiting.size) == (8, 4 * 140_000)
    waiting.clear()
    assert waiting.size == 0


def test_a_set_that_is_larger_than_all_may_be_is_completed_all_the_same(clock) -> None:
    waiting = WaitingSets(("left", "right", "answer"), 0.01, 3.0, 1.0, clock)
    for number in range(5):
        waiting.add("left", message(number, 1_500_000))
        waiting.add("right", message(number, 1_500_000))
        assert len(waiting) == 2
        assert waiting.add("answer", message(number)) is not None
    assert (waiting.size, waiting.dropped) == (0, 0)


def test_one_stamp_again_and_again_counts_once(clock) -> None:
    waiting = WaitingSets(("left", "right"), 0.0, 3.0, 1.0, clock)
    for _ in range(50):
        waiting.add("left", message(0.0, 100_000))
    assert (len(waiting), waiting.size, waiting.dropped) == (1, 100_000, 0)


def test_partners_without_a_first_one_go_too_and_what_is_given_up_is_not_counted_twice(clock) -> None:
    waiting = WaitingSets(("left", "right"), 0.01, 3.0, 1.0, clock)
    for number in range(40):
        clock.now = number / RATE
        waiting.add("right", message(clock.now, 100_000))
    assert (len(waiting), waiting.size, waiting.dropped) == (10, 1_000_000, 30)
    clock.now += 4.0
    waiting.add("right", message(clock.now, 100_000))
    assert (len(waiting), waiting.size, waiting.dropped) == (1, 100_000, 30)
