from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing import CAMERA, StandingBlock

from depth_prompt_ros.stages.anchor.support_plane import Plane, fit_support_plane, level_with_each_other
from depth_prompt_ros.stages.boxes import box_of
from depth_prompt_ros.stages.random_planes import relative_inverse


def fit(scene: StandingBlock, depth: np.ndarray, targets: np.ndarray | None = None, seed: int = 0) -> Plane | None:
    return fit_support_plane(CAMERA, depth, scene.mask if targets is None else targets, box_of(scene.mask), seed)


@settings(max_examples=25, deadline=None)
@given(tilt=st.floats(0.3, 1.2), zoom=st.sampled_from([0.1, 1.0, 20.0]), seed=st.integers(0, 2**63 - 1))
def test_the_table_is_found_at_any_tilt_and_distance(tilt: float, zoom: float, seed: int) -> None:
    near = 0.6 / np.tan(tilt) * 0.5 + 0.2
    scene = StandingBlock(tilt=tilt, near=near, height=0.1, zoom=zoom)
    if scene.mask.sum() < 30:
        return
    plane = fit(scene, scene.depth, seed=seed)
    assert plane is not None
    assert plane.normal @ scene.up > 0.9999
    assert plane.offset == pytest.approx(scene.above, rel=1e-3)
    assert plane.inlier_share > 0.8


def test_noise_and_outliers_do_not_move_it() -> None:
    scene = StandingBlock()
    rng = np.random.default_rng(3)
    depth = scene.depth * (1 + 0.003 * rng.standard_normal(scene.depth.shape)).astype(np.float32)
    wrong = rng.random(depth.shape) < 0.3
    depth[wrong] = rng.uniform(0.2, 3, int(wrong.sum()))
    plane = fit(scene, depth)
    assert plane is not None
    assert plane.normal @ scene.up > 0.9995
    assert plane.offset == pytest.approx(0.5, rel=0.01)
    assert 0.5 < plane.inlier_share < 0.85


def test_the_table_wins_over_the_wall_behind() -> None:
    scene = StandingBlock(tilt=0.35, above=0.3, near=0.6, height=0.22, wall=0.75)
    rows = np.nonzero(scene.mask)[0]
    beside = (
        scene.background[rows.min() - 20 : rows.min()] * (CAMERA.rays @ scene.forward)[rows.min() - 20 : rows.min()]
    )
    assert np.allclose(beside, 0.75)  # above the block there is only wall
    plane = fit(scene, scene.depth)
    assert plane is not None
    assert plane.normal @ scene.up > 0.999


def test_what_other_targets_show_is_not_used() -> None:
    scene = StandingBlock(sideways=-0.08)
    other = np.zeros_like(scene.mask)
    other[30:110, 85:125] = True
    depth = np.where(other, np.float32(0.3), scene.depth)
    plane = fit(scene, depth, scene.mask | other)
    assert plane is not None
    assert plane.inlier_share > 0.95


def test_same_seed_same_plane() -> None:
    scene = StandingBlock()
    depth = scene.depth + np.random.default_rng(0).normal(0, 0.004, scene.depth.shape).astype(np.float32)
    first, again = fit(scene, depth, seed=7), fit(scene, depth, seed=7)
    assert first is not None and again is not None
    assert (first.normal == again.normal).all() and first.offset == again.offset


@pytest.mark.parametrize("depth", ["nothing", "clutter"])
def test_no_plane_is_none(depth: str) -> None:
    scene = StandingBlock()
    seen = np.full_like(scene.depth, np.nan)
    if depth == "clutter":
        seen = np.random.default_rng(0).uniform(0.3, 3, seen.shape).astype(np.float32)
    assert fit(scene, seen) is None


def test_height_and_inverse_depth_agree() -> None:
    plane = Plane(np.array([0.0, -0.8, -0.6]), 0.5)
    inverse = plane.inverse_depth(CAMERA)
    hit = inverse > 0
    points = CAMERA.rays[hit] / inverse[hit][:, None]
    assert np.abs(plane.height(points)).max() < 1e-5
    assert plane.height(np.zeros(3)) == 0.5
    assert (inverse[CAMERA.rays @ plane.normal >= 0] == 0).all()


def test_a_wall_without_a_table_is_no_support() -> None:
    """A wall behind a camera that looks down leans towards it at the top; one at the side slants across."""
    scene = StandingBlock(tilt=0.5)
    toward = np.array([0.0, np.sin(0.5), -np.cos(0.5)])
    sideways = np.array([-0.9, 0.0, -np.sqrt(1 - 0.81)])
    for normal in (toward, sideways):
        inverse = Plane(normal, 1.0).inverse_depth(CAMERA)
        wall = np.where(inverse > 0, 1 / np.maximum(inverse, 1e-6), np.nan).astype(np.float32)
        assert np.isfinite(wall).mean() > 0.5
        assert fit(scene, wall) is None


def test_at_the_tables_edge_the_table_wins_over_the_floor() -> None:
    scene = StandingBlock()
    floor = StandingBlock(above=1.1)
    beside = np.arange(CAMERA.width) > 75
    depth = np.where(beside & ~scene.mask, floor.background, scene.depth)
    plane = fit(scene, depth)
    assert plane is not None
    assert plane.offset == pytest.approx(scene.above, rel=0.01)
    assert plane.inlier_share < 0.5


def test_a_step_on_the_table_is_no_table() -> None:
    """A book beside the thing is level and nearer, too, but not by much."""
    scene = StandingBlock()
    book = StandingBlock(near=0.5, width=0.12, height=0.03, thickness=0.3, sideways=0.15)
    depth = np.where(book.mask & ~scene.mask, book.depth, scene.depth)
    plane = fit(scene, depth)
    assert plane is not None
    assert plane.offset == pytest.approx(scene.above, rel=0.01)


@pytest.mark.parametrize(("askew", "kept"), [(10, True), (40, False)])
def test_of_several_supports_one_that_is_askew_to_the_others_is_none(askew: float, kept: bool) -> None:
    def tilted(degrees: float) -> Plane:
        angle = np.radians(45 + degrees)
        return Plane(np.array([0.0, -np.sin(angle), -np.cos(angle)]), 1.0)

    supports = {1: tilted(0), 2: tilted(3), 3: tilted(-2), 4: tilted(askew), 5: None}
    found = level_with_each_other(supports)
    assert [found[label] is not None for label in range(1, 6)] == [True, True, True, kept, False]
    alone = {1: tilted(0), 2: tilted(askew)}
    assert level_with_each_other(alone) == alone


@pytest.mark.parametrize("count", [1, 16, 40, 127])
def test_planes_over_rays_are_the_matrix_product(count: int) -> None:
    rng = np.random.default_rng(count)
    planes, scaled = rng.normal(size=(count, 3)), rng.normal(size=(3, 1000))
    np.testing.assert_allclose(relative_inverse(planes, scaled), planes @ scaled, rtol=1e-9, atol=1e-12)
