"""Which runs the study is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from depth_prompt_ros.graph.prompt import PromptSettings
from depth_prompt_ros.learning.background.paper import paper_schedule
from depth_prompt_ros.learning.trainer import Schedule

Method = Literal["fixed", "fine-tuned", "1-BG", "PNet"]

ABLATIONS: dict[str, dict[str, Any]] = {
    "1-BG, added": {"additive": True},
    "1-BG, image space": {"space": "image"},
    "1-BG, colours decorrelated": {"decorrelate": True},
    "PNet, image space": {"space": "image"},
    "PNet, sees the picture": {"sees": "image"},
    "PNet, no bias": {"bias": False},
    "PNet, box-aligned mask": {"sees": "box"},
}
"""What is changed, by the name of the table's row; all have the schedule of what they are ablations of."""


@dataclass(frozen=True)
class StudiedNetwork:
    """A frozen network of the study.

    Attributes:
        name: in the catalogue.
        weights: file, None = the installed one.
        ablations: whether the ablations are learned through it too.
    """

    name: str
    weights: Path | None = None
    ablations: bool = False


_SHORT_SINGLE = Schedule(steps=1000, batch=8, learning_rate=1e-2, validate_every=250)
_SHORT_PNET = Schedule(steps=800, batch=8, learning_rate=1e-3, validate_every=400)
_SHORT_TUNED = paper_schedule(steps=1000, validate_every=250)
_OUR_TUNED = Schedule(steps=1000, batch=8, learning_rate=3e-4, validate_every=250)
TUNED, OURS = "fine-tuned", "fine-tuned, our schedule"
"""Rows: by the schedule that the paper learns prompts with, and by AdamW in one cycle with varied pictures."""


@dataclass(frozen=True)
class Effort:
    """How much is learned; the defaults are the shortened schedules of the study on two cores.

    Attributes:
        single, pnet, tuned, our_tuned: schedules; their seed is replaced by each run's.
        pnet_width, pnet_downs, pnet_side: of the prompting network.
        seeds: runs of every learned method.
        ablation_seeds: runs of every ablation.
        train, validation, test: objects to learn from, to choose the best state with, to report on (each test set).
    """

    single: Schedule = _SHORT_SINGLE
    pnet: Schedule = _SHORT_PNET
    tuned: Schedule = _SHORT_TUNED
    our_tuned: Schedule = _OUR_TUNED
    pnet_width: int = 16
    pnet_downs: int = 5
    pnet_side: int = 160
    seeds: int = 3
    ablation_seeds: int = 1
    train: int = 2500
    validation: int = 200
    test: int = 400

    @property
    def schedules(self) -> dict[str, Schedule]:
        """By the name of the attribute."""
        return {name: getattr(self, name) for name in ("single", "pnet", "tuned", "our_tuned")}

    def shrunk(
        self, steps: int | None, pictures: int | None, batch: int | None = None, validation: int | None = None
    ) -> Effort:
        """With fewer steps of every run, fewer pictures, fewer a step and to validate with; None leaves them."""
        effort = self
        if steps is not None:
            shorter = {
                name: replace(each, steps=steps, validate_every=min(each.validate_every, steps))
                for name, each in self.schedules.items()
            }
            effort = replace(effort, **shorter)  # type: ignore[arg-type]
        if pictures is not None:
            fewer = min(pictures, 200)
            effort = replace(effort, train=pictures, validation=fewer, test=fewer)
        if batch is not None:
            smaller = {name: replace(each, batch=batch) for name, each in effort.schedules.items()}
            effort = replace(effort, **smaller)  # type: ignore[arg-type]
        return effort if validation is None else replace(effort, validation=validation)


_PAPER = paper_schedule()
_LONG_TUNED = replace(_OUR_TUNED, steps=_PAPER.steps, learning_rate=5e-5, validate_every=_PAPER.validate_every)
PAPER_EFFORT = Effort(_PAPER, _PAPER, _PAPER, _LONG_TUNED, pnet_width=64, pnet_downs=7, pnet_side=384, train=8000)


@dataclass(frozen=True)
class Run:
    """One thing to learn, or all that needs no learning.

    Attributes:
        network: what it is learned through.
        row: name of the table's row.
        method: what is learned.
        schedule: how long; unused for "fixed".
        settings: of the prompt; None where there is none.
        objects: the first so many are learned from; 0: all.
        side: of the prompt and of the pictures that the network sees; 0: the network's own.
    """

    network: StudiedNetwork
    row: str
    method: Method
    schedule: Schedule
    settings: PromptSettings | None = None
    objects: int = 0
    side: int = 0

    @property
    def folder(self) -> str:
        """Where its result goes, relative to the study's folder."""
        name = self.row.replace(",", "").replace(" ", "-")
        return f"{self.network.name}/{name}-{self.schedule.seed}"


def runs(networks: list[StudiedNetwork], effort: Effort) -> Iterator[Run]:
    """Everything, the most telling first."""
    single = PromptSettings()
    pnet = PromptSettings(kind="pnet", width=effort.pnet_width, downs=effort.pnet_downs, side=effort.pnet_side)
    for network in networks:
        yield Run(network, "fixed", "fixed", effort.single)
    for seed in range(effort.seeds):
        for network in networks:
            yield Run(network, "1-BG", "1-BG", replace(effort.single, seed=seed), single)
            yield Run(network, "PNet", "PNet", replace(effort.pnet, seed=seed), pnet)
            yield Run(network, TUNED, "fine-tuned", replace(effort.tuned, seed=seed))
            yield Run(network, OURS, "fine-tuned", replace(effort.our_tuned, seed=seed))
    for seed in range(effort.ablation_seeds):
        for network in networks:
            for row, change in ABLATIONS.items() if network.ablations else ():
                if row.startswith("1-BG"):
                    yield Run(network, row, "1-BG", replace(effort.single, seed=seed), replace(single, **change))
                else:
                    yield Run(network, row, "PNet", replace(effort.pnet, seed=seed), replace(pnet, **change))
