"""Local planes, what is withheld to try them, and which way of filling wins."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.stages.hole_filling import MeasuredSurface, by_plane, by_row, from_own_pixels, withhold
from depth_prompt_ros.stages.local_plane import local_plane

SIDE = 60
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)
UNLIMITED = np.full(SIDE, np.inf, np.float32)


def surface(inverse: np.ndarray, known: np.ndarray, visible: np.ndarray = UNLIMITED) -> MeasuredSurface:
    """Beside a shape that stands square to the camera."""
    return MeasuredSurface(np.where(known, inverse, 0).astype(np.float32), known, np.ones_like(inverse), visible, 0.05)


@pytest.mark.parametrize("size", [60, 400])
def test_a_plane_goes_on_into_a_gap(size: int) -> None:
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    plane = 1 + 0.3 * x - 0.2 * y
    known = np.ones(plane.shape, bool)
    known[size // 3 : size // 2, size // 3 : size // 2] = False
    np.testing.assert_allclose(local_plane(plane, known), plane, atol=2e-3)
    assert np.array_equal(local_plane(plane, known), local_plane(np.where(known, plane, np.float32(9)), known))


def test_a_local_plane_follows_a_bend() -> None:
    roof = 1 - 0.01 * np.abs(COLUMNS - 30)
    known = np.ones(roof.shape, bool)
    known[20:40, 8:16] = False
    fitted = local_plane(roof.astype(np.float32), known)
    np.testing.assert_allclose(fitted[20:40, 8:16], roof[20:40, 8:16], atol=5e-3)


def test_weightless_pixels_are_not_followed() -> None:
    values, known = np.where(ROWS % 2 == 0, np.float32(1), np.float32(2)), np.ones((SIDE, SIDE), bool)
    even = (ROWS % 2 == 0).astype(np.float32)
    np.testing.assert_allclose(local_plane(values, known, even), 1, atol=1e-4)


def test_beside_a_hole_its_left_is_withheld_as_wide_as_it_is() -> None:
    holes, known = np.zeros((2, 12), bool), np.ones((2, 12), bool)
    holes[0, 5:8] = True
    known &= ~holes
    expected = np.zeros_like(holes)
    expected[0, 2:5] = True
    np.testing.assert_array_equal(withhold(known, holes), expected)


def test_of_a_hole_with_nothing_before_it_the_right_is_withheld() -> None:
    holes, known = np.zeros((2, 12), bool), np.ones((2, 12), bool)
    holes[0, :3], holes[1, 4:6] = True, True
    known[1, :4] = False
    known &= ~holes
    expected = np.zeros_like(holes)
    expected[0, 3:6], expected[1, 6:8] = True, True
    np.testing.assert_array_equal(withhold(known, holes), expected)


def test_at_least_half_is_never_withheld() -> None:
    holes = COLUMNS < 45
    withheld = withhold(~holes, holes)
    assert 0.4 * (~holes).sum() < withheld.sum() <= 0.55 * (~holes).sum()
    assert (withheld == ((COLUMNS >= 45) & (COLUMNS < 52))).mean() > 0.98


def test_of_two_surfaces_the_farther_goes_on_except_where_only_one_camera_sees() -> None:
    inverse = np.where(COLUMNS < 30, np.float32(1), np.float32(2))
    known = (COLUMNS < 24) | (COLUMNS >= 34)
    hidden = np.s_[10:50, 26:32]
    np.testing.assert_allclose(by_plane(surface(inverse, known))[hidden], 1, atol=0.05)
    np.testing.assert_allclose(by_row(surface(inverse, known))[hidden], 1)
    blind = surface(inverse, known, np.zeros(SIDE, np.float32))
    np.testing.assert_array_equal(by_plane(blind), local_plane(blind.inverse, known))
    np.testing.assert_array_equal(by_row(blind), local_plane(blind.inverse, known))


def test_what_foretells_withheld_pixels_best_fills() -> None:
    known = (COLUMNS < 20) | (COLUMNS >= 30)
    slanted = (1 + 0.01 * COLUMNS).astype(np.float32)
    filling = from_own_pixels(surface(slanted, known), ~known)
    assert filling is not None
    np.testing.assert_allclose(filling.inverse[~known], slanted[~known], rtol=0.01)
    assert filling.error < 0.03
    flat = np.ones_like(slanted)
    flat[:, 10:20] += 0.02 * np.sin(ROWS[:, 10:20])
    exact = MeasuredSurface(np.where(known, flat, 0).astype(np.float32), known, flat, UNLIMITED, 0.05)
    assert from_own_pixels(exact, ~known) is None


def test_a_few_empty_or_measured_pixels_decide_nothing() -> None:
    slanted = (1 + 0.01 * COLUMNS).astype(np.float32)
    few = np.zeros((SIDE, SIDE), bool)
    few[30, 30:40] = True
    assert from_own_pixels(surface(slanted, ~few), few) is None
    assert from_own_pixels(surface(slanted, few), ~few) is None
