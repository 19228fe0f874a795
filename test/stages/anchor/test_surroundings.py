"""ToM regions, their depth from their surroundings, and whether what is measured in them is to be believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.stages.tom.regions import tom_regions
from depth_prompt_ros.stages.tom.scene_depth import ScenePrediction
from depth_prompt_ros.stages.tom.surroundings import coarse, fit_to_surroundings, region_depth

SHAPE, SIZE = (96, 128), (48, 64)
CAMERA = CameraModel(128, 96, 120.0, 120.0, 63.5, 47.5, baseline=0.06)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
TABLE = 0.6 + 0.012 * Y  # inverse depth of a slanted table, 1/m
DISC = (X - 60) ** 2 + (Y - 50) ** 2 < 20**2
BUMP = np.where(DISC, TABLE + 0.3, TABLE)
NO_LABELS = np.zeros(SHAPE, np.uint16)


def measured(inverse: np.ndarray, confidence: float | np.ndarray = 1.0) -> DepthMeasurement:
    with np.errstate(divide="ignore"):
        depth = np.where(inverse > 0, 1 / inverse, np.nan).astype(np.float32)
    return DepthMeasurement(depth, np.where(inverse > 0, confidence, 0).astype(np.float32))


def small(picture: np.ndarray) -> np.ndarray:
    return picture.reshape(SIZE[0], 2, SIZE[1], 2).mean((1, 3)).astype(np.float32)


def seen_as(disparity: np.ndarray, spread: float = 0.0) -> ScenePrediction:
    return ScenePrediction(small(disparity), np.full(SIZE, spread, np.float32))


def surrounded(inverse, disparity, tom=DISC, max_residual=0.3, spread=0.0):
    measurement = measured(inverse)
    region = tom_regions(tom, NO_LABELS, 30)[0]
    around = coarse(SIZE, measurement, tom, 0.5)
    return fit_to_surroundings(seen_as(disparity, spread), region, around, max_residual), around


def test_regions_are_connected_and_on_one_target() -> None:
    tom = np.zeros((20, 40), np.bool_)
    tom[2:10, 2:22] = tom[15:18, 30:38] = True
    tom[19, 0] = True
    labels = np.zeros((20, 40), np.uint16)
    labels[:, 12:25] = 7
    found = tom_regions(tom, labels, 5)
    assert [(region.label, int(region.mask.sum())) for region in found] == [(0, 80), (0, 24), (7, 80)]
    whole = np.zeros_like(tom)
    for region in found:
        whole[region.box] |= region.mask
    tom[19, 0] = False
    np.testing.assert_array_equal(whole, tom)
    assert [region.label for region in tom_regions(tom & (labels == 0), labels, 5)] == [0, 0]
    assert tom_regions(np.zeros_like(tom), labels, 1) == []


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0.01, 100), shift=st.floats(-50, 50), metres=st.floats(0.3, 4))
def test_a_region_takes_the_depth_that_fits_whatever_the_networks_scale_and_shift(scale, shift, metres) -> None:
    """Equivariant to the scale of the world, invariant to the scale and shift of the network."""
    behind = np.where(DISC, TABLE * 0.5, TABLE) / metres  # stereo sees through it
    fit, _ = surrounded(behind, (BUMP * scale + shift).astype(np.float32))
    assert not fit.refused
    assert fit.residual < 0.02
    depth = region_depth(fit, SHAPE)
    inside = tom_regions(DISC, NO_LABELS, 30)[0]
    np.testing.assert_array_equal(np.isfinite(depth), inside.mask)
    truth = (metres / BUMP)[inside.box][inside.mask]
    assert np.median(np.abs(depth[inside.mask] / truth - 1)) < 0.02


def test_a_third_of_wrong_measurements_around_does_not_move_it() -> None:
    rng = np.random.default_rng(0)
    wrong = np.where(rng.random(SHAPE) < 0.33, 0.3, BUMP)
    fit, _ = surrounded(np.where(DISC, 0.3, wrong), BUMP)
    depth = region_depth(fit, SHAPE)
    truth = (1 / BUMP)[fit.target.box]
    assert np.nanmedian(np.abs(depth / truth - 1)) < 0.03


def test_what_is_near_decides_where_the_network_bends_the_room() -> None:
    bent = BUMP + np.where(X > 100, 2.0, 0.0)  # the far side of the room is wrong
    fit, _ = surrounded(BUMP, bent.astype(np.float32))
    assert np.nanmedian(np.abs(region_depth(fit, SHAPE) * BUMP[fit.target.box] - 1)) < 0.05


def test_a_wall_that_faces_the_camera_leaves_the_scale_to_the_rest_of_the_picture() -> None:
    wall = np.full(SHAPE, 0.8, np.float32)
    wall[:, :24] += 0.02 * (24 - X[:, :24])  # all relief is far from the region
    fit, _ = surrounded(wall, (np.where(DISC, wall + 0.1, wall)).astype(np.float32))
    assert fit.scale == pytest.approx(1, abs=0.05)
    assert np.nanmedian(region_depth(fit, SHAPE)) == pytest.approx(1 / 0.9, abs=0.03)


def test_a_network_that_has_it_backwards_gives_one_depth() -> None:
    fit, _ = surrounded(BUMP, (-BUMP).astype(np.float32))
    assert fit.scale == 0
    assert np.nanstd(region_depth(fit, SHAPE)) < 0.05


def test_bad_fits_are_refused_with_the_reason() -> None:
    rng = np.random.default_rng(1)
    noise = rng.uniform(0.2, 3, SHAPE).astype(np.float32)
    fit, _ = surrounded(noise, BUMP, max_residual=0.1)
    assert "off what is measured around it" in fit.refused
    nearly_nothing = np.where(X + Y < 12, TABLE, 0)
    fit, _ = surrounded(nearly_nothing, BUMP)
    assert "trusted pixels in the whole picture" in fit.refused
    assert np.isnan(region_depth(fit, SHAPE)).all()
    fit, _ = surrounded(BUMP, BUMP, spread=0.8)
    assert "in other colours" in fit.refused
    assert not surrounded(BUMP, BUMP, spread=0.1)[0].refused


def test_nothing_bleeds_in_over_the_border_and_single_pixels_have_a_depth() -> None:
    far = np.where(DISC, 1.5, 0.4 + 0.002 * X).astype(np.float32)
    fit, _ = surrounded(np.where(DISC, 0, far), far)
    depth = region_depth(fit, SHAPE)
    inside = depth[fit.target.mask]
    assert np.ptp(inside) < 0.02 * np.median(inside)
    dot = np.zeros(SHAPE, np.bool_)
    dot[41, 77] = True
    region = tom_regions(dot, NO_LABELS, 1)[0]
    around = coarse(SIZE, measured(BUMP), dot, 0.5)
    fit = fit_to_surroundings(seen_as(BUMP), region, around, 0.3)
    assert region_depth(fit, SHAPE)[0, 0] == pytest.approx(1 / BUMP[41, 77], rel=0.03)
