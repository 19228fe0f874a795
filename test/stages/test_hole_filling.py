"""Local planes, what is withheld to try them, and when they fill."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.stages.hole_filling import MeasuredSurface, by_planes_alone, by_shape_and_planes, withhold
from depth_prompt_ros.stages.local_plane import local_plane

SIDE = 60
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)


def square_to_camera(inverse: np.ndarray, known: np.ndarray) -> MeasuredSurface:
    """Its shape is at 1 m everywhere, whatever was measured."""
    return MeasuredSurface(np.where(known, inverse, 0).astype(np.float32), known, np.ones_like(inverse), 0.05)


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


def test_planes_fill_that_foretell_withheld_pixels_far_better_than_the_shape() -> None:
    known = (COLUMNS < 20) | (COLUMNS >= 30)
    slanted = (1 + 0.01 * COLUMNS).astype(np.float32)
    filling = by_shape_and_planes(square_to_camera(slanted, known), ~known)
    assert filling is not None
    np.testing.assert_allclose(filling.inverse[~known], slanted[~known], rtol=0.01)
    assert filling.error < 0.03


def test_the_shape_fills_that_foretells_withheld_pixels_far_better_than_planes() -> None:
    known = (COLUMNS < 20) | (COLUMNS >= 30)
    waves = (1 + 0.05 * np.sin(COLUMNS / 3) * np.sin(ROWS / 3)).astype(np.float32)
    filling = by_shape_and_planes(MeasuredSurface(np.where(known, waves, 0), known, waves, 0.05), ~known)
    assert filling is not None and not filling.continued[~known].any()
    np.testing.assert_allclose(filling.inverse[~known], waves[~known], rtol=1e-3)


def test_planes_count_beside_what_is_measured_and_the_shape_farther_off() -> None:
    known = COLUMNS < 30
    waves = (0.02 * np.sin(COLUMNS / 5) * np.sin(ROWS / 5)).astype(np.float32)
    surface = MeasuredSurface(np.where(known, 1 + waves, 0), known, np.ones_like(waves), 0.05)
    filling = by_shape_and_planes(surface, ~known)
    assert filling is not None
    assert filling.continued[:, 30:32].all() and not filling.continued[:, 55:].any()
    assert 0.02 < filling.continued[~known].mean() < 0.6


def test_no_plane_through_two_surfaces_fills_what_the_nearer_one_hides() -> None:
    inverse = np.where(COLUMNS < 30, np.float32(1), np.float32(2))
    known = (COLUMNS < 24) | (COLUMNS >= 30)
    assert by_shape_and_planes(square_to_camera(inverse, known), ~known) is None


def test_a_few_empty_or_measured_pixels_decide_nothing() -> None:
    slanted = (1 + 0.01 * COLUMNS).astype(np.float32)
    few = np.zeros((SIDE, SIDE), bool)
    few[30, 30:40] = True
    assert by_shape_and_planes(square_to_camera(slanted, ~few), few) is None
    assert by_shape_and_planes(square_to_camera(slanted, few), ~few) is None


def test_intervals_widen_away_from_what_is_measured_up_to_the_shapes_own() -> None:
    known = COLUMNS < 30
    waves = (0.02 * np.sin(COLUMNS / 5) * np.sin(ROWS / 5)).astype(np.float32)
    own = np.full_like(waves, 0.05)
    surface = MeasuredSurface(np.where(known, 1 + waves, 0), known, np.ones_like(waves), 0.05, own)
    filling = by_shape_and_planes(surface, ~known)
    assert filling is not None
    half = filling.unsure
    assert (np.diff(half[30, 30:]) >= 0).all() and half[30, 30] < 0.6 * half[30, -1]
    assert half.max() <= 0.05
    assert (np.abs(filling.inverse - 1 - waves) <= half)[~known].mean() > 0.85


def test_planes_alone_fill_only_what_they_foretell() -> None:
    known = (COLUMNS < 20) | (COLUMNS >= 30)
    slanted = (1 + 0.01 * COLUMNS).astype(np.float32)
    filling = by_planes_alone(square_to_camera(slanted, known), ~known)
    assert filling is not None and filling.continued[~known].all()
    np.testing.assert_allclose(filling.inverse[~known], slanted[~known], rtol=0.01)
    rough = np.random.default_rng(0).uniform(0.5, 2, slanted.shape).astype(np.float32)
    assert by_planes_alone(square_to_camera(rough, known), ~known) is None
