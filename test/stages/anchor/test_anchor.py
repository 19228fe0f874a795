from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing import CAMERA, StandingBlock, measured

from depth_prompt_ros.parameters import ScaleParameters
from depth_prompt_ros.stages.anchor.beside import inverse_depth_beside
from depth_prompt_ros.stages.anchor.choose import Anchor, choose_anchor
from depth_prompt_ros.stages.anchor.support_plane import Plane, fit_support_plane
from depth_prompt_ros.stages.boxes import box_of

NONE = np.zeros((120, 160), bool)


def choose(scene: StandingBlock, depth: np.ndarray, tom: np.ndarray = NONE) -> Anchor:
    return choose_anchor(CAMERA, scene.mask, tom, measured(depth), support_of(scene, depth), ScaleParameters())


def support_of(scene: StandingBlock, depth: np.ndarray) -> Plane | None:
    return fit_support_plane(CAMERA, depth, scene.mask, box_of(scene.mask), 0)


def test_an_opaque_target_is_anchored_inside_on_its_own_depth() -> None:
    scene = StandingBlock()
    anchor = choose(scene, scene.depth)
    assert anchor.kind == "inside"
    used = anchor.trusted > 0
    assert used.sum() > 0.5 * scene.mask.sum()
    assert not (used & ~scene.mask).any()
    assert np.allclose(1 / anchor.trusted[used], scene.depth[used])


def test_the_table_seen_through_glass_is_not_trusted() -> None:
    scene = StandingBlock()
    anchor = choose(scene, scene.background)
    assert anchor.kind == "support"
    assert "seen through" in anchor.reason
    assert ((anchor.trusted > 0) == scene.mask).all()
    error = np.abs(1 / anchor.trusted[scene.mask] - scene.depth[scene.mask])
    assert np.median(error) < 0.01
    assert np.median(np.abs(scene.background - scene.depth)[scene.mask]) > 0.08


def test_the_wall_seen_through_glass_is_not_trusted() -> None:
    scene = StandingBlock(tilt=0.35, above=0.3, near=0.6, height=0.22, wall=0.75)
    seen = scene.background.copy()
    behind = scene.mask & (seen * (CAMERA.rays @ scene.up) + scene.above > 0.05)
    assert behind.sum() > 60  # the wall stands out of the table, only the upright plane tells it
    assert choose(scene, seen).kind == "support"


def test_known_tom_pixels_are_not_trusted() -> None:
    scene = StandingBlock()
    anchor = choose(scene, scene.depth, tom=scene.mask)
    assert anchor.kind == "support"
    assert anchor.reason.startswith("0 trusted pixels")
    assert not anchor.free_shift


def test_doubtful_pixels_are_not_trusted() -> None:
    scene = StandingBlock()
    doubtful = measured(scene.depth)
    confidence = np.where(scene.mask, np.float32(0.4), doubtful.confidence)
    measurement = type(doubtful)(doubtful.depth, confidence)
    support, trusting = support_of(scene, measurement.depth), ScaleParameters(trust_confidence=0.3)
    assert choose_anchor(CAMERA, scene.mask, NONE, measurement, support, ScaleParameters()).kind == "support"
    assert choose_anchor(CAMERA, scene.mask, NONE, measurement, support, trusting).kind == "inside"


def test_shift_is_free_only_with_relief() -> None:
    scene = StandingBlock(height=0.2)
    assert not choose(scene, scene.depth).free_shift  # nearly all of it is one plane
    y, x = np.nonzero(scene.mask)
    waves = scene.depth.copy()
    waves[y, x] *= 1 + 0.06 * np.sin(x / 3).astype(np.float32)
    anchor = choose(scene, waves)
    assert anchor.kind == "inside" and anchor.free_shift
    assert anchor.reason.startswith("scale and shift")


def test_no_trusted_pixel_and_no_plane_is_refused() -> None:
    scene = StandingBlock()
    anchor = choose(scene, np.full_like(scene.depth, np.nan))
    assert anchor.kind == "refused"
    assert "no plane" in anchor.reason
    assert not anchor.trusted.any()


def test_on_an_uncertain_support_intervals_are_wider() -> None:
    scene = StandingBlock()
    support = support_of(scene, scene.background)
    assert support is not None
    for share, wider in ((1.0, 1.0), (0.25, 2.0)):
        less = replace(support, inlier_share=share)
        anchor = choose_anchor(CAMERA, scene.mask, NONE, measured(scene.background), less, ScaleParameters())
        assert anchor.kind == "support" and anchor.wider == pytest.approx(wider)
    assert choose(scene, scene.depth).wider == 1


