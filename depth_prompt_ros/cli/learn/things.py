"""depth-prompt learn things: the network that finds things and glass on tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn.options import Rate, Seed, Steps, WeightsOut
from depth_prompt_ros.cli.progress import print_figures, progress


def things(
    data: Annotated[
        list[Path],
        typer.Argument(help="Sets of rendered tables, of depth-prompt render --kind tables and tables-stacked."),
    ],
    validation: Annotated[Path, typer.Option("--validation", help="Set to choose the best state on.")],
    out: WeightsOut,
    opaque: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--opaque", help="Folder of real scenes without anything transparent or mirror."),
    ] = None,
    weights: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--weights", help="Weights to start from, such as the shipped things.safetensors."),
    ] = None,
    average: Annotated[
        bool, typer.Option("--average", help="Write the mean of the weights started from and those learned.")
    ] = False,
    steps: Steps = 6000,
    batch: Annotated[int, typer.Option("--batch", min=2, help="Tables a step.")] = 16,
    learning_rate: Rate = 2e-3,
    seed: Seed = 0,
    validate_every: Annotated[int, typer.Option(min=1, help="Steps between validations; the best one is kept.")] = 600,
    float32: Annotated[bool, typer.Option("--float32", help="No bfloat16 in the network.")] = False,
) -> None:
    """Learn to find things and glass on tables from colour and simulated depth; segmentation.method things runs it.

    Interrupted, the same command continues where it stopped.
    """
    from depth_prompt_ros.data.readers.scenes import list_scenes, read_scene
    from depth_prompt_ros.data.sets.table_set import TableSet
    from depth_prompt_ros.learning.things.learn import learn_things
    from depth_prompt_ros.learning.trainer import Schedule

    if average and weights is None:
        raise typer.BadParameter("--average is with the weights that are started from: give --weights")
    scenes = [read_scene(folder) for folder in list_scenes(opaque)] if opaque else []
    sets = [TableSet.open(folder) for folder in data]
    schedule = Schedule(steps, batch, learning_rate, seed, not float32, validate_every=validate_every)
    with progress("learning", "steps") as report:
        figures = learn_things(sets, TableSet.open(validation), out, schedule, scenes, weights, average, report)
    print_figures(out, figures)
