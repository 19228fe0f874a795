"""depth-prompt learn background: a prompt through a frozen depth network (arXiv 2306.05428)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from depth_prompt_ros.cli.learn.options import (
    Cache,
    DepthNetwork,
    Pictures,
    Seed,
    TestPictures,
    WeightsFile,
    WeightsOut,
)
from depth_prompt_ros.cli.learn.rendered import OBJECT_SEEDS, rendered_pictures
from depth_prompt_ros.cli.progress import print_figures, progress


def background(
    out: WeightsOut,
    data: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Argument(help="Picture set to learn from, as depth-prompt prepare writes it; rendered if not given."),
    ] = None,
    network: DepthNetwork = "scene-net",
    weights: WeightsFile = None,
    validation: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--validation", help="Picture set to validate on; else rendered."),
    ] = None,
    cache: Cache = Path("rendered"),
    steps: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--steps", min=1, help="Optimiser steps; else 2,500, or the paper's."),
    ] = None,
    pictures: Pictures = 4000,
    test_pictures: TestPictures = 200,
    batch: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--batch", min=1, help="Pictures a step; else 16, or the paper's."),
    ] = None,
    learning_rate: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--learning-rate",
            min=0.0,
            help="Peak of the one-cycle schedule; else 0.01, 0.001 with --pnet, or the paper's.",
        ),
    ] = None,
    seed: Seed = 0,
    validate_every: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=0, help="Steps between validations, the best one is kept; else 500, or the paper's 3,000."),
    ] = None,
    paper_schedule: Annotated[
        bool,
        typer.Option(
            "--paper-schedule",
            help="SGD, 150,000 steps of 8 at 5e-4, a tenth of it for the last fifth, in float32, pictures as they are, "
            "no gradient clipped: for a GPU. What else is given of steps, batch and rate is taken, and said.",
        ),
    ] = False,
    pnet: Annotated[bool, typer.Option("--pnet", help="A prompting network instead of a single background.")] = False,
    width: Annotated[int, typer.Option("--width", min=1, help="Of the prompting network; the paper's is 64.")] = 64,
    downs: Annotated[int, typer.Option("--downs", min=1, help="Halvings in it; the paper's has 7.")] = 7,
    side: Annotated[
        int, typer.Option("--side", min=1, help="Of the pictures that it works on, pixels; the paper's has 384.")
    ] = 384,
    sees: Annotated[
        str, typer.Option("--sees", help="What the prompting network looks at: mask, image, or box (aligned mask).")
    ] = "mask",
    image_space: Annotated[bool, typer.Option("--image-space", help="Ablation: pixels instead of a spectrum.")] = False,
    additive: Annotated[bool, typer.Option("--additive", help="Ablation: add the prompt, do not replace.")] = False,
    no_bias: Annotated[bool, typer.Option("--no-bias", help="Ablation: the prompting network alone.")] = False,
    decorrelation: Annotated[
        bool,
        typer.Option(
            "--decorrelation/--no-decorrelation", help="Learn the spectrum in decorrelated colours (Olah et al. 2017)."
        ),
    ] = False,
    float32: Annotated[bool, typer.Option("--float32", help="No bfloat16 in the frozen network.")] = False,
) -> None:
    """Learn a prompt through the frozen network; with --decorrelation, the defaults made the shipped one.

    Interrupted, the same command goes on where it stopped.
    """
    from depth_prompt_ros.data.sets.picture_set import PictureSet
    from depth_prompt_ros.graph.prompt import PromptSettings
    from depth_prompt_ros.learning.background.learn import learn_background, require_objects
    from depth_prompt_ros.learning.background.paper import not_the_papers
    from depth_prompt_ros.learning.background.paper import paper_schedule as published
    from depth_prompt_ros.learning.trainer import Schedule
    from depth_prompt_ros.networks.catalogue import find

    if sees not in ("mask", "image", "box"):
        raise typer.BadParameter(f"{sees!r} is none of mask, image, box", param_hint="--sees")
    if not pnet and (sees != "mask" or no_bias):
        raise typer.BadParameter("only a prompting network sees anything or has a bias: add --pnet")
    settings = PromptSettings(
        "pnet" if pnet else "single",
        "image" if image_space else "fourier",
        additive,
        decorrelation,
        sees,  # type: ignore[arg-type]
        not no_bias,
        width,
        downs,
        side,
    )
    given_of_it: dict[str, Any] = {
        name: value
        for name, value in (
            ("steps", steps), ("batch", batch), ("learning_rate", learning_rate), ("validate_every", validate_every),
        )
        if value is not None
    }  # fmt: skip
    if paper_schedule:
        schedule = published(**given_of_it, seed=seed)
        for line in not_the_papers(schedule, decorrelation):
            _say(line)
    else:
        ours = {"steps": 2500, "batch": 16, "learning_rate": 1e-3 if pnet else 1e-2, "validate_every": 500}
        schedule = Schedule(**{**ours, **given_of_it}, seed=seed, bfloat16=not float32)
    size = find(network).size
    given = {path: PictureSet.open(path) for path in (data, validation) if path}
    require_objects(size, *given.values())
    train = given[data] if data else rendered_pictures(cache, "objects", pictures, size, OBJECT_SEEDS[0])
    if validation:
        held_out = given[validation]
    else:
        held_out = rendered_pictures(cache, "objects", test_pictures, size, OBJECT_SEEDS[1])
    with progress("learning", "steps") as report:
        figures = learn_background(train, held_out, out, schedule, settings, network, weights, report, _say)
    print_figures(out, figures)


def _say(line: str) -> None:
    typer.echo(line, err=True)
