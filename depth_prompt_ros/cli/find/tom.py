"""depth-prompt find tom: a segmenter's masks of transparent and mirror surfaces (proxy masks, arXiv 2307.15052)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from depth_prompt_ros.cli.progress import progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def tom(
    pictures: Annotated[Path, typer.Argument(metavar="INPUT", help="Folder of pictures, or recording with --image.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of images and masks, for learn tom-labels.")],
    network: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--network", help="YAML that describes a segmentation network's ONNX; else the shipped one."),
    ] = None,
    text: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--text", help="In place of it: names of what is glass or a mirror, commas between."),
    ] = None,
    text_network: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--text-network", help="YAML that depth-prompt export text writes, for --text."),
    ] = None,
    image_topic: Annotated[str, typer.Option("--image", help="Picture topic of a recording.")] = "/left/image_rect",
    every: Annotated[int, typer.Option("--every", min=1, help="So-many-th pictures of a recording only.")] = 1,
) -> None:
    """Write pictures with the masks that a segmenter finds in them, where nobody has drawn any.

    Pictures that have their mask are skipped: interrupted, the same command goes on.
    """
    from depth_prompt_ros.bag.sources.pictures import RecordedPictures, is_recording
    from depth_prompt_ros.data.sets.found_masks import FoundMasks, pictures_in

    if (text is None) != (text_network is None):
        raise typer.BadParameter("names need a network for texts, and it needs names: give both", param_hint="--text")
    detect, described = _detector(network, text, text_network)
    masks = FoundMasks(out, described)
    source = RecordedPictures(pictures, image_topic, every) if is_recording(pictures) else pictures_in(pictures)
    with progress("finding") as report:
        found, before = masks.find(source, detect, report)
    typer.echo(f"{out}: masks of {found} pictures, {before} before")
    for reason, count in getattr(source, "skipped", {}).items():
        typer.echo(f"{count} left out: {reason}", err=True)


def _detector(
    network: Path | None, text: str | None, text_network: Path | None
) -> tuple[Callable[[NDArray[np.uint8]], NDArray[np.bool_]], str]:
    """From (H, W, 3) uint8 RGB to (H, W) bool, and what it is, for cards."""
    if text is None:
        from depth_prompt_ros.stages.classes import tom_segmenter

        detect, file = tom_segmenter(network)
        return detect, f"found by {file.stem}"
    from depth_prompt_ros.parameters import RuntimeParameters, TomParameters
    from depth_prompt_ros.stages.text.finder import open_text_finder
    from depth_prompt_ros.stages.text.phrases import phrases_in

    phrases, threshold = phrases_in(text), TomParameters().text_threshold
    finder = open_text_finder(str(text_network), "tom", RuntimeParameters())
    finder.vectors(phrases)
    return (lambda image: finder.probabilities(image, phrases).max(0) >= threshold), f"found by text: {text}"
