"""What a node says on the console, and how often."""

from __future__ import annotations

import pytest

from depth_prompt_ros.ros.reports.console import Console


class Heard:
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.infos: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def info(self, text: str) -> None:
        self.infos.append(text)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def clock():
    def now() -> float:
        return now.at

    now.at = 100.0
    return now


def test_what_lasts_is_said_again_from_time_to_time_and_its_end_too(heard, clock) -> None:
    console = Console(heard, clock)
    for second in range(25):
        clock.at = 100.0 + second
        console.standing({"late /left": f"/left is late: {second} s"}, "all is well")
    assert heard.warnings == ["/left is late: 2 s", "/left is late: 12 s", "/left is late: 22 s"]
    console.standing({}, "all is well")
    console.standing({}, "all is well")
    assert heard.infos == ["all is well"]


def test_a_moment_is_not_worth_a_word(heard, clock) -> None:
    console = Console(heard, clock)
    for second in range(10):
        clock.at = 100.0 + second
        console.standing({"late /left": "late"} if second % 2 else {}, "all is well")
    assert heard.warnings == heard.infos == []


def test_a_skipped_frame_is_said_once_in_ten_seconds_each_reason_by_itself(heard, clock) -> None:
    console = Console(heard, clock)
    for number in range(300):
        clock.at = 100.0 + number / 30
        console.event("too dark", "too dark")
        console.event("too bright", "too bright")
    assert heard.warnings == ["too dark", "too bright"]
    clock.at += 1
    console.event("too dark", "too dark")
    assert len(heard.warnings) == 3


def test_the_end_is_said_though_something_else_was_wrong_for_a_moment(heard, clock) -> None:
    console = Console(heard, clock)
    for second in range(3):
        clock.at = 100.0 + second
        console.standing({"late /left": "late"}, "all is well")
    clock.at += 1
    console.standing({"apart": "apart"}, "all is well")
    console.standing({}, "all is well")
    assert heard.warnings == ["late"]
    assert heard.infos == ["all is well"]


def test_what_nobody_looks_at_is_not_over(heard, clock) -> None:
    console = Console(heard, clock)
    for _ in range(2):
        for second in range(3):
            clock.at += second
            console.standing({"late /left": "late"}, "all is well")
        console.forget()
        console.standing({}, "all is well")
    assert heard.warnings == ["late", "late"]
    assert heard.infos == []
