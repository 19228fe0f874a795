"""depth-prompt learn tom-labels, tom-mono: depth networks that know transparent and mirror surfaces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from depth_prompt_ros.cli.learn import Seed, progress

if TYPE_CHECKING:
    from depth_prompt_ros.data.tom_pictures import TomPictures

Network = Annotated[str, typer.Option("--network", help="Name in the catalogue.")]
WeightsFile = Annotated[
    Optional[Path],  # noqa: UP045 (typer evaluates it)
    typer.Option("--weights", help="The network's weights; the installed ones if not given."),
]


def tom_labels(
    pictures: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="Folder with images/NAME.jpg and masks/NAME.png, stereo set, or recording with --image and --mask.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the labels.")],
    network: Network = "scene-net",
    weights: WeightsFile = None,
    colours: Annotated[int, typer.Option("--colours", min=1, help="Paintings of each picture; 1 is grey.")] = 5,
    per_instance: Annotated[
        bool, typer.Option("--per-instance", help="In each painting every thing gets a colour of its own.")
    ] = False,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="Look at each painting in a mirror too: better labels, twice the time.")
    ] = False,
    image_topic: Annotated[str, typer.Option("--image", help="Picture topic of a recording.")] = "/left/image_rect",
    mask_topic: Annotated[str, typer.Option("--mask", help="ToM mask topic of a recording.")] = "/tom_mask",
    tolerance: Annotated[float, typer.Option(min=0.0, help="Stamps closer than this belong together, seconds.")] = 0.02,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Painted pictures through the network at once.")] = 16,
    seed: Annotated[int, typer.Option("--seed", help="Of the colours, with each picture's name.")] = 0,
) -> None:
    """Label pictures with what a network says when transparent and mirror surfaces are painted over.

    Pictures that have their label are skipped: interrupted, the same command goes on.
    """
    from depth_prompt_ros.learning.virtual_labels import Painting, write_virtual_labels

    painting = Painting(colours, per_instance, mirrored, seed)
    source = _pictures(pictures, image_topic, mask_topic, tolerance)
    with progress("labelling") as report:
        done, before = write_virtual_labels(
            source, str(pictures.resolve()), out, network, weights, painting, batch, report
        )
    typer.echo(f"{out}: {done} labelled, {before} before")
    for reason, count in getattr(source, "skipped", {}).items():
        typer.echo(f"{count} left out: {reason}", err=True)


def tom_mono(
    labels: Annotated[list[Path], typer.Argument(help="Folders that tom-labels wrote, with this network.")],
    out: Annotated[Path, typer.Option("--out", help="Weights to write, .safetensors; log and card go beside it.")],
    network: Network = "scene-net",
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
    whole: Annotated[bool, typer.Option("--whole", help="Learn from whole pictures, not from square windows.")] = False,
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

    from depth_prompt_ros.learning.tom_mono import Labels, Weights, learn_tom_mono, paper_schedule
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
    with progress("learning") as report:
        figure = learn_tom_mono(train, out, schedule, network, weights, held_out, terms, whole, strong, keep, report)
    typer.echo(f"{out}" + (f": loss on {validation} {figure:.5f}" if held_out else ""))


def _pictures(path: Path, image_topic: str, mask_topic: str, tolerance: float) -> TomPictures:
    """What is at ``path``: a stereo set has lefts.npy, a recording its files; everything else is a folder."""
    from depth_prompt_ros.data.stereo_set import StereoSet
    from depth_prompt_ros.data.tom_pictures import TomFolder, TomStereoSet

    if (path / "lefts.npy").is_file():
        return TomStereoSet(StereoSet.open(path))
    bags = (".mcap", ".db3")
    if path.suffix in bags or (path.is_dir() and any(file.suffix in bags for file in path.iterdir())):
        from depth_prompt_ros.bag.tom_pictures import RecordedTomPictures

        return RecordedTomPictures(path, image_topic, mask_topic, tolerance)
    return TomFolder(path)