def test_with_a_hidden_foot_it_is_as_far_as_what_is_beside_it() -> None:
    scene = StandingBlock(near=0.25, above=0.6, tilt=0.8, width=0.05)
    assert scene.mask[-1].any()
    anchor = choose(scene, scene.background, tom=scene.mask)
    assert anchor.kind == "surroundings"
    assert "contact" in anchor.reason and "beside it" in anchor.reason
    inverse = inverse_depth_beside(scene.mask, scene.mask, scene.background)
    np.testing.assert_array_equal(anchor.trusted, np.where(scene.mask, np.float32(inverse), 0))
    true = 1 / scene.depth[scene.mask]
    assert abs(inverse / np.median(true) - 1) < 0.35


def test_with_a_hidden_foot_and_nothing_beside_it_is_refused() -> None:
    scene = StandingBlock(near=0.25, above=0.6, tilt=0.8, width=0.05)
    far = cv2.dilate(scene.mask.view(np.uint8), np.ones((21, 21))) == 0
    anchor = choose(scene, np.where(far, scene.background, np.float32(np.nan)), tom=scene.mask)
    assert anchor.kind == "refused"
    assert "contact" in anchor.reason


def test_with_a_hidden_foot_it_is_not_told_by_its_neighbours_what_its_pixels_say() -> None:
    scene = StandingBlock(near=0.25, above=0.6, tilt=0.8, width=0.05)
    depth = scene.background.copy()
    few = scene.mask & (np.arange(depth.size).reshape(depth.shape) % 7 == 0)
    depth[scene.mask] = np.nan
    depth[few] = scene.depth[few]
    assert choose(scene, depth).kind == "refused"


def test_beside_a_target_the_nearer_quarter_counts_beyond_its_rim() -> None:
    mask = np.zeros((400, 500), np.bool_)
    mask[40:80, 200:300] = True
    depth = np.full(mask.shape, 2.0, np.float32)
    depth[:, :250] = 1.0  # half of what is beside it
    depth[37:83, 197:303] = 0.1  # what a sensor smears
    assert inverse_depth_beside(mask, ~mask & False, depth) == pytest.approx(1.0)
    assert inverse_depth_beside(mask, depth < 1.5, depth) == pytest.approx(0.5)
    assert inverse_depth_beside(mask, np.ones_like(mask), depth) is None
    mask[30:130, 180:320] = True  # large
    assert inverse_depth_beside(mask, ~mask & False, depth) is None


def test_an_empty_mask_is_refused() -> None:
    scene = StandingBlock()
    anchor = choose_anchor(CAMERA, NONE, NONE, measured(scene.depth), None, ScaleParameters())
    assert anchor.kind == "refused"
    assert "empty" in anchor.reason


@settings(max_examples=15, deadline=None)
@given(zoom=st.floats(0.1, 20), glass=st.booleans())
def test_the_anchor_scales_with_the_scene(zoom: float, glass: bool) -> None:
    small, large = StandingBlock(), StandingBlock(zoom=zoom)
    one, other = (choose(s, s.background if glass else s.depth) for s in (small, large))
    assert one.kind == other.kind == ("support" if glass else "inside")
    assert one.trusted.sum() == pytest.approx(float(other.trusted.sum()) * zoom, rel=0.01)


def test_seen_from_above_without_measured_pixels_a_thing_is_not_laid_flat_on_its_support() -> None:
    scene = StandingBlock(tilt=1.35, above=0.6, near=0.1, width=0.1, height=0.07, thickness=0.1)
    anchor = choose(scene, np.where(scene.mask, np.float32(np.nan), scene.depth))
    assert anchor.kind == "support"
    assert "seen from above" in anchor.reason
    off = np.abs(1 / anchor.trusted[scene.mask] - scene.depth[scene.mask])
    flat = np.abs(scene.background - scene.depth)[scene.mask]
    assert np.median(off) < 0.5 * np.median(flat)


def test_an_occluder_that_is_no_target_is_named_in_the_reason() -> None:
    scene = StandingBlock(near=0.66, width=0.1, height=0.2, thickness=0.03)
    before = StandingBlock(near=0.58, width=0.3, height=0.08, thickness=0.02)
    mask = scene.mask & (scene.depth <= before.depth)
    depth = np.where(mask, np.float32(np.nan), np.fmin(scene.depth, before.depth))
    anchor = choose_anchor(
        CAMERA, mask, NONE, measured(depth), fit_support_plane(CAMERA, depth, mask, box_of(mask), 0), ScaleParameters()
    )
    assert anchor.kind == "support"
    assert "measured along its lower edge" in anchor.reason
    assert np.abs(np.median(1 / anchor.trusted[mask] - scene.depth[mask])) < 0.04
