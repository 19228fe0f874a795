"""Sets joined into one: which pictures an index means, and how often a large set is met."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.data.sets.joined import joined
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput

SIZE = 4


def _set(count: int, first: int, size: int = SIZE, normals: bool = False) -> PictureSet:
    """Picture i has depth ``first + i`` and a camera of that focal length."""
    depths = np.repeat(np.arange(first, first + count, dtype=np.float32), size * size).reshape(count, size, size)
    return PictureSet(
        np.zeros((count, size, size, 3), np.uint8),
        depths,
        np.ones((count, size, size), bool),
        np.repeat(depths[:, 0, :1], 4, 1),
        np.ones((count, size, size, 3), np.float32) if normals else None,
    )


def test_a_large_set_is_met_a_tenth_as_often_and_all_of_it_in_the_long_run() -> None:
    made = joined([_set(6, 0), _set(40, 100)], [1, 10])
    assert len(made) == 6 + 4
    assert made.size == SIZE
    met, rng = [], np.random.default_rng(0)
    for _ in range(300):
        for chosen in np.split(rng.permutation(10), [5]):
            indices = np.sort(chosen)
            depths, cameras = made.depths[indices], made.intrinsics[indices]
            np.testing.assert_array_equal(depths[:, 0, 0], cameras[:, 0])
            np.testing.assert_array_equal(made.depths[indices], depths)
            met += depths[:, 0, 0].tolist()
    large = [value for value in met if value >= 100]
    assert len(large) == 300 * 4
    assert set(large) == set(range(100, 140))
    assert np.unique(large, return_counts=True)[1].max() < 4 * 30
    assert sorted(met[:10]) != sorted(met[10:20])


def test_slices_and_single_pictures_are_the_first_of_theirs() -> None:
    made = joined([_set(3, 1), _set(20, 100)], [1, 10])
    np.testing.assert_array_equal(np.asarray(made.depths[2:])[:, 0, 0], [3, 100, 101])
    assert made.depths[4][0, 0] == 101
    assert len(made.first(2)) == 2
    assert len(made.spread(2)) == 2
    made.require_objects()


def test_one_set_alone_stays_what_it_is_and_small_ones_have_one_picture() -> None:
    alone = _set(3, 0)
    assert joined([alone], [1]) is alone
    few = joined([alone, _set(4, 10)], [1, 10])
    assert len(few) == 4
    assert {few.depths[np.array([3, other])][0, 0, 0] for other in range(3)} <= set(range(10, 14))


def test_other_sizes_and_half_of_the_normals_are_refused() -> None:
    with pytest.raises(BadInput, match="sets of 4, 8 pixels"):
        joined([_set(1, 0), _set(1, 0, size=8)], [1, 1])
    with pytest.raises(BadInput, match="some of the sets have normals"):
        joined([_set(1, 0), _set(1, 0, normals=True)], [1, 1])
