"""Depth from the silhouette alone against blocks and spheres by formula."""

from __future__ import annotations

import numpy as np
from standing import CAMERA, StandingBlock, measured

from depth_prompt_ros.evaluation.silhouettes import foot_depth, inflated, standing_block


def test_the_foot_is_as_far_as_the_support_where_the_block_stands_on_it() -> None:
    block = StandingBlock()
    answer = foot_depth(CAMERA, block.mask, measured(block.background), 1)
    # The contact lies `near` ahead along the table and `above` below the camera: its z by the camera's tilt.
    contact = block.near * block.forward - block.above * block.up
    np.testing.assert_allclose(answer[block.mask], contact[2], rtol=0.01)
    assert len(np.unique(answer[block.mask])) == 1
    assert np.isnan(answer[~block.mask]).all()


def test_a_block_of_glass_is_found_by_its_contact() -> None:
    block = StandingBlock()
    answer = standing_block(CAMERA, block.mask, block.mask, measured(block.background), 1)
    error = np.abs(answer / block.depth - 1)[block.mask]
    assert np.median(error) < 0.02
    assert np.isnan(answer[~block.mask]).all()


def test_without_a_support_nothing_is_said() -> None:
    block = StandingBlock()
    nothing = measured(np.full_like(block.depth, np.nan))
    assert np.isnan(foot_depth(CAMERA, block.mask, nothing, 1)).all()
    assert np.isnan(standing_block(CAMERA, block.mask, block.mask, nothing, 1)).all()


def test_a_disc_becomes_a_half_sphere() -> None:
    y, x = np.indices((101, 101)) - 50
    away = np.hypot(x, y)
    mask = away <= 40
    answer = inflated(np.full(mask.shape, 2, np.float32), mask, 500.0)
    # A sphere of 40 pixels, 160 mm at 2 m, that touches the plane z = 2 m in the middle.
    sphere = 2 + (40 - np.sqrt(np.maximum(40**2 - away**2, 0))) * 2 / 500
    inner = away <= 36
    np.testing.assert_allclose(answer[inner], sphere[inner], atol=0.008)
    assert answer[50, 50] == 2
    assert answer[50, 10] > 2.12
    assert np.isnan(answer[~mask]).all()
