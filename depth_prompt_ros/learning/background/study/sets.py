"""The sets of the study: disjoint objects to learn from, to choose with and to report on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.data.sets.rendered import Kind, open_or_render
from depth_prompt_ros.learning.background.study.plan import Effort

_SEEDS = {"train": 200, "validation": 201, "test": 202, "unseen": 301, "partial": 401, "scanned": 501, "scenes": 101}


@dataclass(frozen=True)
class StudySets:
    """Where the sets are, all of one picture side.

    Attributes:
        train, validation: in distribution.
        tests: by the name in the tables; "in distribution" first.
        partial: objects off the middle, cut or hidden, at twice the side.
        scenes: unseen scenes, for the networks' competence.
    """

    train: Path
    validation: Path
    tests: dict[str, Path]
    partial: Path
    scenes: Path

    def open_train(self) -> PictureSet:
        """What is learned from."""
        return PictureSet.open(self.train)

    def open_validation(self) -> PictureSet:
        """What the best state is chosen with."""
        return PictureSet.open(self.validation)

    def open_tests(self) -> dict[str, PictureSet]:
        """What is reported on, by name."""
        return {name: PictureSet.open(folder) for name, folder in self.tests.items()}


class LearningSets(Protocol):
    """What a run needs of sets."""

    def open_train(self) -> PictureSet:
        """What is learned from."""

    def open_validation(self) -> PictureSet:
        """What the best state is chosen with."""

    def open_tests(self) -> dict[str, PictureSet]:
        """What is reported on, by name."""


def make_sets(
    cache: Path, size: int, effort: Effort, meshes: Path | None, report: Callable[[str], None] = print
) -> StudySets:
    """Render what is not there yet.

    Args:
        meshes: folder of scanned objects for a third test set.
        report: called with a line before a set is rendered.
    """

    def rendered(name: str, kind: Kind, count: int, side: int = size) -> Path:
        folder = cache / f"{kind}-{side}-{count}-{_SEEDS[name]}"
        if not folder.exists():
            report(f"rendering {folder.name}")
        open_or_render(folder, kind, count, side, _SEEDS[name], meshes=meshes)
        return folder

    tests = {
        "in distribution": rendered("test", "objects", effort.test),
        "out of distribution": rendered("unseen", "objects-unseen", effort.test),
    }
    if meshes:
        tests["scanned objects"] = rendered("scanned", "objects-scanned", effort.test // 2)
    return StudySets(
        rendered("train", "objects", effort.train),
        rendered("validation", "objects", effort.validation),
        tests,
        rendered("partial", "objects-partial", effort.test // 2, 2 * size),
        rendered("scenes", "scenes", effort.test),
    )
