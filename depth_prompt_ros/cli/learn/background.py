"""depth-prompt learn background: a prompt through a frozen depth network (arXiv 2306.05428)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn.options import (
    Batch,
    Cache,
    DepthNetwork,
    Pictures,
    Seed,
    Steps,
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
    steps: Steps = 2500,
    pictures: Pictures = 4000,
    test_pictures: TestPictures = 200,
    batch: Batch = 16,
    learning_rate: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--learning-rate", min=0.0, help="Peak of the one-cycle schedule; else 0.01, 0.001 with --pnet."),
    ] = None,
    seed: Seed = 0,
    validate_every: Annotated[int, typer.Option(min=0, help="Steps between validations; the best one is kept.")] = 500,
    paper_schedule: Annotated[
        bool,
        typer.Option(
            "--paper-schedule", help="SGD, 150,000 steps of 8 at 5e-4, a tenth of it for the last fifth: for a GPU."
        ),
    ] = False,
    pnet: Annotated[bool, typer.Option("--pnet", help="A prompting network instead of a single background.")] = False,
    width: Annotated[int, typer.Option("--width", min=1, help="Of the prompting network; the paper's is 64.")] = 64,
    downs: Annotated[int, typer.Option("--downs", min=1, help="Halvings in it; the paper's has 7.")] = 7,
    sees: Annotated[
        str, typer.Option("--sees", help="What the prompting network looks at: mask, image, or box (aligned mask).")
    ] = "mask",
    image_space: Annotated[bool, typer.Option("--image-space", help="Ablation: pixels instead of a spectrum.")] = False,
    additive: Annotated[bool, typer.Option("--additive", help="Ablation: add the prompt, do not replace.")] = False,
    no_bias: Annotated[bool, typer.Option("--no-bias", help="Ablation: the prompting network alone.")] = False,
    no_decorrelation: Annotated[bool, typer.Option("--no-decorrelation", help="Ablation: plain RGB spectra.")] = False,
    float32: Annotated[bool, typer.Option("--float32", help="No bfloat16 in the frozen network.")] = False,
) -> None:
    """Learn a prompt through the frozen network; the defaults made the shipped one.

    Interrupted, the same command goes on where it stopped.
    """
    from depth_prompt_ros.data.sets.picture_set import PictureSet
    from depth_prompt_ros.graph.prompt import PromptSettings
    from depth_prompt_ros.learning.background.learn import learn_background, require_objects
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
        not no_decorrelation,
        sees,  # type: ignore[arg-type]
        not no_bias,
        width,
        downs,
    )
    if paper_schedule:
        schedule = Schedule(150_000, 8, 5e-4, seed, not float32, "paper", validate_every)
    else:
        rate = learning_rate or (1e-3 if pnet else 1e-2)
        schedule = Schedule(steps, batch, rate, seed, not float32, "one-cycle", validate_every)
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
