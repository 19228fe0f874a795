"""Tidy tables: things stand apart, on the table and within it, and a share is glass; stacked ones have more on them."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from depth_prompt_ros.data.rendering.props import Props
from depth_prompt_ros.data.rendering.stacked import stacked_things
from depth_prompt_ros.data.rendering.tables import Arrangement, TableClass, table_view
from depth_prompt_ros.data.rendering.tidy import tidy_things
from depth_prompt_ros.data.rendering.tracer import Surface

HALF = np.array([0.5, 0.4], np.float32)


def drawn(count: int, share: float) -> list:
    return [tidy_things(np.random.default_rng([3, index]), Props(), share, HALF) for index in range(count)]


def test_things_stand_apart_on_the_table() -> None:
    tables = drawn(40, 0.5)
    assert {len(things) for things in tables} >= {1, 2, 3, 4, 5}
    for things in tables:
        boxes = [(body.mesh.vertices.min(0), body.mesh.vertices.max(0)) for body in things]
        for low, high in boxes:
            assert abs(low[2]) < 1e-5
            assert (np.abs([low[:2], high[:2]]) < HALF + 1e-5).all()
            assert 0.07 < (high - low).max() < 0.28
        for one, other in combinations(boxes, 2):
            shared = np.minimum(one[1], other[1])[:2] - np.maximum(one[0], other[0])[:2]
            assert shared.min() < 0.05 * (one[1] - one[0])[:2].max() + 1e-5


def test_the_share_of_glass_and_mirrors_is_the_one_asked_for() -> None:
    def surfaces(share: float) -> list[Surface]:
        return [body.surface for things in drawn(40, share) for body in things]

    assert set(surfaces(0)) == {Surface.OPAQUE}
    assert set(surfaces(1)) == {Surface.GLASS, Surface.MIRROR}
    assert 0.3 < np.mean([surface != Surface.OPAQUE for surface in surfaces(0.5)]) < 0.7


def test_a_stacked_table_is_a_tidy_one_with_more_on_in_and_against_its_things() -> None:
    raised = beside = 0
    for index in range(40):
        rngs = [np.random.default_rng([3, index]) for _ in range(2)]
        tidy, stacked = tidy_things(rngs[0], Props(), 0.3, HALF), stacked_things(rngs[1], Props(), 0.3, HALF)
        assert len({body.label for body in stacked}) == len(stacked)
        for one, other in zip(tidy, stacked, strict=False):
            np.testing.assert_array_equal(one.mesh.vertices, other.mesh.vertices)
        for more in stacked[len(tidy) :]:
            foot = float(more.mesh.vertices[:, 2].min())
            tops = [float(body.mesh.vertices[:, 2].max()) for body in stacked if body is not more]
            raised += foot > 0.004
            beside += abs(foot) < 1e-6
            assert foot <= max(tops) + 1e-6
    assert raised > 40 and beside > 15


def test_a_tidy_table_is_seen_from_farther_than_its_things_are_large() -> None:
    view = table_view(np.random.default_rng(4), (60, 80), Props(), Arrangement.TIDY)
    things = view.classes >= TableClass.THING
    assert things.any() and (view.labels[things] > 0).all()
    assert np.nanmin(view.depth[things]) > 0.2
