"""depth-prompt learn tom-mono: a depth network fine-tuned on virtual labels (arXiv 2307.15052)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn.options import DepthNetwork, Seed, WeightsFile, WeightsOut
from depth_prompt_ros.cli.progress import progress


def tom_mono(
    labels: Annotated[list[Path], typer.Argument(help="Folders that tom-labels wrote, with this network.")],
    out: WeightsOut,
    network: DepthNetwork = "scene-net",
    weights: WeightsFile = None,
    validation: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--validation", help="Folder of other labels; the state that fits them best is kept."),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Times that each label is seen.")] = 20,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Pictures a step.")] = 8,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", min=0.0, help="Of the first epoch; 0.95 times the last one's after.")
    ] = 1e-7,
    one_cycle: Annotated[
        bool, typer.Option("--one-cycle", help="AdamW, the rate is the peak of one cycle: for small networks.")
    ] = False,
    gradients: Annotated[float, typer.Option("--gradients", min=0.0, help="Weight of the gradients' term.")] = 1.0,
    squares: Annotated[float, typer.Option("--squares", min=0.0, help="Weight of the squares' term.")] = 1.0,
    tom: Annotated[float, typer.Option("--tom", min=0.0, help="Weight of ToM pixels; others have 1.")] = 1.0,
    whole: Annotated[
        bool, typer.Option("--whole", help="Learn from whole pictures, not from windows or squares.")
    ] = False,
    strong: Annotated[bool, typer.Option("--strong", help="Vary colours more: for few or rendered pictures.")] = False,
    keep: Annotated[
        float, typer.Option("--keep", min=0.0, max=1.0, help="Share of the installed weights in the result.")
    ] = 0.0,
    seed: Seed = 0,
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="Run the network in bfloat16 where the processor has it: half the time.")
    ] = False,
) -> None:
    """Fine-tune a network on virtual labels; the defaults are the paper's, for large networks.

    Interrupted, the same command goes on where it stopped.
    """
    from dataclasses import replace

    from depth_prompt_ros.learning.tom.mono import Labels, Weights, learn_tom_mono, paper_schedule
    from depth_prompt_ros.networks.catalogue import find

    find(network)
    train = Labels(labels, network)
    held_out = Labels([validation], network) if validation else None
    schedule = paper_schedule(len(train), epochs, batch, learning_rate, seed, bfloat16)
    if one_cycle:
        schedule = replace(schedule, recipe="one-cycle")
    if held_out:
        schedule = replace(schedule, validate_every=-(-len(train) // batch))
    terms = Weights(gradients=gradients, squares=squares, tom=tom)
    with progress("learning", "steps") as report:
        figure = learn_tom_mono(train, out, schedule, network, weights, held_out, terms, whole, strong, keep, report)
    typer.echo(f"{out}" + (f": loss on {validation} {figure:.5f}" if held_out else ""))
