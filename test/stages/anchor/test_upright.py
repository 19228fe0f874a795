from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing import CAMERA, StandingBlock

from depth_prompt_ros.stages.anchor.support_plane import Plane
from depth_prompt_ros.stages.anchor.upright import (
    block_inverse_depth,
    cast_silhouette,
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
