"""Pairs of stamps."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from depth_prompt_ros.bag.sync import in_force, nearest, pair


def stamps(*values):
    return np.array(values, np.int64)


def test_equal_and_jittered_stamps_pair():
    np.testing.assert_array_equal(pair(stamps(0, 100, 200), stamps(3, 98, 200), 10), [0, 1, 2])


def test_order_of_recording_does_not_matter():
    np.testing.assert_array_equal(pair(stamps(0, 100, 200), stamps(200, 0, 100), 10), [1, 2, 0])


def test_a_dropped_message_does_not_shift_its_neighbours():
    left, right = stamps(0, 11, 22, 33), stamps(0, 22, 33)  # tolerance wider than the period
    np.testing.assert_array_equal(pair(left, right, 20), [0, -1, 1, 2])


def test_a_constant_offset_of_half_a_period_pairs_every_message():
    np.testing.assert_array_equal(pair(stamps(0, 10, 20), stamps(5, 15, 25), 8), [0, 1, 2])


def test_tolerance_is_inclusive():
    np.testing.assert_array_equal(pair(stamps(0), stamps(5), 5), [0])
    np.testing.assert_array_equal(pair(stamps(0), stamps(5), 4), [-1])


def test_nothing_to_pair_with():
    np.testing.assert_array_equal(pair(stamps(0, 1), stamps(), 5), [-1, -1])


def test_nearest_says_which_and_how_far():
    index, gap = nearest(stamps(0, 49, 1000), stamps(100, 0))
    np.testing.assert_array_equal(index, [1, 1, 0])
    np.testing.assert_array_equal(gap, [0, 49, 900])


times = st.lists(st.integers(0, 1000), max_size=20).map(lambda values: np.array(values, np.int64))


@given(times, times, st.integers(0, 100))
def test_partners_are_near_and_used_once(left, right, tolerance):
    partners = pair(left, right, tolerance)
    used = partners[partners >= 0]
    assert len(np.unique(used)) == len(used)
    assert (np.abs(right[used] - left[partners >= 0]) <= tolerance).all()


@given(times, times.filter(len))
def test_nearest_is_the_minimum(left, right):
    index, gap = nearest(left, right)
    np.testing.assert_array_equal(gap, np.abs(right[:, None] - left).min(0) if len(left) else [])
    np.testing.assert_array_equal(gap, np.abs(right[index] - left))


@given(st.integers(1, 30), st.integers(1, 30))
def test_messages_of_one_stamp_pair_in_their_order(left, right):
    pairs = pair(np.full(left, 7, np.int64), np.full(right, 7, np.int64), 0)
    both = min(left, right)
    np.testing.assert_array_equal(pairs, [*range(both), *[-1] * (left - both)])


def test_runs_of_equal_stamps_among_others():
    left = stamps(0, 10, 10, 10, 10, 10, 10, 20)
    right = stamps(10, 0, 10, 10, 10, 10, 10, 20)
    np.testing.assert_array_equal(pair(left, right, 2), [1, 0, 2, 3, 4, 5, 6, 7])


def test_what_is_in_force_is_near_or_before_or_the_first():
    other = stamps(100, 200, 300)
    np.testing.assert_array_equal(in_force(stamps(0, 100, 140, 195, 205, 299, 900), other, 10), [0, 0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(in_force(stamps(5, 250), stamps(300, 100), 10), [1, 1])
    np.testing.assert_array_equal(in_force(stamps(1, 2), stamps(), 10), [-1, -1])
