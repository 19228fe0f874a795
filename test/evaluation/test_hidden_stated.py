"""How often the truth lies in the intervals that the pipeline states."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.evaluation.hidden.stated import Stated, shares


def test_pixels_within_their_interval_are_counted() -> None:
    truth = np.full((4, 4), 1.0, np.float32)
    depth = truth + np.float32(0.02)
    half = np.full((4, 4), 0.03, np.float32)
    half[0] = 0.01  # too narrow
    half[1] = np.nan  # nothing is stated
    depth[2, 0] = np.nan  # nothing is answered
    found = Stated.of(depth, half, truth, np.ones((4, 4), bool))
    assert (found.pixels, found.held) == (11, 7)
    assert found.width == pytest.approx(1000 * (4 * 0.01 + 7 * 0.03) / 11, rel=1e-3)


def test_shares_are_means_over_things_that_state_any() -> None:
    found = shares([Stated(10, 9, 20.0), Stated(1000, 500, 40.0), Stated()])
    assert found["things"] == 2
    assert found["held"] == pytest.approx(70)
    assert found["width"] == pytest.approx(30)
    assert found["low"] is not None
    assert found["high"] is not None
    assert found["low"] < 70 < found["high"]


def test_without_any_stated_interval_there_is_no_share() -> None:
    assert shares([Stated()]) == {"things": 0.0, "held": None, "low": None, "high": None, "width": None}
