"""Humble answers against their definitions."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from standing import CAMERA, StandingBlock

from depth_prompt_ros.evaluation.baselines import constant_depth, fill_along_row, upright_plane
from depth_prompt_ros.frame import DepthMeasurement

NAN = np.float32(np.nan)
rows = arrays(np.float32, (3, 9), elements=st.floats(0, 9, width=32) | st.just(NAN))


@given(rows)
def test_row_filling_takes_the_nearest_value_and_the_left_of_two(values: np.ndarray) -> None:
    filled = fill_along_row(values)
    for row, answers in zip(values, filled, strict=True):
        known = [column for column in range(row.size) if np.isfinite(row[column])]
        for column in range(row.size):
            if not known:
                assert np.isnan(answers[column])
                continue
            nearest = min(known, key=lambda other: (abs(other - column), other))
            assert answers[column] == row[nearest]


def test_constant_depth_is_the_median_inside() -> None:
    depth = np.array([[1, 2, 7, 9], [NAN, 4, 9, 9]], np.float32)
    mask = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    answer = constant_depth(depth, mask)
    np.testing.assert_array_equal(answer[mask], np.full(5, 3, np.float32))
    assert np.isnan(answer[~mask]).all()


def test_constant_depth_of_an_empty_target_is_that_around_it() -> None:
    depth = np.full((60, 60), 2, np.float32)
    depth[:, 50:] = 9
    mask = np.zeros((60, 60), bool)
    mask[20:30, 20:30] = True
    depth[mask] = NAN
    np.testing.assert_array_equal(constant_depth(depth, mask)[mask], np.full(100, 2, np.float32))
    assert np.isnan(constant_depth(np.full_like(depth, NAN), mask)).all()


def test_upright_plane_stands_where_the_block_does() -> None:
    block = StandingBlock()
    answer = upright_plane(CAMERA, block.mask, DepthMeasurement(block.depth, np.ones_like(block.depth)), 1)
    assert np.isfinite(answer[block.mask]).all()
    assert np.isnan(answer[~block.mask]).all()
    error = np.abs(answer / block.depth - 1)[block.mask]
    assert np.median(error) < 0.03


def test_upright_plane_without_a_support_says_nothing() -> None:
    block = StandingBlock()
    nothing = DepthMeasurement(np.full_like(block.depth, NAN), np.zeros_like(block.depth))
    assert np.isnan(upright_plane(CAMERA, block.mask, nothing, 1)).all()
