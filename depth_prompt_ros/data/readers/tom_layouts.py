"""The layouts of published pictures with masks of transparent things or mirrors, as their published code reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.picture_file import read_mask, read_picture
from depth_prompt_ros.data.readers.sample import Layout
from depth_prompt_ros.errors import BadInput


@dataclass(frozen=True, eq=False)
class TomSample:
    """A picture with its mask.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        tom: (H, W) bool, transparent or mirror.
    """

    image: NDArray[np.uint8]
    tom: NDArray[np.bool_]


def _trans10k_samples(folder: Path) -> list[Path]:
    return sorted(path for part in (".", "easy", "hard") for path in (folder / part / "images").glob("*.jpg"))


def _read_trans10k(path: Path) -> TomSample:
    """Trans10K (2003.13948) and v2 (2101.08461): ``SPLIT/images/N.jpg`` and ``SPLIT/masks/N_mask.png``.

    SPLIT is train, validation or test; in the first version the last two have folders easy and hard. There things are
    red and stuff (windows, doors) is white in the mask; in v2 it is in ``masks_12`` and holds eleven classes. All of
    them are transparent: any value but black counts.
    """
    split = path.parents[1]
    folder = split / ("masks" if (split / "masks").is_dir() else "masks_12")
    return _checked(path, folder / f"{path.stem}_mask.png")


def _msd_samples(folder: Path) -> list[Path]:
    return sorted((folder / "image").glob("*.jpg"))


def _read_msd(path: Path) -> TomSample:
    """MSD (1908.09101): ``SPLIT/image/N.jpg`` and ``SPLIT/mask/N.png``, mirrors are 255; SPLIT is train or test."""
    return _checked(path, path.parents[1] / "mask" / f"{path.stem}.png")


TOM_LAYOUTS: dict[str, Layout[TomSample]] = {
    layout.name: layout
    for layout in (
        Layout("trans10k", "images/N.jpg, one split such as train", _trans10k_samples, _read_trans10k),
        Layout("msd", "image/N.jpg, one split such as train", _msd_samples, _read_msd),
    )
}


def _checked(picture: Path, mask: Path) -> TomSample:
    image, tom = read_picture(picture), read_mask(mask, level=1)
    if image.shape[:2] != tom.shape:
        raise BadInput(f"picture and mask of {picture} differ in size: {image.shape[:2]} and {tom.shape}")
    return TomSample(image, tom)
