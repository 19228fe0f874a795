from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing import CAMERA, StandingBlock

from depth_prompt_ros.stages.anchor.parts import standing_apart, visible_inverse_depth
from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.anchor.upright import (
    block_inverse_depth,
    cast_silhouette,
    raised_plane,
    seen_from_above,
    top_plane,
    upright_plane,
    width_along,
)


def test_upright_plane_is_the_blocks_front() -> None:
    scene = StandingBlock()
    silhouette = cast_silhouette(CAMERA, Plane(scene.up, scene.above), scene.mask)
    assert silhouette is not None
    front = upright_plane(silhouette)
    assert front.normal @ scene.up == pytest.approx(0, abs=1e-9)
    assert -front.normal @ scene.forward > 0.999
    assert front.offset == pytest.approx(0.55, rel=0.015)  # within 1.5 pixels
    assert width_along(silhouette, front) == pytest.approx(0.12, rel=0.1)


@settings(max_examples=20, deadline=None)
@given(zoom=st.floats(0.05, 50))
def test_everything_scales_with_the_scene(zoom: float) -> None:
    small, large = StandingBlock(), StandingBlock(zoom=zoom)
    assert (small.mask == large.mask).all()
    inverse = []
    for scene in (small, large):
        support = Plane(scene.up, scene.above)
        silhouette = cast_silhouette(CAMERA, support, scene.mask)
        assert silhouette is not None
        inverse.append(block_inverse_depth(CAMERA, silhouette, upright_plane(silhouette))[scene.mask])
    assert np.allclose(inverse[0], inverse[1] * zoom, rtol=1e-4)


def test_an_overhang_does_not_push_the_contact_back() -> None:
    scene = StandingBlock(width=0.06)
    rows, columns = np.nonzero(scene.mask)
    mushroom = scene.mask.copy()
    mushroom[rows.min() : rows.min() + 15, columns.min() - 10 : columns.max() + 11] = True
    silhouette = cast_silhouette(CAMERA, Plane(scene.up, scene.above), mushroom)
    assert silhouette is not None
    assert upright_plane(silhouette).offset == pytest.approx(0.55, rel=0.02)


def test_a_flat_block_gets_a_top() -> None:
    """Twice as deep as assumed at most: the block's surface is nearer to the truth than its front alone."""
    scene = StandingBlock(tilt=0.9, near=0.35, width=0.3, height=0.07, thickness=0.07)
    support = Plane(scene.up, scene.above)
    silhouette = cast_silhouette(CAMERA, support, scene.mask)
    assert silhouette is not None
    front = upright_plane(silhouette)
    top = top_plane(silhouette, front)
    assert top is not None
    assert 0.05 < scene.above - top.offset < 0.11
    truth = scene.depth[scene.mask]
    with_top = np.abs(1 / block_inverse_depth(CAMERA, silhouette, front)[scene.mask] - truth).mean()
    alone = np.abs(1 / front.inverse_depth(CAMERA)[scene.mask] - truth).mean()
    assert with_top < 0.8 * alone


def test_a_foot_outside_the_picture_is_no_contact() -> None:
    scene = StandingBlock(near=0.25)
    assert scene.mask[-1].any()
    assert cast_silhouette(CAMERA, Plane(scene.up, scene.above), scene.mask) is None


def test_a_foot_behind_another_target_is_no_contact() -> None:
    scene = StandingBlock()
    support, foot = Plane(scene.up, scene.above), np.nonzero(scene.mask)[0].max()
    other = np.zeros_like(scene.mask)
    other[foot + 1 : foot + 10] = True
    assert cast_silhouette(CAMERA, support, scene.mask, scene.mask | other) is None
    assert cast_silhouette(CAMERA, support, scene.mask, scene.mask) is not None
    before = np.where(other, 0.5 * scene.depth, scene.depth)
    assert cast_silhouette(CAMERA, support, scene.mask, scene.mask | other, before) is None
    assert cast_silhouette(CAMERA, support, scene.mask, scene.mask | other, scene.background) is not None


def test_from_straight_above_there_is_no_contact() -> None:
    mask = np.zeros((120, 160), bool)
    mask[40:80, 60:100] = True
    assert cast_silhouette(CAMERA, Plane(np.array([0.0, 0.0, -1.0]), 0.6), mask) is None


