"""Which runs the study of rendered workspaces is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from depth_prompt_ros.data.rendering.workspaces import CAMERA, Motion
from depth_prompt_ros.learning.trainer import Schedule
from depth_prompt_ros.learning.video.objective import VideoLearning
from depth_prompt_ros.learning.video.samples import Cuts
from depth_prompt_ros.networks.video.depth_net import VideoSettings
from depth_prompt_ros.stages.moving.disagreement import Rule

_FACTORS = 0.5, 1.1
"""Pictures are resized by: masks look at two thirds of the middle one."""


@dataclass(frozen=True)
class Effort:
    """How much is rendered and learned; the defaults are what the page was made with.

    Attributes:
        train, test: clips of each kind of motion, of disjoint seeds.
        steps, batch: of each stage.
        learning_rate, second_rate: of the first and the second stage. At the first one's rate, ten times the published
            one, second stages of this network without normalisation ended at a constant.
        width: of both networks.
        levels: of the adaptive head.
        seeds: runs of the first rows.
        first: how many rows get all seeds, None = all; the others get one.
    """

    train: int = 16
    test: int = 4
    steps: int = 500
    batch: int = 4
    learning_rate: float = 1e-3
    second_rate: float = 4e-4
    width: float = 0.25
    levels: int = 11
    crop: tuple[int, int] = (48, 80)
    planes: int = 33
    seeds: int = 1
    first: int | None = None

    @property
    def look(self) -> int:
        """Width at which test frames are looked at, pixels."""
        return self.learning().cuts.look((CAMERA.height, CAMERA.width))

    def learning(self, **changes: Any) -> VideoLearning:
        """What is learned; depths from 0.25 to 6 m, since what comes towards the camera seems nearer."""
        changes = dict(changes)
        network = VideoSettings(
            "adaptive", self.width, self.levels, 1 / 6, 4.0, focal_unit=CAMERA.fx, proportional=True
        )
        network = replace(
            network,
            **{name: changes.pop(name) for name in ("head", "levels", "grid", "proportional") if name in changes},
        )
        planes = changes.pop("planes", self.planes)
        return VideoLearning(network, self.width, Cuts(self.crop, *_FACTORS), planes, **changes)

    def schedule(self, seed: int, stage: Literal[1, 2] = 1) -> Schedule:
        """Of a stage."""
        rate = self.learning_rate if stage == 1 else self.second_rate
        return Schedule(self.steps, self.batch, rate, seed, False, "halved")


@dataclass(frozen=True)
class Row:
    """One way of learning.

    Attributes:
        name: of the table's row.
        changes: of :class:`VideoLearning`, and of its network.
        masks: of a second stage; None: there is none.
        rule: of the masks that are found, see :data:`depth_prompt_ros.stages.moving.disagreement.Rule`.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    masks: Literal["spimo", "given"] | None = None
    rule: Rule = "outlier"


ROWS = (
    Row("stage 1"),
    Row("SPIMO masks", masks="spimo"),
    Row("true masks (bound)", masks="given"),
    Row("fixed levels, N = 33", {"head": "levels", "levels": 33, "planes": 33}),
    Row("auto-mask", {"auto_mask": True}),
    Row("SPIMO masks, published rule", masks="spimo", rule="dispersion"),
    Row("focal length as an input alone", {"proportional": False}),
    Row("without grid", {"grid": False}),
    Row("SPIMO masks, without boosting", {"boost": 0.0}, masks="spimo"),
    Row("backward warp", {"warp": "backward"}),
    Row("poses learned", {"given_motion": False}),
)
"""The most telling first."""


@dataclass(frozen=True)
class Run:
    """One row, motion and seed."""

    row: Row
    motion: Motion
    seed: int

    @property
    def folder(self) -> str:
        """Where its result goes, below the study's folder."""
        name = "".join(each if each.isalnum() else "-" for each in self.row.name)
        return f"{self.motion}/{name}-{self.seed}"


def runs(effort: Effort) -> Iterator[Run]:
    """All: every row where motion is bound to the place, the first three where it is random."""
    for seed in range(effort.seeds):
        rows = ROWS if seed == 0 else ROWS[: effort.first]
        for row in rows[:4]:
            yield Run(row, "bound", seed)
        yield Run(ROWS[0], "random", seed)
        for row in rows[4:]:
            yield Run(row, "bound", seed)
        for row in rows[1:3]:
            yield Run(row, "random", seed)
