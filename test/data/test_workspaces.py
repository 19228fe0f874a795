"""Rendered workspaces: what moves is where it should be, and the truth is the truth."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("open3d")

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.workspaces import RenderedWorkspace
from depth_prompt_ros.data.sets.video import SpanRules, find_spans
from depth_prompt_ros.stages.moving.geometric import warp_depth

SMALL = CameraModel(80, 48, 70.0, 70.0, 39.5, 23.5)


@pytest.mark.parametrize("motion", ["bound", "random", "none"])
def test_clips_move_as_they_say_and_are_what_depth_is_learned_from(motion) -> None:
    clip = list(RenderedWorkspace(3, motion, SMALL, 6))
    spans, left_out = find_spans(clip, SpanRules(parallax=0.5))
    assert [len(span) for span in spans] == [6] and not left_out
    moving = np.stack([frame.moving for frame in clip])
    if motion == "none":
        assert not moving.any()
    elif motion == "bound":
        assert moving[:, :, :28].mean() > 0.1 and not moving[:, :, 32:].any()
    else:
        assert 0.005 < moving.mean() < 0.4
    again = iter(RenderedWorkspace(3, motion, SMALL, 6))
    np.testing.assert_array_equal(next(again).image, clip[0].image)
    np.testing.assert_array_equal(next(again).image, clip[1].image)


def test_poses_explain_the_depth_of_all_but_what_moves() -> None:
    first, second = list(RenderedWorkspace(4, "bound", SMALL, 2))
    warped = warp_depth(first.depth, SMALL, np.linalg.inv(second.pose) @ first.pose)
    off = np.abs(warped / second.depth - 1)
    known = np.isfinite(off)
    still = known & ~second.moving
    assert np.median(off[still]) < 0.01
    assert (off[still] < 0.05).mean() > 0.85
