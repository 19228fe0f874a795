"""Picture sets: written aside and renamed, refused when they are not what was asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from depth_prompt_ros.data.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput

SETTINGS = {"kind": "made up"}


def _fill(aside: Path) -> None:
    pictures = PictureSet.open(aside, mode="r+")
    pictures.images[:] = np.arange(2)[:, None, None, None]
    pictures.intrinsics[:] = 7, 7, 3.5, 3.5


def test_a_set_is_made_once_and_mapped_after(tmp_path) -> None:
    made = PictureSet.open_or_make(tmp_path / "set", SETTINGS, 2, 8, _fill)
    assert (len(made), made.size) == (2, 8)
    again = PictureSet.open_or_make(tmp_path / "set", SETTINGS, 2, 8, lambda _: pytest.fail("made again"))
    np.testing.assert_array_equal(again.images[1], 1)
    np.testing.assert_array_equal(again.intrinsics, made.intrinsics)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_an_interrupted_set_is_made_anew(tmp_path) -> None:
    def stop(_: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PictureSet.open_or_make(tmp_path / "set", SETTINGS, 2, 8, stop)
    assert not (tmp_path / "set").exists()
    assert len(PictureSet.open_or_make(tmp_path / "set", SETTINGS, 2, 8, _fill)) == 2


def test_other_settings_another_folder_and_damage_are_refused(tmp_path) -> None:
    PictureSet.open_or_make(tmp_path / "set", SETTINGS, 2, 8, _fill)
    with pytest.raises(BadInput, match=r"made with .*made up.*give another folder"):
        PictureSet.open_or_make(tmp_path / "set", {"kind": "other"}, 2, 8, _fill)
    (tmp_path / "photos").mkdir()
    with pytest.raises(BadInput, match="photos is no picture set"):
        PictureSet.open_or_make(tmp_path / "photos", SETTINGS, 2, 8, _fill)
    with pytest.raises(BadInput, match="photos is no picture set"):
        PictureSet.open(tmp_path / "photos")
    np.save(tmp_path / "set" / "masks.npy", np.zeros((2, 8, 9), bool))
    with pytest.raises(BadInput, match=r"masks\.npy is bool \(2, 8, 9\), expected bool \(2, 8, 8\)"):
        PictureSet.open(tmp_path / "set")
    (tmp_path / "set" / "masks.npy").write_bytes(b"half")
    with pytest.raises(BadInput, match="damaged picture set"):
        PictureSet.open(tmp_path / "set")


def test_a_full_disk_leaves_nothing(tmp_path) -> None:
    def fill_the_disk(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(BadInput, match=r"cannot write the picture set .*No space left on device"):
        PictureSet.open_or_make(tmp_path / "set", SETTINGS, 2, 8, fill_the_disk)
    assert not list(tmp_path.iterdir())


def test_an_input_that_cannot_be_used_leaves_nothing(tmp_path) -> None:
    def refuse(_: Path) -> None:
        raise BadInput("no mesh")

    with pytest.raises(BadInput, match="no mesh"):
        PictureSet.open_or_make(tmp_path / "set", SETTINGS, 2, 8, refuse)
    assert not list(tmp_path.iterdir())
