"""The published splits of ABO and HM3D-ABO, as 2306.05428's code takes them: what it tests on it never learns from."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from depth_prompt_ros.errors import BadInput

TRAIN, TEST, ALL = "train", "test", "all"
NAMES = (TRAIN, TEST, ALL)
NEITHER = ""
"""Of no part of a split."""


def abo_split(folder: Path) -> Callable[[Path], str]:
    """ABO's ``train_test_split.csv``, beside ``all_objects``: a line an object, with TRAIN or TEST and its scenes.

    The scenes are numbers with ``_`` between them; what is not listed is in neither part.

    Raises:
        BadInput: no such file, or its lines are others.
    """
    path = _nearest(folder, "train_test_split.csv")
    parts: dict[tuple[str, str], str] = {}
    with path.open(newline="") as file:
        for number, row in enumerate(csv.reader(file)):
            if len(row) != 4:
                raise BadInput(f"line {number + 1} of {path} is not object, split, number of scenes, scenes")
            if number:
                parts.update(dict.fromkeys(((row[0], scene) for scene in row[3].split("_")), row[1].lower()))

    def part(path: Path) -> str:
        return parts.get((path.parents[2].name, path.parent.name), NEITHER)

    return part


def hm3d_split(folder: Path) -> Callable[[Path], str]:
    """HM3D-ABO's ``index/train.txt``, a scene a line: all other scenes are tested on.

    Raises:
        BadInput: no such file.
    """
    path = _nearest(folder, "index/train.txt")
    learned = set(path.read_text().split())
    return lambda path: TRAIN if path.parents[1].name in learned else TEST


SplitOf = Callable[[Path], Callable[[Path], str]]
"""From a folder to the part of each of its samples."""


def chosen(split_of: SplitOf | None, folder: Path, split: str) -> Callable[[Path], bool]:
    """Which samples of a folder are in that part.

    Args:
        split_of: of the layout; None: none was published.
        split: a name of :data:`NAMES`; empty: what is learned from where there is a split, else everything.

    Raises:
        BadInput: no such part.
    """
    if split and split not in NAMES:
        raise BadInput(f"no part {split!r} of a split; there are: {', '.join(NAMES)}")
    if split_of is None:
        if split not in ("", ALL):
            raise BadInput(f"no split of {folder} was published: leave --split out")
        return _every
    if split == ALL:
        return _every
    part = split_of(folder)
    return lambda path: part(path) == (split or TRAIN)


def _every(_: Path) -> bool:
    return True


def _nearest(folder: Path, name: str) -> Path:
    """A file of the data set, whether the folder is its root or the one below."""
    for each in (folder, folder.resolve().parent):
        if (each / name).is_file():
            return each / name
    raise BadInput(
        f"{folder} has no {name}, which says what is learned from and what tested on: add it, or --split all"
    )
