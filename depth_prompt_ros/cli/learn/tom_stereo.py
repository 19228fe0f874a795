"""depth-prompt learn tom-stereo: a stereo network fine-tuned on transparent and mirror surfaces."""

from __future__ import annotations

from enum import Enum
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


class Source(str, Enum):
    """Of the disparity outside ToM surfaces."""

    NETWORK = "network"
    TRUTH = "truth"
    SGBM = "sgbm"


def tom_stereo(
    data: Annotated[Path, typer.Argument(help="Stereo set to learn from, with ToM masks.")],
    mono: Annotated[Path, typer.Option("--mono", help="What learn tom-labels wrote for that set.")],
    validation: Annotated[Path, typer.Option("--validation", help="Stereo set to validate on.")],
    weights: Annotated[Path, typer.Option("--weights", help="The stereo network's weights, where to start.")],
    out: WeightsOut,
    labels: Annotated[Path, typer.Option("--labels", help="Folder for the merged labels.")],
    pairs: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--pairs", min=1, help="Learn from so many of the set's first pairs; all if not given."),
    ] = None,
    source: Annotated[
        Source,
        typer.Option("--source", help="Of disparity outside ToM: the network itself, the set's truth, or SGBM."),
    ] = Source.NETWORK,
    paper: Annotated[
        bool, typer.Option("--paper", help="Fitted mono disparity on all of ToM, whatever frames it or it stands on.")
    ] = False,
    tom_weight: Annotated[
        float, typer.Option("--tom-weight", min=0.0, help="Of ToM pixels in the loss; others weigh 1.")
    ] = 1.0,
    network: StereoNetwork = "raft-stereo-small",
    steps: Steps = 800,
    batch: Pairs = 4,
    learning_rate: Rate = 4e-4,
    seed: Seed = 0,
    validate_every: ValidateEvery = 100,
    float32: Float32 = False,
) -> None:
    """Fine-tune a stereo network on ToM surfaces: labels of what it sees itself around them and of virtual mono depth.

    Interrupted, the same command goes on where it stopped, with the labels too.
    """
    from depth_prompt_ros.data.sets.stereo_set import StereoSet
    from depth_prompt_ros.learning.stereo.learn import learn_stereo
    from depth_prompt_ros.learning.stereo.tom import make_labels, virtual_disparity
    from depth_prompt_ros.learning.trainer import Schedule

    train, held_out = StereoSet.open(data), StereoSet.open(validation)
    count = min(pairs or len(train), len(train))
    with progress("labelling") as report:
        made = make_labels(
            train, virtual_disparity(mono), labels, count, source.value, network, weights, not paper, report
        )
    typer.echo(f"{labels}: " + ", ".join(f"{name} {value:g}" for name, value in made.errors.items()))
    schedule = Schedule(steps, batch, learning_rate, seed, not float32, "one-cycle", validate_every)
    with progress("learning", "steps") as report:
        figures = learn_stereo(train, held_out, out, schedule, network, weights, made, tom_weight, report)
    print_figures(out, figures)
