from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing import CAMERA

from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.parameters import MergeParameters
from depth_prompt_ros.stages.boxes import targets_in
from depth_prompt_ros.stages.merge import Merged, Provenance, merge
from depth_prompt_ros.stages.tom.regions import surfaces_in

SHAPE = (120, 160)
TARGET = np.zeros(SHAPE, np.uint16)
TARGET[30:90, 40:120] = 1
NONE = np.zeros(SHAPE, bool)


def scene(seed: int) -> tuple[DepthMeasurement, np.ndarray, np.ndarray, np.ndarray]:
    """A measurement with holes, a monocular shape with gaps, two targets and a ToM region, all at random."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.4, 2, SHAPE).astype(np.float32)
    depth[rng.random(SHAPE) < 0.3] = np.nan
    confidence = np.where(np.isfinite(depth), rng.random(SHAPE), 0).astype(np.float32)
    labels = TARGET.copy()
    labels[70:110, 100:150] = 2
    mono = np.where(labels > 0, rng.uniform(0.5, 1.5, SHAPE), np.nan).astype(np.float32)
    mono[rng.random(SHAPE) < 0.05] = np.nan
    if seed % 3 == 0:
        mono[labels == 2] = np.nan
    tom = rng.random(SHAPE) < (0, 0.2, 1)[seed % 3]
    return DepthMeasurement(depth, confidence), mono, labels, tom


def merged(measurement: DepthMeasurement, mono: np.ndarray, labels: np.ndarray, tom: np.ndarray) -> Merged:
    return merge(CAMERA, measurement, mono, targets_in(labels), tom, MergeParameters())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_is_neither_tom_nor_invalid_never_moves(seed: int) -> None:
    measurement, mono, labels, tom = scene(seed)
    before = measurement.depth.copy()
    answer = merged(measurement, mono, labels, tom)
    kept = np.isfinite(before) & (~tom | (labels == 0))
    assert (answer.depth[kept] == before[kept]).all()
    assert (answer.confidence[kept] == measurement.confidence[kept]).all()
    assert (answer.provenance[kept] == Provenance.STEREO).all()
    assert np.array_equal(measurement.depth, before, equal_nan=True)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_provenance_says_where_depth_is(seed: int) -> None:
    measurement, mono, labels, tom = scene(seed)
    answer = merged(measurement, mono, labels, tom)
    assert ((answer.provenance == Provenance.INVALID) == np.isnan(answer.depth)).all()
    assert (answer.confidence[np.isnan(answer.depth)] == 0).all()
    assert ((answer.confidence >= 0) & (answer.confidence <= 1)).all()
    assert (answer.depth[np.isfinite(answer.depth)] > 0).all()
    fill = (labels > 0) & np.isfinite(mono) & (tom | np.isnan(measurement.depth))
    assert ((answer.provenance >= Provenance.MONO) == fill).all()
    shape = answer.provenance == Provenance.MONO
    assert np.allclose(answer.depth[shape], mono[shape], rtol=0.05)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), zoom=st.floats(0.01, 100))
def test_merging_is_the_same_in_any_unit_of_length(seed: int, zoom: float) -> None:
    measurement, mono, labels, tom = scene(seed)
    small = merged(measurement, mono, labels, tom)
    factor = np.float32(zoom)
    large = merged(DepthMeasurement(measurement.depth * factor, measurement.confidence), mono * factor, labels, tom)
    assert (small.provenance == large.provenance).all()
    assert np.allclose(small.depth * factor, large.depth, rtol=1e-3, equal_nan=True)


def test_a_hole_is_filled_without_a_seam() -> None:
    """The monocular shape is right up to 5 %: the hole still comes out within 0.2 % of the truth."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    truth = 0.8 + 0.001 * x + 0.03 * np.sin(y / 9)
    depth = np.where((TARGET > 0), truth, np.nan).astype(np.float32)
    depth[50:70, 60:90] = np.nan
    mono = np.where(TARGET > 0, truth * 1.05, np.nan).astype(np.float32)
    answer = merged(DepthMeasurement(depth, np.isfinite(depth).astype(np.float32)), mono, TARGET, NONE)
    hole = np.s_[50:70, 60:90]
    assert np.abs(answer.depth[hole] / truth[hole] - 1).max() < 0.002
    assert (answer.provenance[hole] == Provenance.MERGED).all()


