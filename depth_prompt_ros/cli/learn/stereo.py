"""depth-prompt learn stereo: a stereo network on pairs with true disparity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn.options import (
    Float32,
    Pairs,
    Rate,
    Seed,
    Steps,
    StereoNetwork,
    ValidateEvery,
    WeightsOut,
)
from depth_prompt_ros.cli.progress import print_figures, progress


def stereo(
    data: Annotated[Path, typer.Argument(help="Stereo set to learn from.")],
    validation: Annotated[Path, typer.Option("--validation", help="Stereo set to validate on.")],
    out: WeightsOut,
    network: StereoNetwork = "raft-stereo-small",
    weights: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--weights", help="Where to start; random weights if not given."),
    ] = None,
    steps: Steps = 2400,
    batch: Pairs = 4,
    learning_rate: Rate = 1e-3,
    seed: Seed = 0,
    validate_every: ValidateEvery = 400,
    float32: Float32 = False,
) -> None:
    """Learn a stereo network from the true disparity of what is opaque.

    Interrupted, the same command goes on where it stopped.
    """
    from depth_prompt_ros.data.sets.stereo_set import StereoSet
    from depth_prompt_ros.learning.stereo.learn import learn_stereo
    from depth_prompt_ros.learning.trainer import Schedule

    schedule = Schedule(steps, batch, learning_rate, seed, not float32, "one-cycle", validate_every)
    with progress("learning", "steps") as report:
        figures = learn_stereo(
            StereoSet.open(data), StereoSet.open(validation), out, schedule, network, weights, report=report
        )
    print_figures(out, figures)