def block_errors(scene: StandingBlock, mask: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Metres that the surface of a mask alone is too far, in each of its pixels; its own depth is hidden."""
    hidden = np.where(mask, np.float32(np.nan), depth)
    silhouette = cast_silhouette(CAMERA, Plane(scene.up, scene.above), mask, mask, hidden)
    assert silhouette is not None
    inverse = visible_inverse_depth(CAMERA, silhouette, upright_plane(silhouette))
    return np.asarray(1 / inverse[mask] - depth[mask])


@pytest.mark.parametrize("near", [0.66, 0.68])
def test_what_hides_the_foot_of_a_thing_named_alone_is_not_its_support(near: float) -> None:
    scene = StandingBlock(near=near, width=0.1, height=0.2, thickness=0.03)
    before = StandingBlock(near=0.58, width=0.3, height=0.08, thickness=0.02)
    depth = np.fmin(scene.depth, before.depth)
    mask = scene.mask & (scene.depth <= before.depth)
    assert 0.3 < mask.sum() / scene.mask.sum() < 0.9
    assert np.abs(np.median(block_errors(scene, mask, depth))) < 0.04
    shadow = cast_silhouette(CAMERA, Plane(scene.up, scene.above), mask)
    assert shadow is not None and shadow.on_support
    assert upright_plane(shadow).offset > 0.7  # without depth the occluder's top is taken for the table


def test_a_head_that_hangs_over_is_no_contact_where_the_foot_is_hidden() -> None:
    """A drill behind a low box: beside the box only its head shows, below which the table is seen far behind it."""
    foot = StandingBlock(near=0.66, width=0.06, height=0.2, thickness=0.02)
    head = StandingBlock(above=0.36, near=0.66, width=0.13, height=0.06, thickness=0.02)
    before = StandingBlock(near=0.6, width=0.07, height=0.05, thickness=0.04)
    target = foot.mask | head.mask
    own = np.where(head.mask, head.depth, foot.depth)
    depth = np.fmin(own, before.depth)
    mask = target & (own <= before.depth)
    hidden = np.where(mask, np.float32(np.nan), depth)
    silhouette = cast_silhouette(CAMERA, Plane(foot.up, foot.above), mask, mask, hidden)
    assert silhouette is not None
    assert np.abs(np.median(block_errors(foot, mask, depth))) < 0.05


def test_a_thing_on_another_stands_on_its_top() -> None:
    below = StandingBlock(near=0.5, width=0.24, height=0.1, thickness=0.2)
    scene = StandingBlock(above=0.4, near=0.56, width=0.08, height=0.1, thickness=0.03)
    depth = np.where(scene.mask, scene.depth, below.depth)
    support = Plane(below.up, below.above)
    hidden = np.where(scene.mask, np.float32(np.nan), depth)
    silhouette = cast_silhouette(CAMERA, support, scene.mask, scene.mask, hidden)
    assert silhouette is not None and not silhouette.on_support
    assert silhouette.support.offset == pytest.approx(0.4, abs=0.01)
    assert np.abs(np.median(block_errors(below, scene.mask, depth))) < 0.02


def cup(
    radius: float = 0.06, height: float = 0.07, tilt: float = 0.9, above: float = 0.5, middle: float = 0.45
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mask and the depth of an upright cylinder on a table, and the table's up."""
    up, forward = np.array([0.0, -np.cos(tilt), -np.sin(tilt)]), np.array([0.0, -np.sin(tilt), np.cos(tilt)])
    rays = CAMERA.rays.astype(np.float64)
    steep, ahead, across = -(rays @ up), rays @ forward, rays[..., 0]
    square, half = ahead**2 + across**2, ahead * middle
    root = half**2 - square * (middle**2 - radius**2)
    with np.errstate(invalid="ignore"):
        side = (half - np.sqrt(root)) / square
    tall = above - side * steep
    top = (above - height) / steep
    on_side = (root > 0) & (tall >= 0) & (tall <= height)
    on_top = (top * ahead - middle) ** 2 + (top * across) ** 2 <= radius**2
    return on_side | on_top, np.where(on_side, side, np.where(on_top, top, above / steep)).astype(np.float32), up


def test_a_round_thing_is_as_deep_as_wide_and_a_box_is_not() -> None:
    mask, depth, up = cup()
    silhouette = cast_silhouette(CAMERA, Plane(up, 0.5), mask)
    assert silhouette is not None
    assert silhouette.asymmetry < 0.02 and silhouette.convexity > 0.96
    front = upright_plane(silhouette)
    as_a_box = replace(silhouette, asymmetry=0.2)
    errors = [1 / block_inverse_depth(CAMERA, each, front)[mask] - depth[mask] for each in (silhouette, as_a_box)]
    round_off, box_off = (np.sqrt(np.mean(error**2)) for error in errors)
    assert round_off < 0.025
    assert np.median(errors[1]) < -0.03  # too near
    assert round_off < 0.5 * box_off


def test_lobes_are_of_no_bowl() -> None:
    mask, _, up = cup()
    rows, columns = np.nonzero(mask)
    middle = columns.max() + columns.min() + 1 >> 1
    lobed = mask.copy()
    lobed[: rows.min() + 8, middle - 5 : middle + 6] = False
    silhouette = cast_silhouette(CAMERA, Plane(up, 0.5), lobed)
    assert silhouette is not None and silhouette.convexity < 0.93


def test_two_things_in_one_mask_get_their_own_contacts() -> None:
    near = StandingBlock(near=0.5, width=0.08, height=0.2, thickness=0.03, sideways=-0.04)
    far = StandingBlock(near=0.62, width=0.1, height=0.2, thickness=0.03, sideways=0.05)
    depth, mask = np.fmin(near.depth, far.depth), near.mask | far.mask
    assert cv2.connectedComponents(mask.view(np.uint8))[0] == 2
    errors = block_errors(near, mask, depth)
    assert np.abs(np.median(errors[far.mask[mask]])) < 0.02
    assert np.abs(np.median(errors[near.mask[mask]])) < 0.02


def test_one_thing_is_not_cut() -> None:
    for mask in (StandingBlock().mask, cup()[0], cup(height=0.2)[0]):
        silhouette = cast_silhouette(CAMERA, Plane(cup()[2], 0.5), mask)
        assert silhouette is not None and standing_apart(silhouette) == []


def test_from_above_a_thing_is_raised_from_its_support() -> None:
    mask, depth, up = cup(tilt=1.4, above=0.6, middle=0.1)
    support = Plane(up, 0.6)
    assert seen_from_above(CAMERA, support, mask)
    raised = raised_plane(CAMERA, support, mask)
    height = 0.6 - raised.offset
    assert 0.04 < height < 0.09
    error = np.median(1 / raised.inverse_depth(CAMERA)[mask] - depth[mask])
    flat = np.median(1 / support.inverse_depth(CAMERA)[mask] - depth[mask])
    assert abs(error) < 0.5 * flat


def test_what_is_long_from_above_lies_and_is_higher_for_its_width() -> None:
    support = Plane(np.array([0.0, 0.0, -1.0]), 0.6)
    disc, stick = np.zeros((2, 120, 160), np.uint8)
    cv2.circle(disc, (80, 60), 10, 1, -1)
    cv2.rectangle(stick, (40, 50), (120, 70), 1, -1)
    heights = [0.6 - raised_plane(CAMERA, support, mask.astype(bool)).offset for mask in (disc, stick)]
    width = 21 * 0.6 / 150
    assert heights[0] == pytest.approx(0.5 * width, rel=0.1)
    assert heights[1] == pytest.approx(0.85 * width, rel=0.1)


def test_a_contact_that_shows_at_both_ends_only_is_enough() -> None:
    scene = StandingBlock(width=0.2)
    columns = np.nonzero(scene.mask)[1]
    before = np.zeros_like(scene.mask)
    before[np.nonzero(scene.mask)[0].max() - 2 :, columns.min() + 12 : columns.max() - 11] = True
    mask = scene.mask & ~before
    depth = np.where(before, np.float32(0.4), scene.depth)
    errors = block_errors(scene, mask, depth)
    assert np.isfinite(errors).all()
    assert np.abs(np.median(errors)) < 0.03


def test_a_box_that_is_seen_frontally_is_no_thing_of_revolution() -> None:
    """Its outline is as symmetric as a can's: its straight foot tells it."""
    scene = StandingBlock(width=0.12, height=0.14, thickness=0.03)
    assert np.abs(block_errors(scene, scene.mask, scene.depth)).mean() < 0.01
    mask, _, up = cup(height=0.12)
    silhouette = cast_silhouette(CAMERA, Plane(up, 0.5), mask)
    assert silhouette is not None
    found = [top_plane(each, upright_plane(each)) for each in (silhouette, replace(silhouette, on_support=False))]
    assert found[0] is not None and found[1] is not None
    assert found[0].offset == pytest.approx(found[1].offset, abs=0.01)  # the can's is an arc
