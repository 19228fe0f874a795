"""Which measured pixels are believed: on made scenes of a block on a table, and for every measurement there may be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing import CAMERA, StandingBlock, measured

from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import TomParameters
from depth_prompt_ros.stages.belief import Belief, Masks, Reason, believe

SCENE = StandingBlock(wall=2.0, tilt=0.3)
TALL = StandingBlock(wall=2.0, tilt=0.3, above=0.3, height=0.3)  # half of it before the wall
SHAPE = SCENE.mask.shape
PAIR = replace(CAMERA, baseline=0.06)
NONE = np.zeros(SHAPE, np.bool_)
IMAGE = np.zeros((*SHAPE, 3), np.uint8)


def decide(depth, mask=SCENE.mask, tom=NONE, told=False, judged=False, pair=False, **parameters) -> Belief:
    labels = np.where(mask, 1, 0).astype(np.uint16)
    frame = Frame(1, "camera", IMAGE, PAIR if pair else CAMERA, depth=depth)
    return believe(frame, measured(depth), labels, tom, Masks(told, judged), TomParameters(**parameters))


def test_what_nobody_doubts_is_believed_and_holes_are_holes() -> None:
    depth = SCENE.depth.copy()
    depth[SCENE.mask & (np.arange(SHAPE[1]) % 4 == 0)] = np.nan
    found = decide(depth)
    np.testing.assert_array_equal(found.reasons == Reason.BELIEVED, np.isfinite(depth))
    np.testing.assert_array_equal(found.reasons == Reason.HOLE, np.isnan(depth))
    assert not found.disbelieved.any()


def test_a_mask_from_outside_is_believed_whatever_is_measured() -> None:
    found = decide(SCENE.depth, tom=SCENE.mask, told=True)
    np.testing.assert_array_equal(found.reasons == Reason.TOLD, SCENE.mask)
    np.testing.assert_array_equal(found.tom, SCENE.mask)


def test_a_network_that_takes_a_measured_surface_for_glass_is_overruled() -> None:
    found = decide(SCENE.depth, tom=SCENE.mask)
    assert not found.tom.any()
    assert (found.reasons == Reason.BELIEVED).all()
    assert decide(SCENE.depth, tom=SCENE.mask, evidence=False).tom.sum() == SCENE.mask.sum()


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_glass_through_which_the_table_is_matched_is_not_believed(share) -> None:
    through = np.where(SCENE.mask, SCENE.background, SCENE.depth)
    some = SCENE.mask & (np.random.default_rng(1).random(SHAPE) < share)
    depth = np.where(some, SCENE.depth, through)
    found = decide(depth, tom=SCENE.mask, pair=True)
    np.testing.assert_array_equal(found.reasons == Reason.SEEN_THROUGH, SCENE.mask)


@pytest.mark.parametrize(
    "scene",
    [
        StandingBlock(near=0.25, above=0.6, tilt=0.8, width=0.05),  # the lower border hides its foot
        StandingBlock(tilt=0.6, sideways=0.33),  # the right border cuts it
    ],
)
def test_where_contact_or_width_is_not_seen_glass_needs_the_support_to_go_on_through_it(scene) -> None:
    """What is measured elsewhere may be the thing itself, behind where it seems to stand: only its holes are glass."""
    assert scene.mask[-1].any() or scene.mask[:, -1].any()
    empty = scene.mask & (np.arange(SHAPE[0])[:, None] % 4 == 0)
    for inside, glass in ((scene.background, scene.mask), (1.3 * scene.background, empty)):
        depth = np.where(empty, np.float32(np.nan), np.where(scene.mask, inside, scene.depth))
        found = decide(depth, mask=scene.mask, tom=scene.mask, judged=True)
        np.testing.assert_array_equal(found.tom, glass)
        np.testing.assert_array_equal(found.reasons == Reason.SEEN_THROUGH, glass & ~empty)


def test_an_empty_target_with_the_table_seen_through_it_is_glass_without_a_mask() -> None:
    depth = np.where(SCENE.mask, SCENE.background, SCENE.depth)
    depth[SCENE.mask & (np.arange(SHAPE[0])[:, None] % 2 == 0)] = np.nan
    np.testing.assert_array_equal(decide(depth).tom, SCENE.mask)
    assert not decide(depth, evidence=False).tom.any()
    assert not decide(depth, judged=True).tom.any()


def test_a_flat_thing_measured_on_the_table_is_a_thing_and_stays_as_measured() -> None:
    flat = StandingBlock(height=0.004, thickness=0.15, width=0.2)
    found = decide(flat.depth, mask=flat.mask)
    assert not found.disbelieved.any()
    assert (found.labels > 0).sum() == flat.mask.sum()


@pytest.mark.parametrize(("holes", "pair", "glass"), [(0.05, False, False), (0.05, True, True), (0.2, False, True)])
def test_a_flat_thing_that_a_network_takes_for_glass_is_a_thing_where_a_depth_camera_measures_it(holes, pair, glass):
    flat = StandingBlock(height=0.004, thickness=0.15, width=0.2)
    lost = flat.mask & (np.random.default_rng(0).random(SHAPE) < holes)
    depth = np.where(lost, np.float32(np.nan), flat.depth)
    found = decide(depth, mask=flat.mask, tom=flat.mask, judged=True, pair=pair)
    assert found.tom.any() == glass


def test_a_mask_that_ran_into_the_background_is_cut_and_nothing_of_it_moves() -> None:
    columns = np.flatnonzero(SCENE.mask.any(0))
    top = np.flatnonzero(SCENE.mask.any(1))[0]
    wide = SCENE.mask.copy()
    wide[max(top - 70, 0) : top, columns[0] : columns[-1]] = True
    found = decide(SCENE.depth, mask=wide)
    far = wide & (SCENE.depth > 1.9)
    assert far.sum() > 200
    assert not found.labels[far].any()
    assert (found.reasons[far] == Reason.BELIEVED).all()
    assert (found.labels[SCENE.mask] == 1).all()


def wider(mask, pixels):
    """The mask with what lies above and beside it within so many pixels."""
    grown = mask.copy()
    for step in range(-pixels, pixels + 1):
        grown |= np.roll(mask, step, 1)
    for step in range(1, pixels + 1):
        grown |= np.roll(grown, -step, 0)
    return grown


def test_a_mask_two_pixels_too_large_moves_nothing_of_the_wall() -> None:
    wide = wider(TALL.mask, 2)
    wall = wide & (TALL.depth > 1.9)
    assert wall.sum() > 50
    found = decide(TALL.depth, mask=wide)
    assert not found.disbelieved.any()
    assert not found.labels[wall].any()


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("coloured", [False, True])
def test_a_rim_with_the_depth_of_the_wall_is_refuted_by_its_colour_in_stereo_alone(coloured, pair) -> None:
    columns = np.flatnonzero(TALL.mask.any(0))
    rim = TALL.mask & (TALL.background > 1.8) & (np.arange(SHAPE[1]) < columns[0] + 3)
    depth = np.where(rim, TALL.background, TALL.depth)
    image = np.where((TALL.mask & (coloured | ~rim))[..., None], [200, 40, 40], [60, 90, 160]).astype(np.uint8)
    frame = Frame(1, "camera", image, PAIR if pair else CAMERA, depth=depth)
    found = believe(frame, measured(depth), TALL.mask.astype(np.uint16), NONE, Masks(), TomParameters())
    assert rim.sum() > 50
    np.testing.assert_array_equal(found.reasons == Reason.REFUTED, rim & coloured & pair)
    assert found.labels[rim].all() == (coloured and pair)


def test_the_wall_through_a_gap_of_the_target_is_cut_off_and_stays() -> None:
    depth = TALL.depth.copy()
    rows, columns = 30, int(np.median(np.nonzero(TALL.mask)[1]))
    gap = np.s_[rows - 3 : rows + 4, columns - 3 : columns + 4]
    depth[gap] = TALL.background[gap]
    assert depth[gap].min() > 1.9
    found = decide(depth, mask=TALL.mask)
    assert not found.disbelieved.any()
    assert not found.labels[gap].any()
    assert (found.labels > 0).sum() == TALL.mask.sum() - 49


def test_a_claim_that_ran_onto_the_wall_does_not_make_the_thing_in_it_glass() -> None:
    wide = TALL.mask.copy()
    wide[:35, 45:115] = True
    assert (wide & ~TALL.mask).sum() > 0.4 * wide.sum()
    found = decide(TALL.depth, mask=wide, tom=wide)
    assert not found.disbelieved.any()
    assert found.labels[TALL.mask].all()


def test_mismatches_far_inside_a_target_are_refuted() -> None:
    depth = SCENE.depth.copy()
    rows, columns = (int(np.median(index)) for index in np.nonzero(SCENE.mask))
    depth[rows - 3 : rows + 4, columns - 3 : columns + 4] = 5.0
    found = decide(depth)
    np.testing.assert_array_equal(found.reasons == Reason.REFUTED, depth == 5.0)
    assert found.counts(found.targets[0])["refuted"] == 49
    assert found.disbelieved.sum() == 49


@pytest.mark.parametrize(("distance", "mirror"), [(0.9, False), (1.05, False), (2.5, True)])
def test_a_network_that_sees_a_mirror_on_no_target_needs_depth_behind_it(distance, mirror) -> None:
    depth = np.ones(SHAPE, np.float32)
    patch = NONE.copy()
    patch[30:60, 40:90] = True
    depth[patch] = distance
    found = decide(depth, mask=NONE, tom=patch)
    assert (found.tom.sum() > 0) == mirror
    assert decide(np.where(patch, np.float32(np.nan), depth), mask=NONE, tom=patch).tom.sum() == patch.sum()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.booleans())
def test_without_a_claim_only_what_is_out_of_reach_or_looks_through_is_disbelieved(seed, holes, noisy) -> None:
    rng = np.random.default_rng(seed)
    depth = SCENE.depth * (1 + (0.01 * rng.standard_normal(SHAPE) if noisy else 0))
    depth = np.where(rng.random(SHAPE) < holes * SCENE.mask, np.nan, depth).astype(np.float32)
    found = decide(depth)
    near = np.isfinite(depth) & ~SCENE.mask
    assert (found.reasons[near] == Reason.BELIEVED).all()
    assert ((found.reasons == Reason.HOLE) == ~np.isfinite(depth)).all()
    standing = np.isfinite(depth) & SCENE.mask
    assert (found.reasons[standing] == Reason.BELIEVED).all() or found.tom.any()
