"""Rendered sets in chunks: the same whatever draws them, and only what is missing after a stop."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from jobs import draw_number

from depth_prompt_ros.data.sets.chunks import open_or_draw
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.work.run import Where

SIZE, COUNT, CHUNK = (4, 6), 7, 2


def make(folder: Path, jobs: int = 1, stop_at: int = -1, **settings: int) -> PictureSet:
    drawn = partial(draw_number, folder.parent / "log", stop_at)
    return open_or_draw(folder, PictureSet, {"kind": "counted", **settings}, COUNT, SIZE, drawn, CHUNK, Where(jobs))


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_sample_is_in_its_row(tmp_path, jobs):
    pictures = make(tmp_path / "set", jobs)
    assert [int(image[0, 0, 0]) for image in pictures.images] == list(range(COUNT))
    assert pictures.depths.shape == (COUNT, *SIZE)
    assert np.array_equal(pictures.intrinsics[:, 0], np.arange(COUNT))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "set"]


def test_what_was_drawn_before_a_stop_is_not_drawn_again(tmp_path):
    with pytest.raises(BadInput, match="cannot draw samples 4 to 5 of .*set: ValueError: enough"):
        make(tmp_path / "set", stop_at=5)
    assert not (tmp_path / "set").exists()
    assert (tmp_path / "log").read_text().split() == ["0", "1", "2", "3", "4"]
    make(tmp_path / "set")
    assert (tmp_path / "log").read_text().split()[5:] == ["4", "5", "6"]


def test_chunks_of_another_set_are_not_used(tmp_path):
    with pytest.raises(BadInput):
        make(tmp_path / "set", stop_at=5)
    make(tmp_path / "set", seed=1)
    assert (tmp_path / "log").read_text().split()[5:] == [str(index) for index in range(COUNT)]
