"""depth-prompt learn stereo, tom-stereo: stereo networks, and what they know of transparent and mirror surfaces."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn import Rate, Seed, Steps, print_figures, progress

Out = Annotated[Path, typer.Option("--out", help="Weights to write, .safetensors; card, log, pictures go beside it.")]
Network = Annotated[str, typer.Option("--network", help="Stereo network, a name in the catalogue.")]
Pairs = Annotated[int, typer.Option("--batch", min=1, help="Pairs a step.")]
ValidateEvery = Annotated[int, typer.Option(min=0, help="Steps between validations; the best one is kept.")]
Float32 = Annotated[bool, typer.Option("--float32", help="No bfloat16 in the network.")]


class Source(str, Enum):
    """Of the disparity outside ToM surfaces."""

    SET = "set"
    NETWORK = "network"
    SGBM = "sgbm"


def stereo(
    data: Annotated[Path, typer.Option("--data", help="Stereo set to learn from.")],
    validation: Annotated[Path, typer.Option("--validation", help="Stereo set to validate on.")],
    out: Out,
    network: Network = "raft-stereo-small",
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
    from depth_prompt_ros.data.stereo_set import StereoSet
    from depth_prompt_ros.learning.stereo_network import learn_stereo
    from depth_prompt_ros.learning.trainer import Schedule

    schedule = Schedule(steps, batch, learning_rate, seed, not float32, "one-cycle", validate_every)
    with progress("learning") as report:
        figures = learn_stereo(
            StereoSet.open(data), StereoSet.open(validation), out, schedule, network, weights, report=report
        )
    print_figures(out, figures)


def tom_stereo(
    data: Annotated[Path, typer.Option("--data", help="Stereo set to learn from, with ToM masks.")],
    mono: Annotated[Path, typer.Option("--mono", help="What learn tom-labels wrote for that set.")],
    validation: Annotated[Path, typer.Option("--validation", help="Stereo set to validate on.")],
    weights: Annotated[Path, typer.Option("--weights", help="The stereo network's weights, where to start.")],
    out: Out,
    labels: Annotated[Path, typer.Option("--labels", help="Folder for the merged labels.")],
    pairs: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--pairs", min=1, help="Learn from so many of the set's first pairs; all if not given."),
    ] = None,
    source: Annotated[
        Source,
        typer.Option("--source", help="Of disparity outside ToM: what the set measured, the network itself, or SGBM."),
    ] = Source.SET,
    paper: Annotated[
        bool, typer.Option("--paper", help="Fitted mono disparity on all of ToM, whatever frames it or it stands on.")
    ] = False,
    tom_weight: Annotated[
        float, typer.Option("--tom-weight", min=0.0, help="Of ToM pixels in the loss; others weigh 1.")
    ] = 1.0,
    network: Network = "raft-stereo-small",
    steps: Steps = 800,
    batch: Pairs = 4,
    learning_rate: Rate = 4e-4,
    seed: Seed = 0,
    validate_every: ValidateEvery = 100,
    float32: Float32 = False,
) -> None:
    """Fine-tune a stereo network on ToM surfaces: labels of what stereo sees around them and of virtual mono depth.

    Interrupted, the same command goes on where it stopped, with the labels too.
    """
    from depth_prompt_ros.data.stereo_set import StereoSet
    from depth_prompt_ros.learning.stereo_network import learn_stereo
    from depth_prompt_ros.learning.tom_stereo import make_labels, virtual_disparity
    from depth_prompt_ros.learning.trainer import Schedule

    train, held_out = StereoSet.open(data), StereoSet.open(validation)
    count = min(pairs or len(train), len(train))
    with progress("labelling") as report:
        made = make_labels(
            train, virtual_disparity(mono), labels, count, source.value, network, weights, not paper, report
        )
    typer.echo(f"{labels}: " + ", ".join(f"{name} {value:g}" for name, value in made.errors.items()))
    schedule = Schedule(steps, batch, learning_rate, seed, not float32, "one-cycle", validate_every)
    with progress("learning") as report:
        figures = learn_stereo(train, held_out, out, schedule, network, weights, made, tom_weight, report)
    print_figures(out, figures)
