"""Titles are whole: wrapped where their place is narrow."""

from __future__ import annotations

import numpy as np
import pytest

from depth_prompt_ros.data.titles import PAPER, caption, text_row, title_row


def ink(picture) -> int:
    """How much is written."""
    return int((255 - picture.astype(int)).sum())


@pytest.mark.parametrize(
    "text", ["error: merged, masks given, weighed by evidence", "a_word_without_any_space_in_it_at_all"]
)
@pytest.mark.parametrize("width", [60, 100, 168])
def test_nothing_is_cut(text, width) -> None:
    whole, narrow = text_row([text], 1000), text_row([text], width)
    assert len(whole) == 16
    assert narrow.shape == (len(narrow), width, 3)
    assert len(narrow) > 16
    assert ink(narrow) == pytest.approx(ink(whole), rel=0.03)  # letters beside a break are kerned differently


def test_titles_end_at_one_height() -> None:
    row = title_row(["short", "one that takes three lines in so narrow a place"], 100)
    assert row.shape[1:] == (200, 3)
    assert len(row) >= 48
    left = row[:, :100]
    assert (left[:-16] == PAPER).all()
    assert ink(left) == ink(text_row(["short"], 100))


def test_a_captions_size_goes_with_the_sheet() -> None:
    for width, height in ((200, 16), (2600, 29)):
        sheet = np.zeros((10, width, 3), np.uint8)
        whole = caption("which", sheet)
        np.testing.assert_array_equal(whole[:10], sheet)
        assert whole.shape == (10 + height, width, 3)
        assert ink(whole[10:]) > 0


def test_lines_stay_apart() -> None:
    np.testing.assert_array_equal(text_row(["a", "b"], 50), np.vstack([text_row(["a"], 50), text_row(["b"], 50)]))
    assert text_row([""], 50).shape == (16, 50, 3)
