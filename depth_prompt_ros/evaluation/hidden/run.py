"""Every row on every thing of real scenes, hidden in every way, scene by scene."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.scenes import RealScene
from depth_prompt_ros.evaluation.hidden.holes import BLOBS, GLASS, SIDE, WHOLE, hidden_part
from depth_prompt_ros.evaluation.hidden.rows import OURS, ROWS, WAYS, answers
from depth_prompt_ros.evaluation.hidden.seen import Seen
from depth_prompt_ros.evaluation.hidden.stated import Stated
from depth_prompt_ros.evaluation.hidden.things import Thing, things_of
from depth_prompt_ros.evaluation.scenes.methods import without_masks
from depth_prompt_ros.evaluation.scenes.run import Done, each_scene
from depth_prompt_ros.evaluation.scenes.scores import RegionErrors
from depth_prompt_ros.evaluation.tom.methods import Pipelines
from depth_prompt_ros.frame import DepthMeasurement
from depth_prompt_ros.parameters import Parameters

if TYPE_CHECKING:
    from depth_prompt_ros.evaluation.scenes.pictures import Shown

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class HiddenThing:
    """One thing, hidden in one way.

    Attributes:
        scene: its scene's name.
        group: the first part of its scene's name, if that has several.
        number: of the thing in its scene.
        kind: what it is, "" = not said.
        case: a key of :data:`depth_prompt_ros.evaluation.hidden.holes.CASES`.
        errors: by row.
        stated: what the pipeline says of its own error, and whether that is so.
        shown: its pictures, if they were asked for.
    """

    scene: str
    group: str
    number: int
    kind: str
    case: str
    errors: dict[str, RegionErrors]
    stated: Stated
    shown: Shown | None = None

    @property
    def name(self) -> str:
        """Scene, number and kind."""
        return f"{self.scene} {self.number}" + (f", {self.kind}" if self.kind else "")

    @property
    def rmse(self) -> float:
        """The pipeline's, millimetres; infinity where it answers nothing."""
        found = self.errors[OURS.name].own.rmse
        return np.inf if found is None else found


@dataclass
class HiddenEvaluation:
    """All things of all scenes.

    Attributes:
        things: worst first.
        scenes: names of those that were read; ``without`` of those in which nothing can be hidden.
        damaged: what is wrong with those that could not be evaluated, by name.
    """

    things: list[HiddenThing] = field(default_factory=list)
    scenes: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)

    def of(self, case: str, kind: str | None = None, group: str | None = None) -> list[dict[str, RegionErrors]]:
        """Errors by row of each thing hidden in this way, of one kind or group or of all."""
        return [
            thing.errors
            for thing in self.things
            if thing.case == case and kind in (None, thing.kind) and group in (None, thing.group)
        ]


def evaluate_hidden(
    folders: Sequence[Path], parameters: Parameters, pictures: bool = False, done: Done = lambda _, __: None
) -> HiddenEvaluation:
    """Every row on every thing below the folders; a damaged scene is noted, and the next one taken.

    Args:
        parameters: of the pipeline; masks are given to it.
        pictures: keep small pictures of each thing.
        done: called with the number of scenes that were tried, and that of all.

    Raises:
        BadInput: a folder without scenes; BadModel: a network cannot be used.
    """
    pipelines = Pipelines(WAYS, without_masks(parameters))

    def hide(scene: RealScene, name: str, group: str) -> list[HiddenThing]:
        return list(_hide(scene, (name, group), pipelines, pictures))

    found, damaged = each_scene(folders, hide, done)
    things = sorted((thing for _, each in found for thing in each), key=lambda thing: (-thing.rmse, thing.name))
    scenes, without = ([name for name, each in found if bool(each) == some] for some in (True, False))
    return HiddenEvaluation(things, scenes, without, damaged)


def _hide(scene: RealScene, named: tuple[str, str], pipelines: Pipelines, pictures: bool) -> Iterator[HiddenThing]:
    """Each opaque thing alone, wholly, on one side and in blobs; all glass of a scene at once."""
    measurement = pipelines.measure(scene.frame())
    things = things_of(scene, measurement.depth)
    for thing in things:
        for case in () if thing.glass else (WHOLE, SIDE, BLOBS):
            hidden = hidden_part(thing.mask, case, thing.number)
            yield from _evaluate(scene, named, measurement, [thing], case, hidden, pipelines, pictures)
    if glass := [thing for thing in things if thing.glass]:
        assert scene.tom is not None
        yield from _evaluate(scene, named, measurement, glass, GLASS, scene.tom, pipelines, pictures)


def _evaluate(
    scene: RealScene, named: tuple[str, str], measurement: DepthMeasurement, things: Sequence[Thing], case: str,
    hidden: Mask, pipelines: Pipelines, pictures: bool,
) -> Iterator[HiddenThing]:  # fmt: skip
    """The things with what is hidden of them, named together."""
    labels = np.zeros(hidden.shape, np.uint16)
    for thing in things:
        labels[thing.mask] = thing.number
    tom = hidden if case in (WHOLE, GLASS) else np.zeros_like(hidden)
    left = np.where(hidden, np.float32(np.nan), measurement.depth)
    confidence = np.where(hidden, np.float32(0), measurement.confidence)
    seen = Seen(scene.camera, labels, tom, DepthMeasurement(left, confidence))
    image = scene.image.copy()  # the pipelines remember what they measured by the picture
    given = replace(scene, image=image, depth=left, right=None, labels=labels, tom=tom)
    found, stated = answers(seen, given, pipelines)
    ours = found[OURS.name]
    for thing in things:
        part = hidden & thing.mask
        errors = {row: RegionErrors.of(found[row], ours, thing.truth, part) for row in ROWS}
        shown = None
        if pictures:  # they need Pillow, of the extra "evaluate"
            from depth_prompt_ros.evaluation.hidden.pictures import show

            shown = show(scene, thing, part, found)
        yield HiddenThing(
            *named, thing.number, thing.kind, case, errors, Stated.of(ours, stated, thing.truth, part), shown
        )
