"""Which disparities are searched in which rows."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.stages.stereo.search_range import bands

ALL = (0, 128)


def half(far: float, near: float) -> np.ndarray:
    """Disparity at half size, in its sixteenths, of a scene that is ``far`` above and ``near`` below (full pixels)."""
    found = np.full((120, 160), round(far * 8), np.int16)
    found[60:] = round(near * 8)
    return found


def test_each_band_is_searched_for_what_is_there_and_a_little_beside_it() -> None:
    upper, lower = bands(half(20, 90), 240, ALL)
    assert (upper.first_row, lower.last_row) == (0, 240)
    assert upper.last_row == lower.first_row == 120
    for band, disparity in ((upper, 20), (lower, 90)):
        first, count = band.search
        assert first <= disparity - 3
        assert disparity + 3 < first + count
        assert count == 16


def test_a_scene_of_one_depth_is_one_band() -> None:
    (band,) = bands(half(30, 30), 240, ALL)
    assert band.search == (27, 16)


@pytest.mark.parametrize("search", [(0, 16), (-64, 48), (40, 32), ALL])
def test_nothing_is_searched_that_may_not_be(search) -> None:
    rng = np.random.default_rng(0)
    found = half(search[0] + 2, search[0] + search[1] - 3)
    found[rng.random(found.shape) < 0.2] = -(2**15)
    rows = 0
    for band in bands(found, 239, search):
        assert band.first_row == rows
        rows = band.last_row
        assert search[0] <= band.search[0]
        assert band.search[0] + band.search[1] <= search[0] + search[1]
        assert band.search[1] % 16 == 0
    assert rows == 239


def test_small_regions_and_the_outer_columns_tell_nothing() -> None:
    found = half(30, 30)
    found[20:25, 80:85] = 100 * 8
    found[:, :3] = 0
    assert bands(found, 240, ALL) == bands(half(30, 30), 240, ALL)
    found[20:40, 80:85] = 100 * 8
    assert max(sum(band.search) for band in bands(found, 240, ALL)) > 100


def test_where_nothing_was_found_everything_is_searched() -> None:
    (band,) = bands(np.full((120, 160), -(2**15), np.int16), 240, ALL)
    assert (band.first_row, band.last_row, band.search) == (0, 240, ALL)
