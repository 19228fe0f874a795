"""Which prepared sets a study learns from, chooses with and reports on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from depth_prompt_ros.data.sets.array_folder import settings_of
from depth_prompt_ros.data.sets.joined import joined
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput

TITLES = {
    "abo": "ABO", "hm3d-abo": "HM3D-ABO", "gso": "Google Scanned Objects", "hndr": "HNDR", "nerfies": "Nerfies",
}  # fmt: skip
LEARN, TEST = "learn", "test"
_SPLIT = ("abo", "hm3d-abo")
_RARER = ("ABO", 10)
"""Beside HM3D-ABO, ABO counts a tenth (2306.05428's code)."""


@dataclass(frozen=True)
class PreparedSets:
    """Sets that `prepare` made, all of one side.

    Attributes:
        learned: what is learned from, by name; the last ``held_out`` pictures of each are what the best state is chosen
            with, and are not learned from.
        tests: what is reported on, by name; those of what is learned from, too, are in distribution.
        held_out: pictures of each set that is learned from.
        most: pictures of each test set, at equal steps.
    """

    learned: tuple[tuple[str, Path], ...]
    tests: tuple[tuple[str, Path], ...]
    held_out: int
    most: int

    def open_train(self) -> PictureSet:
        """What is learned from, ABO a tenth as often as it is large where HM3D-ABO is there, too."""
        parts = [opened.part(slice(len(opened) - self._held(opened))) for opened in self._opened()]
        return joined(parts, self.every)

    def open_validation(self) -> PictureSet:
        """What the best state is chosen with."""
        parts = [opened.part(slice(len(opened) - self._held(opened), None)) for opened in self._opened()]
        return joined(parts, [1] * len(parts))

    def open_tests(self) -> dict[str, PictureSet]:
        """What is reported on, by name."""
        return {name: PictureSet.open(folder).spread(self.most) for name, folder in self.tests}

    @property
    def every(self) -> list[int]:
        """How many times rarer than it is large each learned set is met."""
        rarer, times = _RARER
        return [times if name == rarer and len(self.learned) > 1 else 1 for name, _ in self.learned]

    @property
    def within(self) -> list[str]:
        """Names of the test sets that are in distribution."""
        names = {name for name, _ in self.learned}
        return [name for name, _ in self.tests if name in names]

    @property
    def beyond(self) -> list[str]:
        """Names of the other test sets."""
        return [name for name, _ in self.tests if name not in self.within]

    def _opened(self) -> list[PictureSet]:
        return [PictureSet.open(folder) for _, folder in self.learned]

    def _held(self, opened: PictureSet) -> int:
        return max(min(self.held_out, len(opened) // 4), 1)


def sorted_sets(given: list[str], held_out: int, most: int) -> dict[int, PreparedSets]:
    """Tell what is learned from from what is reported on by what the sets' own notes say; by the side of the pictures.

    What was prepared of a part "train" is learned from, everything else is reported on. ``learn=FOLDER`` and
    ``test=FOLDER`` say so of sets without a note, or against it.

    Raises:
        BadInput: no such set, two of one name, nothing to learn from or nothing to report on.
    """
    sides: dict[int, tuple[dict[str, Path], dict[str, Path]]] = {}
    for each in given:
        said, _, rest = each.partition("=")
        folder = Path(rest if said in (LEARN, TEST) else each)
        note = settings_of(folder)
        split_of_train = note.get("layout") in _SPLIT and note.get("split") in ("", "train")
        learns = said == LEARN or (said != TEST and split_of_train)
        opened = PictureSet.open(folder)
        opened.spread(64).require_objects()
        chosen = sides.setdefault(opened.size, ({}, {}))[not learns]
        name = TITLES.get(str(note.get("layout")), folder.name)
        if name in chosen:
            raise BadInput(f"{folder} is a second set of {name} to {LEARN if learns else TEST}: give one")
        chosen[name] = folder
    for side, (learned, tests) in sides.items():
        if not learned or not tests:
            missing, word = ("report on", TEST) if learned else ("learn from", LEARN)
            raise BadInput(f"of {side} pixels there is no set to {missing}: prepare one, or give it as {word}=FOLDER")
    return {
        side: PreparedSets(tuple(learned.items()), tuple(tests.items()), held_out, most)
        for side, (learned, tests) in sides.items()
    }
