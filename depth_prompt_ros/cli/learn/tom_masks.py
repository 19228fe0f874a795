"""depth-prompt learn tom-masks: the segmenter of transparent and mirror surfaces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn.options import Rate, Seed, Steps, WeightsOut
from depth_prompt_ros.cli.progress import print_figures, progress


def tom_masks(
    out: WeightsOut,
    data: Annotated[
        list[Path],
        typer.Argument(
            help="Sets to learn from: stereo pairs of depth-prompt render, or pictures with ToM masks of depth-prompt "
            "prepare.",
        ),
    ],
    validation: Annotated[
        Optional[list[Path]],  # noqa: UP045 (typer evaluates it)
        typer.Option("--validation", help="Set to choose the best state and threshold on; else a tenth of DATA."),
    ] = None,
    weights: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--weights", help="Weights to start from, such as the shipped models/tom_masks.safetensors."),
    ] = None,
    steps: Steps = 3600,
    batch: Annotated[int, typer.Option("--batch", min=2, help="Pictures a step.")] = 16,
    learning_rate: Rate = 2e-3,
    seed: Seed = 0,
    validate_every: Annotated[int, typer.Option(min=1, help="Steps between validations; the best one is kept.")] = 600,
    float32: Annotated[bool, typer.Option("--float32", help="No bfloat16.")] = False,
) -> None:
    """Learn which pixels of a picture are transparent or mirror; the result runs as tom.method onnx.

    Interrupted, the same command goes on where it stopped.
    """
    from depth_prompt_ros.data.sets.tom_mask_set import TomMaskSet
    from depth_prompt_ros.learning.tom.masks import learn_tom_masks
    from depth_prompt_ros.learning.trainer import Schedule

    train, held_out = ([TomMaskSet.open(folder) for folder in folders or ()] for folders in (data, validation))
    schedule = Schedule(steps, batch, learning_rate, seed, not float32, validate_every=validate_every)
    with progress("learning", "steps") as report:
        figures = learn_tom_masks(train, held_out, out, schedule, weights, report)
    print_figures(out, figures)
