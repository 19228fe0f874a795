"""depth-prompt learn tom-labels: virtual depth labels of transparent and mirror surfaces (arXiv 2307.15052)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from depth_prompt_ros.cli.learn.options import DepthNetwork, WeightsFile
from depth_prompt_ros.cli.progress import progress

if TYPE_CHECKING:
    from depth_prompt_ros.data.sets.tom_pictures import TomPictures


def tom_labels(
    pictures: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="Folder with images/NAME.jpg and masks/NAME.png, stereo set, or recording with --image and --mask.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the labels.")],
    network: DepthNetwork = "scene-net",
    weights: WeightsFile = None,
    colours: Annotated[int, typer.Option("--colours", min=1, help="Paintings of each picture; 1 is grey.")] = 5,
    paint: Annotated[
        str,
        typer.Option(
            "--paint",
            help="What glass is painted over with: colours, texture, neighbours (their mean), none (control).",
        ),
    ] = "colours",
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
    from depth_prompt_ros.learning.tom.painting import Painting
    from depth_prompt_ros.learning.tom.virtual_labels import write_virtual_labels

    painting = Painting(colours, per_instance, mirrored, seed, paint)  # type: ignore[arg-type]
    painting.check()
    source = _pictures(pictures, image_topic, mask_topic, tolerance)
    with progress("labelling") as report:
        done, before = write_virtual_labels(
            source, str(pictures.resolve()), out, network, weights, painting, batch, report
        )
    typer.echo(f"{out}: {done} labelled, {before} before")
    for reason, count in getattr(source, "skipped", {}).items():
        typer.echo(f"{count} left out: {reason}", err=True)


def _pictures(path: Path, image_topic: str, mask_topic: str, tolerance: float) -> TomPictures:
    """What is at ``path``: a stereo set has lefts.npy, a recording its files; everything else is a folder."""
    from depth_prompt_ros.bag.sources.pictures import is_recording
    from depth_prompt_ros.data.sets.stereo_set import StereoSet
    from depth_prompt_ros.data.sets.tom_pictures import TomFolder, TomStereoSet

    if (path / "lefts.npy").is_file():
        return TomStereoSet(StereoSet.open(path))
    if is_recording(path):
        from depth_prompt_ros.bag.sources.tom_pictures import RecordedTomPictures

        return RecordedTomPictures(path, image_topic, mask_topic, tolerance)
    return TomFolder(path)
