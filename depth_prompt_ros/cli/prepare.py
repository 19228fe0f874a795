"""depth-prompt prepare: a picture set to learn from, from a published data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def prepare(
    layout: Annotated[
        str,
        typer.Argument(
            help="abo, hm3d-abo, gso, hndr, nerfies; ToM masks: trans10k, msd; metric depth: nyu-train, nyu-test, "
            "nyu-png, kitti, kitti-test, or bag for a recording."
        ),
    ],
    folder: Annotated[Path, typer.Argument(help="The data set as it was published, or a recording.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the picture set to write.")],
    size: Annotated[
        int,
        typer.Option(
            min=16,
            help="Side of the square pictures: the network's, 384 for most; else height of the pictures.",
        ),
    ] = 384,
    split: Annotated[
        str,
        typer.Option(
            "--split", help="Part of the published split of abo and hm3d-abo: train (the default), test, or all."
        ),
    ] = "",
    limit: Annotated[int, typer.Option(min=0, help="At most so many, spread over the data set; 0 = all.")] = 0,
    image_topic: Annotated[str, typer.Option("--image", help="Picture topic of a recording.")] = "/left/image_rect",
    depth_topic: Annotated[str, typer.Option("--depth", help="Depth topic of a recording.")] = "/depth/image_rect",
) -> None:
    """Cut and resize the pictures of a published data set, their depth, masks and cameras, for depth-prompt learn."""
    from depth_prompt_ros.cli.progress import progress
    from depth_prompt_ros.data.readers.prepare import prepare as prepare_set

    if layout == "bag":
        count, skipped = _prepare_bag(folder, out, size, limit, image_topic, depth_topic)
        typer.echo(f"{out}: {count} pictures")
        for reason, left_out in skipped.items():
            typer.echo(f"left out {left_out}: {reason}")
        return
    with progress(f"reading {layout}") as report:
        prepared = prepare_set(layout, folder, out, size, limit, report, split)
    typer.echo(f"{out}: {len(prepared.pictures)} pictures")
    for reason, count in prepared.skipped.items():
        typer.echo(f"left out {count}: {reason}")


def _prepare_bag(
    bag: Path, out: Path, height: int, limit: int, image_topic: str, depth_topic: str
) -> tuple[int, dict[str, int]]:
    """How many pictures of a recording have depth and are written, and why others are not.

    Raises:
        BadInput: no readable bag, no such topics, no picture with depth, or the set cannot be written.
    """
    from depth_prompt_ros.bag.sources.metric_pictures import RecordedMetricPictures
    from depth_prompt_ros.data.readers.prepare import write_metric_set
    from depth_prompt_ros.errors import BadInput

    pictures = RecordedMetricPictures(bag, image_topic, depth_topic)
    count, size = 0, (height, height)
    for sample in pictures:
        size = (height, round(height * sample.image.shape[1] / sample.image.shape[0])) if not count else size
        count += 1
    skipped = dict(pictures.skipped)
    if not count:
        raise BadInput(f"no picture of {bag} has depth: {'; '.join(skipped) or 'it has none'}")
    step = -(-count // limit) if limit else 1
    settings = {
        "layout": "bag", "folder": str(bag.resolve()), "topics": [image_topic, depth_topic], "size": height,
        "limit": limit,
    }  # fmt: skip
    chosen = (sample for number, sample in enumerate(pictures) if number % step == 0)
    return len(write_metric_set(out, settings, chosen, -(-count // step), size)), skipped
