"""depth-prompt prepare: a picture set to learn from, from a published data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def prepare(
    layout: Annotated[
        str,
        typer.Argument(
            help="abo, hm3d-abo, gso, hndr, nerfies; ToM masks: trans10k, msd; metric depth: nyu-train, nyu-test, "
            "nyu-png, kitti, kitti-test, or bag for a recording. Stereo: pairs for a recording of such."
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
    params: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--params", help="ROS parameter file with the topics of a recorded pair; else the default ones."),
    ] = None,
    truth_topic: Annotated[
        str, typer.Option("--truth-topic", help="Of pairs: true depth or a DisparityImage, if the recording has it.")
    ] = "/truth/depth",
    tom_topic: Annotated[
        str,
        typer.Option(
            "--tom-topic", help="Of pairs: mask of what is transparent or mirror; where there is none, one is found."
        ),
    ] = "/truth/tom_mask",
    labels_topic: Annotated[
        str, typer.Option("--labels-topic", help="Of pairs: labels of things, if the recording has them.")
    ] = "/labels",
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
    if layout == "pairs":
        for line in _prepare_pairs(folder, out, size, limit, params, (truth_topic, tom_topic, labels_topic)):
            typer.echo(line)
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


def _prepare_pairs(
    bag: Path, out: Path, height: int, limit: int, params: Path | None, topics: tuple[str, str, str]
) -> list[str]:
    """Write a recording's pairs as a set to learn stereo from; what there is to say about it.

    Raises:
        BadInput: no readable bag, no pair, a topic of the wrong type, or the set cannot be written.
    """
    from depth_prompt_ros.bag.sources.stereo_pairs import RecordedPairs, write_pairs
    from depth_prompt_ros.bag.storage.recording import Recording
    from depth_prompt_ros.bag.truth.source import TruthSource
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.stages.classes import tom_segmenter

    there = Recording(bag).types
    depth, tom, labels = (topic if topic in there else "" for topic in topics)
    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    find, masks = None, f"of {tom}"
    if not tom:
        find, file = tom_segmenter()
        masks = f"found by {file.stem}"
    pairs = RecordedPairs(bag, parameters, TruthSource(depth, tom, labels), find)
    settings: dict[str, object] = {
        "layout": "pairs", "folder": str(bag.resolve()), "truth": depth, "masks": masks, "labels": labels
    }  # fmt: skip
    written = write_pairs(out, settings, pairs, height, limit)
    known = "no true depth: it cannot be validated on" if not depth else f"true depth of {depth}"
    return [
        f"{out}: {len(written)} pairs, {known}, masks {masks}",
        *(f"left out {count}: {reason}" for reason, count in pairs.skipped.items()),
    ]
