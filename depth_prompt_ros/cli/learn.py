"""depth-prompt learn: the shipped depth network, and backgrounds through a frozen network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import typer

if TYPE_CHECKING:
    from depth_prompt_ros.data.picture_set import PictureSet

app = typer.Typer(no_args_is_help=True, help="Learn the depth network and its background prompt on rendered pictures.")

Cache = Annotated[Path, typer.Option("--cache", help="Folder of the rendered pictures; they are made once.")]
Steps = Annotated[int, typer.Option("--steps", min=1, help="Optimiser steps.")]
Pictures = Annotated[int, typer.Option("--pictures", min=1, help="Rendered pictures to learn from.")]
TestPictures = Annotated[int, typer.Option("--test-pictures", min=1, help="Rendered pictures to test on.")]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Pictures a step.")]
Rate = Annotated[float, typer.Option("--learning-rate", min=0.0, help="Peak of the one-cycle schedule.")]
Seed = Annotated[int, typer.Option("--seed", help="Of batches, augmentation and first weights.")]

SCENE_SEEDS, OBJECT_SEEDS = (100, 101), (200, 201)


@app.command("scene-network")
def scene_network(
    out: Annotated[Path, typer.Option("--out", help="Weights to write, .safetensors.")],
    network: Annotated[str, typer.Option("--network", help="scene-net (convolutional) or scene-vit (transformer).")] = (
        "scene-net"
    ),
    cache: Cache = Path("rendered"),
    steps: Steps = 7400,
    pictures: Pictures = 20000,
    test_pictures: TestPictures = 400,
    batch: Batch = 32,
    learning_rate: Rate = 2e-3,
    seed: Seed = 0,
) -> None:
    """Learn a small depth network on rendered scenes; the defaults made the shipped scene-net.

    The shipped scene-vit was made with --network scene-vit --steps 5200 --learning-rate 7e-4.

    Interrupted, the same command goes on where it stopped.
    """
    from depth_prompt_ros.learning.scene_network import learn_scene_network
    from depth_prompt_ros.learning.trainer import Schedule
    from depth_prompt_ros.networks.catalogue import find

    size = find(network).size
    train = _rendered(cache, "scenes", pictures, size, SCENE_SEEDS[0])
    test = _rendered(cache, "scenes", test_pictures, size, SCENE_SEEDS[1])
    with progress("learning") as report:
        figures = learn_scene_network(
            train, test, out, Schedule(steps, batch, learning_rate, seed), network, report=report
        )
    print_figures(out, figures)


@app.command("background")
def background(
    out: Annotated[Path, typer.Option("--out", help="Prompt to write, .safetensors; pictures and log go beside it.")],
    network: Annotated[str, typer.Option("--network", help="Frozen network, a name in the catalogue.")] = "scene-net",
    weights: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--weights", help="The network's weights; the installed ones if not given."),
    ] = None,
    data: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--data", help="Picture set to learn from, as depth-prompt prepare writes it; else rendered."),
    ] = None,
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
    from depth_prompt_ros.data.picture_set import PictureSet
    from depth_prompt_ros.graph.prompt import PromptSettings
    from depth_prompt_ros.learning.background import learn_background
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
    train = PictureSet.open(data) if data else _rendered(cache, "objects", pictures, size, OBJECT_SEEDS[0])
    held_out = (
        PictureSet.open(validation) if validation else _rendered(cache, "objects", test_pictures, size, OBJECT_SEEDS[1])
    )
    with progress("learning") as report:
        figures = learn_background(train, held_out, out, schedule, settings, network, weights, report)
    print_figures(out, figures)


def _rendered(cache: Path, kind: Literal["scenes", "objects"], count: int, size: int, seed: int) -> PictureSet:
    from depth_prompt_ros.data.rendered import open_or_render

    with progress(f"rendering {count} {kind}") as report:
        folder = cache / f"{kind}-{size}-{count}-{seed}"
        return open_or_render(folder, kind, count, size, seed, done=lambda finished: report(finished, count))


@contextmanager
def progress(title: str) -> Iterator[Callable[..., None]]:
    """A bar with the loss and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, loss="")

        def report(done: int, total: int, losses: dict[str, float] | None = None, _: float = 0.0) -> None:
            described = " ".join(f"{name} {value:.4f}" for name, value in (losses or {}).items())
            bar.update(task, completed=done, total=total, loss=described)

        yield report


def print_figures(out: Path, figures: dict[str, Any]) -> None:
    """What was written, and its figures as JSON."""
    import json

    typer.echo(f"{out}\n{json.dumps(figures, indent=1)}")