def test_a_hole_beside_two_surfaces_goes_to_the_farther_one() -> None:
    depth = np.where(np.arange(160) < 80, np.float32(1.0), np.float32(0.5)) * np.ones(SHAPE, np.float32)
    depth[:, 70:80] = np.nan  # what the near surface hides from the other camera
    mono = np.where(TARGET > 0, np.float32(0.7), np.float32(np.nan))
    answer = merged(DepthMeasurement(depth, np.isfinite(depth).astype(np.float32)), mono, TARGET, NONE)
    assert np.allclose(answer.depth[40:80, 70:79], 1.0, rtol=0.02)


def slanted_at_the_left_border() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A plane that recedes from the left border; labels, its depth, and the same without what one camera cannot see."""
    labels = np.zeros(SHAPE, np.uint16)
    labels[20:100, 0:100] = 1
    truth = np.where(labels > 0, 1 / (1.6 - 0.006 * np.arange(160)), np.nan).astype(np.float32)
    depth = truth.copy()
    depth[:, :40] = np.nan
    return labels, truth, depth


def test_what_the_right_camera_cannot_see_goes_on_as_the_target_does() -> None:
    """The fitted shape stands square to the camera; what is measured of the target says that it is slanted."""
    labels, truth, depth = slanted_at_the_left_border()
    mono = np.where(labels > 0, np.nanmedian(depth), np.nan).astype(np.float32)
    answer = merged(DepthMeasurement(depth, np.isfinite(depth).astype(np.float32)), mono, labels, NONE)
    strip = np.s_[20:100, :40]
    np.testing.assert_allclose(answer.depth[strip], truth[strip], rtol=0.1)
    assert (answer.provenance[strip] == Provenance.CONTINUED).all()
    assert (answer.confidence[strip] > 0.3).all() and (answer.confidence[strip] <= 0.5).all()


def test_the_shape_fills_where_it_knows_the_target_better_than_its_own_pixels_do() -> None:
    """The surface waves: no plane and no neighbour foretells it, the shape does."""
    labels, _, depth = slanted_at_the_left_border()
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    waves = np.where(labels > 0, 1 + 0.1 * np.sin(x / 6) * np.sin(y / 6), np.nan).astype(np.float32)
    depth = np.where(np.isfinite(depth), waves, np.float32(np.nan))
    answer = merged(DepthMeasurement(depth, np.isfinite(depth).astype(np.float32)), waves, labels, NONE)
    strip = np.s_[20:100, :40]
    np.testing.assert_allclose(answer.depth[strip], waves[strip], rtol=1e-3)
    assert (answer.provenance[strip] == Provenance.MERGED).all()


def test_a_hole_ignores_what_cannot_be_the_target() -> None:
    """The wall that shows through a gap is farther behind than the target is large."""
    depth = np.where(np.arange(160) < 80, np.float32(3.0), np.float32(0.5)) * np.ones(SHAPE, np.float32)
    depth[:, 70:80] = np.nan
    mono = np.where(TARGET > 0, np.float32(0.51), np.float32(np.nan))
    answer = merged(DepthMeasurement(depth, np.isfinite(depth).astype(np.float32)), mono, TARGET, NONE)
    assert np.allclose(answer.depth[40:80, 70:80], 0.5, rtol=0.01)


def test_tom_takes_the_mono_shape_and_meets_what_is_believed() -> None:
    depth = np.full(SHAPE, 1.0, np.float32)
    tom = NONE.copy()
    tom[30:90, 60:120] = True
    depth[tom] = 2.0  # the wall behind
    mono = np.where(TARGET > 0, np.float32(1.02), np.float32(np.nan))
    answer = merged(DepthMeasurement(depth, np.ones(SHAPE, np.float32)), mono, TARGET, tom)
    assert np.allclose(answer.depth[30:90, 90:120], 1.02, rtol=1e-3)  # far from the seam: as it is
    assert np.allclose(answer.depth[30:90, 60], 1.0, rtol=2e-3)  # at the seam: no step
    assert (np.abs(np.diff(answer.depth[60, 40:120])) < 0.01).all()
    assert (answer.provenance[30:90, 90:120] == Provenance.MONO).all()
    assert (answer.provenance[30:90, 60] == Provenance.MERGED).all()


def test_what_is_behind_does_not_bleed_into_tom() -> None:
    """Believed pixels far off the shape are another surface: the ToM region ignores them."""
    depth = np.full(SHAPE, 2.0, np.float32)
    tom = NONE.copy()
    tom[30:90, 60:120] = True
    mono = np.where(TARGET > 0, np.float32(1.0), np.float32(np.nan))
    answer = merged(DepthMeasurement(depth, np.ones(SHAPE, np.float32)), mono, TARGET, tom)
    assert (answer.depth[30:90, 60:120] == 1.0).all()


def test_without_a_shape_planes_fill_holes_and_tom_is_empty() -> None:
    slanted = np.asarray(1 / (1 - 0.002 * np.arange(160)) * np.ones(SHAPE), np.float32)
    depth, tom = slanted.copy(), NONE.copy()
    depth[40:50, 50:60], tom[60:80, 60:80] = np.nan, True
    answer = merged(
        DepthMeasurement(depth, np.ones(SHAPE, np.float32)), np.full(SHAPE, np.nan, np.float32), TARGET, tom
    )
    assert (np.isnan(answer.depth) == tom).all()
    hole = np.s_[40:50, 50:60]
    np.testing.assert_allclose(answer.depth[hole], slanted[hole], rtol=0.01)
    assert (answer.provenance[hole] == Provenance.CONTINUED).all()


def test_without_a_shape_nothing_fills_what_planes_do_not_foretell() -> None:
    depth = np.random.default_rng(0).uniform(0.3, 3, SHAPE).astype(np.float32)
    depth[40:50, 50:60] = np.nan
    answer = merged(
        DepthMeasurement(depth, np.ones(SHAPE, np.float32)), np.full(SHAPE, np.nan, np.float32), TARGET, NONE
    )
    assert np.isnan(answer.depth[40:50, 50:60]).all()


def test_a_shape_on_a_wrong_support_fills_no_holes_of_what_is_measured() -> None:
    """It floats a metre before everything that is measured of its target."""
    slanted = np.asarray(1 / (0.6 - 0.002 * np.arange(160)) * np.ones(SHAPE), np.float32)
    depth = slanted.copy()
    depth[50:70, 60:80] = np.nan
    mono = np.where(TARGET > 0, np.float32(0.5), np.float32(np.nan))
    answer = merged(DepthMeasurement(depth, np.ones(SHAPE, np.float32)), mono, TARGET, NONE)
    np.testing.assert_allclose(answer.depth, slanted, rtol=0.01)


@pytest.mark.parametrize("noise", [0.002, 0.01])
def test_intervals_of_filled_holes_are_as_wide_as_what_is_withheld_is_off(noise: float) -> None:
    """The shape states 20 cm, whatever it sees; measured pixels say what its errors are."""
    rng = np.random.default_rng(1)
    truth = np.where(TARGET > 0, 1 + noise * rng.normal(size=SHAPE), np.nan).astype(np.float32)
    depth, holes = truth.copy(), (rng.random(SHAPE) < 0.3) & (TARGET > 0)
    depth[holes] = np.nan
    mono, unsure = (np.where(TARGET > 0, np.float32(value), np.float32(np.nan)) for value in (1, 0.2))
    measurement = DepthMeasurement(depth, np.isfinite(depth).astype(np.float32))
    answer = merge(CAMERA, measurement, mono, targets_in(TARGET), NONE, MergeParameters(), unsure)
    assert answer.uncertainty is not None
    assert np.isfinite(answer.uncertainty[holes]).all() and np.isnan(answer.uncertainty[~holes]).all()
    held = np.abs(answer.depth - truth)[holes] <= answer.uncertainty[holes]
    assert 0.8 < held.mean() < 0.99
    assert 1 < np.median(answer.uncertainty[holes]) / noise < 4
    sure = 0.5 * np.exp(-answer.uncertainty[holes] / (0.05 * answer.depth[holes]))
    np.testing.assert_allclose(answer.confidence[holes], sure, rtol=1e-4)


def test_agreement_makes_confidence() -> None:
    depth = np.full(SHAPE, 1.0, np.float32)
    depth[40:50, 50:60] = np.nan
    measurement = DepthMeasurement(depth, np.isfinite(depth).astype(np.float32))
    close, off = (
        merged(measurement, np.where(TARGET > 0, np.float32(m), np.float32(np.nan)), TARGET, NONE).confidence[45, 55]
        for m in (1.0, 1.1)
    )
    assert close == pytest.approx(0.5)
    assert off < 0.1


@pytest.mark.parametrize("depth", [0.0, -1.0, np.nan])
def test_no_depth_in_is_no_depth_out(depth: float) -> None:
    answer = merged(
        DepthMeasurement(np.full(SHAPE, depth, np.float32), np.ones(SHAPE, np.float32)),
        np.full(SHAPE, np.nan, np.float32), np.zeros(SHAPE, np.uint16), NONE,
    )  # fmt: skip
    assert np.isnan(answer.depth).all()
    assert not answer.confidence.any() and not answer.provenance.any()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 10))
def test_surfaces_on_no_target_are_merged_and_the_worlds_scale_does_not_matter(seed: int, scale: float) -> None:
    measurement, mono, labels, _ = scene(seed)
    rng = np.random.default_rng(seed)
    tom = np.kron(rng.random((6, 8)) < 0.4, np.ones((20, 20))).astype(bool)
    mono[tom & (labels == 0)] = rng.uniform(0.5, 1.5)
    surfaces = surfaces_in(tom, labels, 4)

    def answer(by: float) -> Merged:
        camera = replace(CAMERA, baseline=CAMERA.baseline * by)
        larger = DepthMeasurement(measurement.depth * np.float32(by), measurement.confidence)
        areas = [*targets_in(labels), *surfaces]
        return merge(camera, larger, mono * np.float32(by), areas, tom, MergeParameters())

    once = answer(1.0)
    np.testing.assert_allclose(answer(scale).depth, once.depth * np.float32(scale), rtol=5e-3)
    for surface in surfaces:
        np.testing.assert_allclose(once.depth[surface.box][surface.mask], mono[surface.box][surface.mask], rtol=1e-5)
        assert (once.provenance[surface.box][surface.mask] == Provenance.MONO).all()
    kept = np.isfinite(measurement.depth) & ~tom
    np.testing.assert_array_equal(once.depth[kept], measurement.depth[kept])


def with_interval(depth: np.ndarray, unsure: np.ndarray | None) -> Merged:
    measurement = DepthMeasurement(depth, np.isfinite(depth).astype(np.float32))
    mono = np.where(TARGET > 0, np.float32(1), np.float32(np.nan))
    return merge(CAMERA, measurement, mono, targets_in(TARGET), NONE, MergeParameters(), unsure)


def test_a_hole_of_which_hardly_anything_is_foretold_keeps_the_shapes_interval() -> None:
    truth = np.where(TARGET > 0, 1 + 0.01 * np.random.default_rng(2).normal(size=SHAPE), np.nan).astype(np.float32)
    for height, width, narrower in ((5, 4, False), (24, 24, True)):
        depth = truth.copy()
        hole = np.s_[40 : 40 + height, 60 : 60 + width]
        depth[hole] = np.nan
        answer = with_interval(depth, np.where(TARGET > 0, np.float32(0.2), np.float32(np.nan)))
        assert answer.uncertainty is not None
        assert (answer.uncertainty[hole] < 0.15).all() == narrower
        assert (answer.uncertainty[hole] > 0).all()


def test_a_flat_wall_foretold_without_error_states_an_interval() -> None:
    depth = np.full(SHAPE, 1, np.float32)
    depth[40:60, 60:80] = np.nan
    answer = with_interval(depth, np.where(TARGET > 0, np.float32(0.05), np.float32(np.nan)))
    assert answer.uncertainty is not None and (answer.uncertainty[40:60, 60:80] > 0).all()


def test_an_empty_interval_is_none() -> None:
    """Of a graph without one a node sends NaN; the answer is that of the pipeline, which has no array."""
    depth = np.asarray(1 / (0.6 - 0.002 * np.arange(160)) * np.ones(SHAPE), np.float32)
    depth[50:70, 60:80] = np.nan
    nothing, empty = with_interval(depth, None), with_interval(depth, np.full(SHAPE, np.nan, np.float32))
    np.testing.assert_array_equal(nothing.confidence, empty.confidence)
    assert empty.uncertainty is not None and np.isnan(empty.uncertainty).all()
