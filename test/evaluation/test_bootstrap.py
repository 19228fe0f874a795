"""Percentile bootstraps against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.evaluation.bootstrap import RESAMPLES, drawn, interval


def test_rows_of_one_length_are_drawn_together() -> None:
    assert drawn(7).shape == (RESAMPLES, 7)
    np.testing.assert_array_equal(drawn(7), drawn(7))
    assert set(np.unique(drawn(7))) == set(range(7))
    row, other = np.arange(7.0), np.arange(7.0) + 3
    assert interval(other[drawn(7)].mean(1) - row[drawn(7)].mean(1)) == pytest.approx((3, 3))


def test_the_interval_of_a_mean_is_as_wide_as_that_of_a_normal_one() -> None:
    values = np.random.default_rng(3).normal(5, 2, 400)
    low, high = interval(values[drawn(400)].mean(1))
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.02)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.06)


def test_figures_that_are_not_finite_are_left_out() -> None:
    assert interval(np.array([np.nan, 1.0, np.inf, 3.0])) == pytest.approx((1.05, 2.95))
    assert np.isnan(interval(np.full(3, np.nan))).all()
