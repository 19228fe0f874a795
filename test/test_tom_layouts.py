"""Published sets of ToM masks in their layouts, written by hand here, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from depth_prompt_ros.data.readers.prepare import prepare
from depth_prompt_ros.data.readers.tom_layouts import TOM_LAYOUTS
from depth_prompt_ros.data.stereo_set import StereoSet
from depth_prompt_ros.data.tom_mask_set import TomMaskSet
from depth_prompt_ros.errors import BadInput

HEIGHT, WIDTH = 48, 80


def _truth() -> tuple[np.ndarray, np.ndarray]:
    """A green pane from (20, 12) to (60, 36)."""
    tom = np.zeros((HEIGHT, WIDTH), bool)
    tom[12:36, 20:60] = True
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    image[tom] = (20, 200, 20)
    return image, tom


def _write(folder: Path, pictures: str, masks: str, mask: np.ndarray, name: str = "7", mark: str = "_mask") -> None:
    for part, file, content in ((pictures, f"{name}.jpg", _truth()[0]), (masks, f"{name}{mark}.png", mask)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / part / file), content[..., ::-1] if content.ndim == 3 else content)


def _things_and_stuff() -> np.ndarray:
    _, tom = _truth()
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[tom] = (255, 0, 0)
    mask[tom & (np.arange(WIDTH) > 40)] = 255
    return mask


def _trans10k(folder: Path) -> None:
    _write(folder, "images", "masks", _things_and_stuff())


def _trans10k_easy_and_hard(folder: Path) -> None:
    for part in ("easy", "hard"):
        _write(folder / part, "images", "masks", _things_and_stuff())


def _trans10k_v2(folder: Path) -> None:
    _write(folder, "images", "masks_12", np.where(_truth()[1], 11, 0).astype(np.uint8))


def _msd(folder: Path) -> None:
    _write(folder, "image", "mask", np.where(_truth()[1], 255, 0).astype(np.uint8), mark="")


@pytest.mark.parametrize(
    ("layout", "write", "count"),
    [
        ("trans10k", _trans10k, 1),
        ("trans10k", _trans10k_easy_and_hard, 2),
        ("trans10k", _trans10k_v2, 1),
        ("msd", _msd, 1),
    ],
)
def test_every_layout_gives_the_whole_picture_and_its_mask(layout, write, count, tmp_path) -> None:
    write(tmp_path / "train")
    prepared = prepare(layout, tmp_path / "train", tmp_path / "set", HEIGHT)
    assert prepared.skipped == {}
    pictures = TomMaskSet.open(tmp_path / "set")
    assert len(pictures) == count
    assert pictures.size == (48, 64)
    expected = np.zeros((48, 64), bool)
    expected[12:36, 16:48] = True
    np.testing.assert_array_equal(pictures.tom[-1], expected)
    inside = pictures.pictures[0][14:34, 18:46].astype(int)
    assert np.abs(inside - (20, 200, 20)).max() < 40


def test_pictures_without_a_mask_or_of_another_size_are_left_out(tmp_path) -> None:
    _trans10k(tmp_path)
    for name in ("8", "9"):
        _write(tmp_path, "images", "masks", np.zeros((HEIGHT, WIDTH - 1), np.uint8), name)
    (tmp_path / "masks" / "8_mask.png").unlink()
    with pytest.raises(BadInput, match=r"cannot read picture .*8_mask\.png: it is missing"):
        TOM_LAYOUTS["trans10k"].read(tmp_path / "images" / "8.jpg")
    with pytest.raises(BadInput, match=r"picture and mask of .*9\.jpg differ in size: \(48, 80\) and \(48, 79\)"):
        TOM_LAYOUTS["trans10k"].read(tmp_path / "images" / "9.jpg")
    prepared = prepare("trans10k", tmp_path, tmp_path / "set", 32)
    assert len(prepared.pictures) == 1
    assert sum(prepared.skipped.values()) == 2


def test_the_root_of_a_data_set_is_refused_so_that_its_test_pictures_are_not_learned_from(tmp_path) -> None:
    _msd(tmp_path / "MSD" / "train")
    with pytest.raises(BadInput, match=r"MSD is not msd: expected image/N\.jpg, one split such as train, found train"):
        prepare("msd", tmp_path / "MSD", tmp_path / "set", 32)
    assert not (tmp_path / "set").exists()


def test_the_left_pictures_of_a_stereo_set_are_a_set_of_masks(tmp_path) -> None:
    made = StereoSet.open_or_make(tmp_path / "pairs", {}, 2, (8, 10), lambda aside: None)
    assert len(made) == 2
    pictures = TomMaskSet.open(tmp_path / "pairs")
    assert pictures.size == (8, 10)
    assert pictures.tom.dtype == bool
    with pytest.raises(BadInput, match=r"is no picture set: it has no pictures\.npy"):
        TomMaskSet.open(tmp_path)
