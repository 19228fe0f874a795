"""Two pieces of work at once, and memory that is kept for them."""

from __future__ import annotations

import platform
import threading

import pytest

from depth_prompt_ros import side_by_side
from depth_prompt_ros.memory import keep_freed_memory
from depth_prompt_ros.side_by_side import both


def test_both_run_at_the_same_time_and_answer_in_order(monkeypatch) -> None:
    monkeypatch.setattr(side_by_side, "_cores", lambda: 2)
    meet = threading.Barrier(2, timeout=30)
    assert both(lambda: (meet.wait() >= 0, "one"), lambda: (meet.wait() >= 0, "other")) == (
        (True, "one"),
        (True, "other"),
    )


def test_on_one_core_they_run_one_after_the_other(monkeypatch) -> None:
    monkeypatch.setattr(side_by_side, "_cores", lambda: 1)
    order: list[str] = []
    both(lambda: order.append("one"), lambda: order.append("other"))
    assert order == ["one", "other"]


@pytest.mark.parametrize("cores", [1, 2])
def test_what_either_raises_is_raised_and_the_first_one_first(monkeypatch, cores) -> None:
    monkeypatch.setattr(side_by_side, "_cores", lambda: cores)

    def fails(problem: Exception):
        raise problem

    with pytest.raises(ValueError, match="one"):
        both(lambda: fails(ValueError("one")), lambda: fails(KeyError("other")))
    with pytest.raises(KeyError, match="other"):
        both(lambda: 1, lambda: fails(KeyError("other")))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_glibc_keeps_freed_memory() -> None:
    assert keep_freed_memory()
