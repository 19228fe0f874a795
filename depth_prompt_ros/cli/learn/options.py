"""Options that several learn commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer

Cache = Annotated[Path, typer.Option("--cache", help="Folder of the rendered pictures; they are made once.")]
Steps = Annotated[int, typer.Option("--steps", min=1, help="Optimiser steps.")]
Pictures = Annotated[int, typer.Option("--pictures", min=1, help="Rendered pictures to learn from.")]
TestPictures = Annotated[int, typer.Option("--test-pictures", min=1, help="Rendered pictures to test on.")]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Pictures a step.")]
Rate = Annotated[float, typer.Option("--learning-rate", min=0.0, help="Peak of the one-cycle schedule.")]
Seed = Annotated[int, typer.Option("--seed", help="Of batches, augmentation and first weights.")]
WeightsFile = Annotated[
    Optional[Path],  # noqa: UP045 (typer evaluates it)
    typer.Option("--weights", help="Other weights of it: a file, or a model repository's folder."),
]
DepthNetwork = Annotated[str, typer.Option("--network", help="Depth network: of models list, a hub id, or your own.")]
StereoNetwork = Annotated[str, typer.Option("--network", help="Stereo network, a name in the catalogue.")]
Pairs = Annotated[int, typer.Option("--batch", min=1, help="Pairs a step.")]
ValidateEvery = Annotated[int, typer.Option(min=0, help="Steps between validations; the best one is kept.")]
Float32 = Annotated[bool, typer.Option("--float32", help="No bfloat16 in the network.")]


class MaskRule(str, Enum):
    """Which looks of a network learned from video are compared; see :mod:`depth_prompt_ros.stages.moving`."""

    DISPERSION = "dispersion"
    OUTLIER = "outlier"


Rule = Annotated[
    MaskRule,
    typer.Option(
        "--rule", help="dispersion: three looks disagree, as published; outlier: the first with each of the others."
    ),
]


def _new_weights(out: Path) -> Path:
    """Refuse a name that is no weights', and a finished run's, before anything is rendered or learned."""
    from depth_prompt_ros.learning.result_file import require_new, require_weights_name

    require_weights_name(out)
    require_new(out)
    return out


WeightsOut = Annotated[
    Path,
    typer.Option(
        "--out", "-o", callback=_new_weights, help="Weights to write, .safetensors; card, log, pictures go beside it."
    ),
]
