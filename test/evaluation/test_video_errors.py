"""Errors of depth up to scale, parts of pictures, and masks."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.evaluation.mask_counts import MaskCounts
from depth_prompt_ros.evaluation.video.errors import (
    LITERATURE,
    PAPER,
    Limits,
    depth_errors,
    edges,
    fitted_inverse,
    mean_errors,
    median_scaled,
    paired_interval,
    parts_of,
)


def test_errors_are_those_of_eigen_and_others() -> None:
    truth = np.array([[2.0, 4.0, 8.0, np.nan]], np.float32)
    found = np.array([[2.0, 5.0, 4.0, 1.0]], np.float32)
    errors = depth_errors(found, truth, np.isfinite(truth))
    assert errors.abs_rel == pytest.approx((0 + 0.25 + 0.5) / 3)
    assert errors.sq_rel == pytest.approx((0 + 1 / 4 + 16 / 8) / 3)
    assert errors.rmse == pytest.approx(np.sqrt((1 + 16) / 3))
    assert errors.rmse_log == pytest.approx(np.sqrt((np.log(1.25) ** 2 + np.log(2) ** 2) / 3))
    assert (errors.a1, errors.a2, errors.a3) == pytest.approx((1 / 3, 2 / 3, 2 / 3))
    assert np.isnan(depth_errors(found, truth, np.zeros((1, 4), bool)).abs_rel)
    clipped = depth_errors(np.full((1, 4), 500, np.float32), np.full((1, 4), 80, np.float32), np.ones((1, 4), bool))
    assert clipped.abs_rel == 0
    nothing = depth_errors(found, truth, np.zeros((1, 4), bool))
    assert mean_errors([errors, nothing]) == pytest.approx(errors)


def test_limits_are_the_papers_and_the_literatures() -> None:
    truth = np.full((375, 1242), 0.5, np.float32)
    truth[:, 600:] = 30
    assert PAPER.known(truth).sum() == 375 * 642
    known = LITERATURE.known(truth)
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (153, 370, 44, 1196)


def test_median_scaling_and_the_fit_take_away_what_they_should() -> None:
    truth = np.linspace(1, 5, 60, dtype=np.float32).reshape(6, 10)
    known = np.ones_like(truth, bool)
    np.testing.assert_allclose(median_scaled(truth / 7, truth, known), truth, rtol=1e-5)
    np.testing.assert_allclose(fitted_inverse(3 / truth - 1, truth, known), truth, rtol=1e-4)
    turned = fitted_inverse(-1 / truth, truth, known)  # nearness the wrong way round is worth no more than a constant
    np.testing.assert_allclose(turned, 1 / np.mean(1 / truth), rtol=1e-5)


def test_parts_are_static_moving_and_edges() -> None:
    truth = np.full((20, 30), 2.0, np.float32)
    truth[5:15, 10:20] = 1.0
    truth[0] = np.nan
    moving = truth == 1
    parts = parts_of(truth, moving, Limits())
    assert parts["moving"].sum() == 100 and parts["static"].sum() == 19 * 30 - 100
    assert parts["edges"][3:17, 8:22].sum() == parts["edges"].sum() and not parts["edges"][9, 14]
    assert edges(truth)[5, 10]
    assert parts_of(truth, None, Limits())["static"].sum() == 19 * 30


def test_masks_are_counted_over_frames() -> None:
    counts = MaskCounts()
    counts += MaskCounts.of(np.array([True, True, False, False]), np.array([True, False, True, False]))
    counts += MaskCounts.of(np.array([True, True]), np.array([True, True]))
    assert (counts.iou, counts.precision, counts.recall) == pytest.approx((3 / 5, 3 / 4, 3 / 4))
    assert np.isnan(MaskCounts().iou)


def test_the_paired_interval_holds_the_mean_and_not_zero_where_all_differ() -> None:
    rng = np.random.default_rng(0)
    other = rng.normal(size=50)
    mean, low, high = paired_interval(np.append(other + 0.2 + 0.01 * rng.normal(size=50), np.nan), np.append(other, 1))
    assert low < mean < high and low > 0.18 and high < 0.22
    assert paired_interval(other, other) == (0, 0, 0)
