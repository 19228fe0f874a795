"""Things found by the network: its inputs, the planes it is offered, labels from its answer, a made scene."""

from __future__ import annotations

import numpy as np
import pytest
from standing import CAMERA, StandingBlock, measured

from depth_prompt_ros.errors import BadModel, NoTarget
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import RuntimeParameters, SegmentationParameters
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.stages.segmentation import make_segmenter
from depth_prompt_ros.stages.things.finder import ThingsFinder
from depth_prompt_ros.stages.things.inputs import CHANNELS, channels, find_planes, shrink
from depth_prompt_ros.stages.things.instances import instances
from depth_prompt_ros.stages.things.level_planes import level_planes

H, W = 96, 128


def votes(*boxes: tuple[int, int, int, int]):
    """The network's answer for things that fill these boxes of x0, y0, x1, y1, later ones in front."""
    thing, offsets, labels = np.zeros((H, W), np.float32), np.zeros((2, H, W), np.float32), np.zeros((H, W), int)
    for number, (x0, y0, x1, y1) in enumerate(boxes, start=1):
        labels[y0:y1, x0:x1] = number
    for number in range(1, len(boxes) + 1):
        y, x = np.nonzero(labels == number)
        thing[y, x] = 0.9
        offsets[0][y, x], offsets[1][y, x] = (x.mean() - x) / W, (y.mean() - y) / W
    outline = np.zeros((H, W), np.float32)
    outline[:-1][np.diff(labels, axis=0) != 0] = 1
    outline[:, :-1][np.diff(labels, axis=1) != 0] = 1
    return thing, offsets, outline, labels


def test_touching_things_come_apart() -> None:
    thing, offsets, outline, labels = votes((20, 20, 50, 60), (50, 25, 80, 60), (90, 40, 110, 80))
    found = instances(thing, offsets, outline, 20)
    assert found.max() == 3
    for number in (1, 2, 3):
        inside = found[labels == number]
        assert np.bincount(inside).max() > 0.9 * len(inside)
    assert not found[labels == 0].any()


def test_one_thing_with_uncertain_offsets_stays_one() -> None:
    thing, offsets, outline, labels = votes((20, 20, 100, 80))
    rng = np.random.default_rng(0)
    offsets += rng.normal(0, 0.004, offsets.shape).astype(np.float32)
    found = instances(thing, offsets, outline, 20)
    assert np.unique(found[labels > 0]).tolist() == [1]


def test_what_is_small_or_improbable_is_no_thing() -> None:
    thing, offsets, outline, _ = votes((20, 20, 24, 24))
    assert not instances(thing, offsets, outline, 20).any()
    thing, offsets, outline, _ = votes((20, 20, 60, 60))
    assert not instances(0.4 * thing, offsets, outline, 20).any()


def test_holes_are_told_from_what_is_far() -> None:
    depth = np.full((2 * H, 2 * W), 0.8, np.float32)
    depth[:40] = np.nan
    inverse, share = shrink(depth, (H, W))
    np.testing.assert_array_equal(inverse[:20], 0)
    np.testing.assert_allclose(inverse[20:], 1.25)
    assert share[:20].max() == 0
    seen = channels(np.zeros((H, W, 3), np.uint8), inverse, CAMERA.scaled(W, H), [])
    assert seen.shape == (CHANNELS, H, W)
    np.testing.assert_array_equal(seen[3], inverse == 0)
    np.testing.assert_array_equal(seen[5:9], 0)


def test_the_table_and_not_the_floor_below_it_is_offered_second() -> None:
    """A floor takes most of the picture; the table top above it is the second plane."""
    rng = np.random.default_rng(2)
    rays = np.stack([rng.uniform(-0.5, 0.5, 3000), rng.uniform(-0.2, 0.6, 3000), np.ones(3000)], 1)
    up = np.array([0, 0.6, 0.8])
    table = (np.abs(rays[:, 0]) < 0.2) & (rays[:, 1] > 0.1) & (rays[:, 1] < 0.4)
    inverse = np.where(table, rays @ up / 0.8, rays @ up / 1.6).astype(np.float32)
    floor, top = level_planes(rays.astype(np.float32), inverse, 0)
    np.testing.assert_allclose(floor, up / 1.6, atol=0.02)
    np.testing.assert_allclose(top, up / 0.8, atol=0.02)
    assert level_planes(rays.astype(np.float32), rng.uniform(0.3, 3, 3000).astype(np.float32), 0) == []


def test_nearness_is_zero_on_the_plane_and_positive_before_it() -> None:
    scene = StandingBlock(width=0.2)
    inverse, _ = shrink(scene.depth, (H, W))
    camera = CAMERA.scaled(W, H)
    planes = find_planes(camera, inverse, 0)
    assert len(planes) == 2
    seen = channels(np.zeros((H, W, 3), np.uint8), inverse, camera, planes)
    inside, _ = shrink(np.where(scene.mask, np.float32(1), np.float32(np.nan)), (H, W))
    middle = np.median(seen[6][inside > 0])
    assert middle == 1
    assert np.abs(np.median(seen[6][inside == 0])) < 0.1


def test_the_shipped_network_finds_a_block_on_a_table_with_the_same_answer_twice() -> None:
    scene = StandingBlock(width=0.15, height=0.14)
    rng = np.random.default_rng(1)
    picture = np.where(scene.mask[..., None], (150, 60, 40), (120, 110, 100)) + rng.normal(0, 6, (*scene.mask.shape, 3))
    frame = Frame(5, "camera", picture.clip(0, 255).astype(np.uint8), CAMERA, depth=scene.depth)
    finder = ThingsFinder(RuntimeParameters()).opened()
    found = finder(frame, measured(scene.depth))
    inside = np.bincount(found.labels[scene.mask])
    inside[0] = 0
    assert inside.max() > 0.8 * scene.mask.sum()
    assert not found.tom.any()
    again = ThingsFinder(RuntimeParameters()).opened()(frame, measured(scene.depth))
    np.testing.assert_array_equal(again.labels, found.labels)


def test_nothing_on_the_table_is_no_target() -> None:
    scene = StandingBlock()
    frame = Frame(5, "camera", np.full((*scene.mask.shape, 3), 120, np.uint8), CAMERA, depth=scene.background)
    segment = make_segmenter(SegmentationParameters(method="things"))
    with pytest.raises(NoTarget, match="no thing on a table"):
        segment(frame, measured(scene.background))


def test_a_graph_of_something_else_is_refused() -> None:
    with pytest.raises(BadModel, match="object_depth"):
        ThingsFinder(RuntimeParameters(), resource_path("models/object_depth.onnx")).opened()
