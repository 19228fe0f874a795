"""Masks of transparent and mirror (ToM) surfaces that a segmenter found: proxies where nobody has drawn any."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.picture_file import read_picture
from depth_prompt_ros.data.sets.tom_pictures import ENDINGS, NOTE
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.written_aside import write_picture, write_text

Picture = NDArray[np.uint8]


def pictures_in(folder: Path) -> Iterator[tuple[str, Picture]]:
    """Name and (H, W, 3) uint8 RGB of every picture of a folder, or of its folder ``images``.

    Raises:
        BadInput: none there, two of one name, or a damaged one.
    """
    place = folder / "images" if (folder / "images").is_dir() else folder
    files = sorted(path for path in place.iterdir() if path.suffix.lower() in ENDINGS) if place.is_dir() else []
    if not files:
        raise BadInput(f"{place} holds no picture ({', '.join(ENDINGS)})")
    names = [path.stem for path in files]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadInput(f"{place} holds two pictures of the name {twice[0]}: rename one")
    return ((path.stem, read_picture(path, as_stored=True)) for path in files)


class FoundMasks:
    """A folder of ``images`` and ``masks`` as ``learn tom-labels`` takes it, and a note of who found them."""

    def __init__(self, folder: Path, described: str) -> None:
        """Make it.

        Args:
            described: what finds the masks, for the cards of what is learned from them.

        Raises:
            BadInput: it holds other masks, or cannot be written.
        """
        self._folder, note = folder, folder / NOTE
        try:
            for part in ("images", "masks"):
                (folder / part).mkdir(parents=True, exist_ok=True)
            if note.exists() and json.loads(note.read_text()) != {"masks": described}:
                raise BadInput(f"{folder} holds masks that are not {described}: give another folder")
            if not note.exists() and any((folder / "masks").iterdir()):
                raise BadInput(f"{folder} holds masks that nothing here found: give another folder")
            write_text(note, json.dumps({"masks": described}) + "\n")
        except (OSError, ValueError) as error:
            raise BadInput(f"cannot keep masks in {folder} ({error}): give another folder") from error

    def find(
        self,
        pictures: Iterable[tuple[str, Picture]],
        detect: Callable[[Picture], NDArray[np.bool_]],
        report: Callable[[int, int], None] | None = None,
    ) -> tuple[int, int]:
        """Write each picture and what is found in it, its mask last; returns how many now and how many before."""
        found = before = 0
        for name, image in pictures:
            mask = self._folder / "masks" / f"{name}.png"
            if mask.exists():
                before += 1
                continue
            write_picture(self._folder / "images" / f"{name}.png", image)
            write_picture(mask, detect(image).astype(np.uint8) * np.uint8(255))
            found += 1
            if report:
                report(found + before, found + before)
        return found, before
