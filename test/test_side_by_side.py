"""Two pieces of work at once, and memory that is kept for them."""

from __future__ import annotations

import multiprocessing
import os
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_has_threads_of_its_own(monkeypatch) -> None:
    monkeypatch.setattr(side_by_side, "_cores", lambda: 2)
    both(lambda: 1, lambda: 2)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(both, (int, str)).get(30) == (0, "")


def test_what_runs_beside_may_have_something_beside_it(monkeypatch) -> None:
    monkeypatch.setattr(side_by_side, "_cores", lambda: 2)

    def nested(depth: int) -> int:
        return 0 if depth == 0 else 1 + both(lambda: nested(depth - 1), lambda: 0)[0]

    assert nested(20) == 20


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_glibc_keeps_freed_memory() -> None:
    assert keep_freed_memory()
