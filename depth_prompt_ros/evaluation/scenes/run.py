"""Every row on real scenes in the layout of :mod:`depth_prompt_ros.data.readers.scenes`, scene by scene."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from depth_prompt_ros.data.readers.scenes import RealScene, list_scenes, read_scene
from depth_prompt_ros.errors import BadModel, DepthPromptError
from depth_prompt_ros.evaluation.scenes.methods import OURS, WAYS, answers, asked_row, without_masks
from depth_prompt_ros.evaluation.scenes.scores import Scores, score
from depth_prompt_ros.evaluation.tom.methods import Pipelines
from depth_prompt_ros.parameters import Parameters

if TYPE_CHECKING:
    from depth_prompt_ros.evaluation.scenes.pictures import Shown

Done = Callable[[int, int], None]
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class SceneResult:
    """One scene.

    Attributes:
        name: its folder below the one that was evaluated; of several, with that one's name before it.
        group: the first part of its name, if it has several.
        glass: it has transparent or mirror pixels, as ``tom.png`` says.
        main: our row that is told what the parameters take from outside, as far as the scene has it.
        scores: by row.
        shown: its pictures, if they were asked for.
    """

    name: str
    group: str
    glass: bool
    main: str
    scores: dict[str, Scores]
    shown: Shown | None = None


@dataclass
class Evaluation:
    """All scenes below the folders.

    Attributes:
        asked: our row that is told what the parameters take from outside.
        scenes: worst first: by the error of the main row, then by pixels moved, then by things missed.
        damaged: what is wrong with those that could not be evaluated, by name.
    """

    asked: str
    scenes: list[SceneResult] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)

    @property
    def poorer(self) -> list[str]:
        """Scenes that lack what the parameters take from outside: less, or nothing, is given there."""
        return [scene.name for scene in self.scenes if scene.main != self.asked]

    @property
    def groups(self) -> dict[str, list[SceneResult]]:
        """The scenes by group, groups by name, worst first in each."""
        names = sorted({scene.group for scene in self.scenes})
        return {name: [scene for scene in self.scenes if scene.group == name] for name in names}


def name_scenes(folders: Sequence[Path]) -> list[tuple[Path, str, str]]:
    """The folder, name and group of every scene below the folders, as :class:`SceneResult` has them.

    Raises:
        BadInput: a folder without scenes.
    """
    named = []
    for folder in folders:
        above = [folder.resolve().name] if len(folders) > 1 else []
        for path in list_scenes(folder):
            parts = [*above, *path.relative_to(folder).parts]
            named.append((path, "/".join(parts) or path.resolve().name, parts[0] if len(parts) > 1 else ""))
    return named


def evaluate_scenes(
    folders: Sequence[Path],
    parameters: Parameters,
    pictures: bool = False,
    done: Done = lambda _, __: None,
) -> Evaluation:
    """Every row on every scene below the folders; a damaged scene is noted, and the next one taken.

    Args:
        folders: each is a group; of one alone the sub-folders are.
        parameters: of the pipeline in our rows; masks that they take from outside are given in the rows that say so.
        pictures: keep small pictures of each scene.
        done: called with the number of scenes that were tried, and that of all.

    Raises:
        BadInput: a folder without scenes; BadModel: a network cannot be used.
    """
    pipelines = Pipelines(WAYS, without_masks(parameters))
    asked = asked_row(parameters).name

    def evaluate(scene: RealScene, name: str, group: str) -> SceneResult:
        return _evaluate(scene, name, group, pipelines, asked, pictures)

    found, damaged = each_scene(folders, evaluate, done)
    return Evaluation(asked, sorted((result for _, result in found), key=_goodness), damaged)


def each_scene(
    folders: Sequence[Path], evaluate: Callable[[RealScene, str, str], Found], done: Done
) -> tuple[list[tuple[str, Found]], dict[str, str]]:
    """Each scene's name and what ``evaluate`` makes of scene, name and group; what is wrong with the damaged, by name.

    Raises:
        BadInput: a folder without scenes; BadModel: a network cannot be used.
    """
    named = name_scenes(folders)
    found: list[tuple[str, Found]] = []
    damaged: dict[str, str] = {}
    for number, (path, name, group) in enumerate(named, start=1):
        try:
            found.append((name, evaluate(read_scene(path), name, group)))
        except BadModel:
            raise
        except DepthPromptError as error:
            damaged[name] = str(error)
        done(number, len(named))
    return found, damaged


def pooled(scenes: Iterable[SceneResult], row: str) -> Scores:
    """One row over all pixels of the scenes that have it."""
    return reduce(add, (scene.scores[row] for scene in scenes if row in scene.scores), Scores())


def pooled_main(scenes: Iterable[SceneResult]) -> Scores:
    """The main row of each scene, over all their pixels."""
    return reduce(add, (scene.scores[scene.main] for scene in scenes), Scores())


def _evaluate(scene: RealScene, name: str, group: str, pipelines: Pipelines, asked: str, pictures: bool) -> SceneResult:
    measurement, found = answers(scene, pipelines)
    scores = {
        row: score(scene, measurement.depth, answer.depth, answer.labels, answer.tom) for row, answer in found.items()
    }
    glass = scene.tom is not None and bool(scene.tom.any())
    main = asked if asked in found else OURS.name
    shown = None
    if pictures:  # they need Pillow, of the extra "evaluate"
        from depth_prompt_ros.evaluation.scenes.pictures import show

        shown = show(scene, measurement.depth, found, main)
    return SceneResult(name, group, glass, main, scores, shown)


def _goodness(scene: SceneResult) -> tuple[float, float, int, str]:
    """Smallest for the worst scene."""
    scores = scene.scores[scene.main]
    return -scores.error, -scores.moved / max(scores.measured, 1), scores.found - scores.boxes, scene.name
