"""Rendered tables, whose true geometry is known, through every way of making a cloud."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.known.solids import PosedSolids, Rigid, SeenSolids, Solid
from depth_prompt_ros.data.rendering.tom_scenes import StereoView, graspable_pair
from depth_prompt_ros.data.rendering.tracer import Surface
from depth_prompt_ros.evaluation.grasps.clouds import CLOUDS, MERGED, MONO, STEREO, TRUTH, clouds_of
from depth_prompt_ros.evaluation.grasps.gripper import Gripper
from depth_prompt_ros.evaluation.grasps.scores import GraspSums, Tried, score_targets
from depth_prompt_ros.evaluation.tom.methods import FOUND, Pipelines, Way
from depth_prompt_ros.evaluation.tom.methods import MERGED as MASKS_AND_EVIDENCE
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.parameters import Parameters

Float32 = NDArray[np.float32]
Labels = NDArray[np.uint16]

SIZE = (480, 640)
GIVEN_MASKS, FOUND_MASKS = "masks given", "masks found"
WAYS: Mapping[str, Way] = {GIVEN_MASKS: MASKS_AND_EVIDENCE, FOUND_MASKS: FOUND}


@dataclass(frozen=True, eq=False)
class ShownScene:
    """A scene to be looked at: its picture, and what was tried on each cloud by row."""

    view: StereoView
    tried: Mapping[str, list[Tried]]


@dataclass
class RenderedScores:
    """What came out.

    Attributes:
        seed: of the scenes.
        rows: by name, of each scene the sums by kind.
        shown: some scenes.
    """

    seed: int
    rows: dict[str, list[dict[str, GraspSums]]] = field(default_factory=dict)
    shown: list[ShownScene] = field(default_factory=list)

    @property
    def scenes(self) -> int:
        """How many."""
        return len(next(iter(self.rows.values()), []))


def row_name(cloud: str, masks: str = "") -> str:
    """Of a cloud and how the masks came."""
    return f"{cloud}, {masks}" if masks else cloud


SHOWN = (
    TRUTH, *(row_name(cloud, GIVEN_MASKS) for cloud in (STEREO, MONO, MERGED)), row_name(MERGED, FOUND_MASKS)
)  # fmt: skip
"""Rows that are drawn."""


def rendered_scenes(count: int, seed: int, size: tuple[int, int] = SIZE) -> Iterator[tuple[StereoView, PosedSolids]]:
    """Pairs of (height, width) pixels with their geometry; scene ``i`` depends on the seed and i alone."""
    for index in range(count):
        view, bodies = graspable_pair(np.random.default_rng([seed, index, 17]), size)
        solids = [Solid(body.mesh, body.label, body.surface != Surface.OPAQUE) for body in bodies]
        yield view, PosedSolids([(Rigid(solids), np.linalg.inv(view.pose))])


def evaluate_rendered(
    count: int,
    seed: int,
    parameters: Parameters,
    gripper: Gripper,
    show: int = 0,
    size: tuple[int, int] = SIZE,
    done: Callable[[int, int], None] | None = None,
) -> RenderedScores:
    """Plan on the cloud of every way, and on the true depth; execute in the true geometry.

    Args:
        count: scenes.
        seed: of them.
        parameters: of the pipeline; where targets and masks come from is set here.
        gripper: the hand.
        show: so many scenes, the first ones, are kept to be looked at.
        size: height and width, pixels.
        done: called with the scenes finished, and in all.

    Raises:
        BadInput, BadModel: as the pipeline; NoOpen3d.
    """
    pipelines = Pipelines(tuple(WAYS.values()), parameters)
    scores = RenderedScores(seed)
    for index, (view, solids) in enumerate(rendered_scenes(count, seed, size)):
        seen = SeenSolids(view.depth, view.labels.astype(np.uint16), view.tom)
        clouds = {TRUTH: (view.depth, seen.labels), **_clouds(pipelines, view, index)}
        found = {
            name: score_targets(view.camera, depth, labels, solids, seen, gripper)
            for name, (depth, labels) in clouds.items()
        }
        for name, (sums, _) in found.items():
            scores.rows.setdefault(name, []).append(sums)
        if index < show:
            scores.shown.append(ShownScene(view, {name: found[name][1] for name in SHOWN}))
        if done:
            done(index + 1, count)
    return scores


def _clouds(pipelines: Pipelines, view: StereoView, index: int) -> dict[str, tuple[Float32, Labels]]:
    """Depth and labels by row; of a frame that the pipeline refuses there are none."""
    frame = Frame(
        index, f"scene_{index}", view.left, view.camera, view.right, labels=view.labels.astype(np.uint16), tom=view.tom
    )
    found: dict[str, tuple[Float32, Labels]] = {}
    for masks, way in WAYS.items():
        result = pipelines.run(way.name, frame)
        if result is None:
            nothing = np.full(view.depth.shape, np.nan, np.float32), np.zeros(view.depth.shape, np.uint16)
            found |= {row_name(cloud, masks): nothing for cloud in CLOUDS}
        else:
            found |= {row_name(cloud, masks): (depth, result.labels) for cloud, depth in clouds_of(result).items()}
    return found
