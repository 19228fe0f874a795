"""depth-prompt learn metric: what is measured in and around a target, into the prompted network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn.options import DepthNetwork, Rate, Seed, Steps, WeightsFile, WeightsOut
from depth_prompt_ros.cli.progress import print_figures, progress


def metric(
    tables: Annotated[
        list[Path],
        typer.Argument(help="Sets of depth-prompt render --kind tables-tidy and tables; one named twice counts twice."),
    ],
    validation: Annotated[
        list[Path], typer.Option("--validation", help="Sets of tables to choose the best state on; may be repeated.")
    ],
    out: WeightsOut,
    prompt: Annotated[
        Path, typer.Option("--prompt", help="Background that was learned through the network; else the shipped one.")
    ] = Path("models/background.safetensors"),
    network: DepthNetwork = "scene-net",
    weights: WeightsFile = None,
    start: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--start", help="Metric prompt to go on from."),
    ] = None,
    average: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--average", help="Another metric prompt; the mean of it and what is learned is written."),
    ] = None,
    cache: Annotated[Path, typer.Option("--cache", help="Folder of the crops that are cut out of the tables.")] = Path(
        "crops"
    ),
    crops: Annotated[int, typer.Option("--crops", min=1, help="Crops to learn from.")] = 10000,
    test_crops: Annotated[int, typer.Option("--test-crops", min=1, help="Crops to validate on.")] = 400,
    steps: Steps = 6000,
    batch: Annotated[int, typer.Option("--batch", min=2, help="Crops a step.")] = 16,
    learning_rate: Rate = 2e-3,
    seed: Seed = 0,
    validate_every: Annotated[int, typer.Option(min=1, help="Steps between validations; the best one is kept.")] = 500,
) -> None:
    """Learn a metric prompt: trusted pixels, block, surroundings and support go into the frozen prompted network.

    Targets of rendered tables are hidden wholly, on one side, in blobs or all but a few pixels, and go through
    simulated sensors and the pipeline's own anchors. Interrupted, the same command continues where it stopped.
    """
    from depth_prompt_ros.learning.metric.crops import open_or_cut
    from depth_prompt_ros.learning.metric.learn import learn_metric
    from depth_prompt_ros.learning.trainer import Schedule
    from depth_prompt_ros.networks.catalogue import find
    from depth_prompt_ros.resources import named_file

    size = find(network).size
    with progress("cutting out") as report:
        folder = cache / f"crops-{size}-{crops}-{seed}"
        train = open_or_cut(folder, tables, crops, size, seed, lambda finished: report(finished, crops))
    held_out = open_or_cut(cache / f"crops-{size}-{test_crops}-test", validation, test_crops, size, 1)
    schedule = Schedule(steps, batch, learning_rate, seed, bfloat16=False, validate_every=validate_every)
    with progress("learning", "steps") as report:
        figures = learn_metric(
            train, held_out, out, schedule, named_file(prompt), network, weights, start, report, average
        )
    print_figures(out, figures)
