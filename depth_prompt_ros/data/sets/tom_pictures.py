"""Pictures with their transparent-or-mirror (ToM) masks, wherever they come from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.picture_file import read_picture, read_unchanged
from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.errors import BadInput

_PICTURES, _MASKS = ("images", "image"), ("masks", "mask")
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
"""Of pictures."""

NOTE = "found.json"
"""What says, in a folder of pictures and masks, that the masks were found and by what."""


@dataclass(frozen=True, eq=False)
class TomPicture:
    """One picture.

    Attributes:
        name: its own among those it came with; fit for a file name.
        image: (H, W, 3) uint8 RGB.
        tom: (H, W) bool, transparent or mirror.
        instances: (H, W) integers, each thing its own number, where that is known.
    """

    name: str
    image: NDArray[np.uint8]
    tom: NDArray[np.bool_]
    instances: NDArray[np.integer] | None = None

    def parts(self) -> NDArray[np.int64]:
        """(H, W) int64: 0 outside ToM, 1..n its things, by ``instances`` or else by what is connected."""
        if self.instances is None:
            return np.asarray(cv2.connectedComponents(self.tom.astype(np.uint8))[1], np.int64)
        parts = np.zeros(self.tom.shape, np.int64)
        parts[self.tom] = np.unique(self.instances[self.tom], return_inverse=True)[1] + 1
        return parts


class TomPictures(Protocol):
    """Pictures in a fixed order; what cannot be used is left out, so there may be fewer than ``len``."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[TomPicture]: ...


class TomStereoSet:
    """The left pictures of a stereo set; its labels are the instances."""

    def __init__(self, pairs: StereoSet) -> None:
        self._pairs = pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[TomPicture]:
        pairs = self._pairs
        for index in range(len(pairs)):
            left, tom, labels = (np.asarray(each[index]) for each in (pairs.lefts, pairs.tom, pairs.labels))
            yield TomPicture(f"{index:06d}", left, tom, labels)


class TomFolder:
    """A folder ``images`` (or ``image``) beside a folder ``masks`` (or ``mask``).

    The mask of ``NAME.jpg`` (or png, jpeg, bmp, webp) is ``NAME.png`` or ``NAME_mask.png``, of the same size; any value
    but 0, in any channel but an alpha channel, is ToM. Trans10K's and MSD's folders are laid out so.

    Attributes:
        masks: what found the masks, as ``depth-prompt find tom`` noted it; empty: they were given.
    """

    def __init__(self, folder: Path) -> None:
        """List the pictures.

        Raises:
            BadInput: no such folders, no picture, two pictures of one name, or a picture without a mask.
        """
        pictures = _subfolder(folder, _PICTURES)
        masks = _subfolder(folder, _MASKS)
        files = sorted(path for path in pictures.iterdir() if path.suffix.lower() in ENDINGS)
        if not files:
            raise BadInput(f"{pictures} holds no picture ({', '.join(ENDINGS)})")
        there = {path.name for path in masks.iterdir()}
        self.masks = _found_by(folder / NOTE)
        self._files: dict[str, tuple[Path, Path]] = {}
        missing = []
        for path in files:
            found = [name for name in (f"{path.stem}.png", f"{path.stem}_mask.png") if name in there]
            if path.stem in self._files:
                raise BadInput(f"{path} and {self._files[path.stem][0].name} have one name: rename one, or its mask")
            if found:
                self._files[path.stem] = (path, masks / found[0])
            else:
                missing.append(path)
        if missing:
            raise BadInput(
                f"{len(missing)} of {len(files)} pictures have no mask, {missing[0].name} first: its mask would be "
                f"{masks / missing[0].stem}.png (all black if nothing in it is transparent or a mirror)"
            )

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[TomPicture]:
        """Read them.

        Raises:
            BadInput: a file that is damaged, or a mask of another size than its picture.
        """
        for name, (picture, mask) in self._files.items():
            image = read_picture(picture, as_stored=True)
            values = read_unchanged(mask, "mask")
            if values.shape[:2] != image.shape[:2]:
                raise BadInput(
                    f"{mask} is {values.shape[1]}x{values.shape[0]} but its picture is "
                    f"{image.shape[1]}x{image.shape[0]}: give masks of the pictures' size"
                )
            tom = values != 0 if values.ndim == 2 else (values[..., :3] != 0).any(2)
            yield TomPicture(name, image, tom)


def _found_by(note: Path) -> str:
    try:
        return str(json.loads(note.read_text())["masks"]) if note.is_file() else ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{note} does not say what found the masks: remove it if they were drawn") from error


def _subfolder(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_dir():
            return folder / name
    raise BadInput(
        f"{folder} has no folder {names[0]}: expected images/NAME.jpg with masks/NAME.png, a stereo set or a recording"
    )
