"""Classical completion on scenes of which the answer is known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.evaluation.completion import inpaint, ip_basic

NAN = np.float32(np.nan)


def plane_with_hole() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A plane of inverse depth that falls from row to row, its hole, and the plane without the hole."""
    truth = np.broadcast_to(1 / np.linspace(1, 2, 61, dtype=np.float32)[:, None], (61, 61)).copy()
    hole = np.zeros(truth.shape, bool)
    hole[26:35, 26:35] = True
    return np.where(hole, NAN, truth), hole, truth


def test_inpainting_continues_a_plane_of_inverse_depth_and_keeps_what_is_measured() -> None:
    depth, hole, truth = plane_with_hole()
    answer = inpaint(depth)
    np.testing.assert_array_equal(answer[~hole], truth[~hole])
    np.testing.assert_allclose(answer[hole], truth[hole], rtol=0.02)
    assert answer[26, 30] > answer[34, 30]


def test_ip_basic_of_a_step_behind_a_hole() -> None:
    depth = np.full((60, 60), 1, np.float32)
    depth[:, 30:] = 2
    depth[10:50, 28:36] = NAN
    answer = ip_basic(depth)
    assert np.isfinite(answer).all()
    np.testing.assert_array_equal(answer[np.isfinite(depth)], depth[np.isfinite(depth)])
    # The diamond reaches 2 pixels from either side; the closing gives the 4 between them to the farther side; then the
    # Gaussian's 1, 4, 6, 4, 1 sixteenths go over the step between columns 29 and 30.
    expected = [1 + 1 / 16, 1 + 5 / 16, 1 + 11 / 16, 1 + 15 / 16, 2, 2, 2, 2]
    np.testing.assert_allclose(answer[30, 28:36], expected, atol=1e-6)


def test_ip_basic_leaves_the_middle_of_a_large_hole_empty() -> None:
    depth = np.full((121, 121), 1, np.float32)
    depth[10:111, 10:111] = NAN
    answer = ip_basic(depth)
    # Diamond 2, square 3, large square 15 pixels from each edge; a closing of a hole of 101 pixels adds nothing.
    assert np.isnan(answer[30:91, 30:91]).all()
    np.testing.assert_allclose(answer[60, :29], 1, atol=1e-6)
    assert np.isfinite(answer[60, 29])


@pytest.mark.parametrize("complete", [inpaint, ip_basic])
def test_nothing_measured_is_nothing_filled_and_no_hole_changes_nothing(complete) -> None:
    assert np.isnan(complete(np.full((20, 20), NAN))).all()
    full = np.linspace(1, 2, 400, dtype=np.float32).reshape(20, 20)
    np.testing.assert_array_equal(complete(full), full)
