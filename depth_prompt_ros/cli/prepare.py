"""depth-prompt prepare: a picture set to learn from, from a published data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def prepare(
    layout: Annotated[str, typer.Argument(help="abo, hm3d-abo, gso, hndr, nerfies; ToM masks: trans10k, msd.")],
    folder: Annotated[Path, typer.Argument(help="The data set as it was published.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the picture set to write.")],
    size: Annotated[
        int,
        typer.Option(
            min=16, help="Side of the square pictures: the network's, 384 for most; height of those with masks."
        ),
    ] = 384,
    limit: Annotated[int, typer.Option(min=0, help="At most so many, spread over the data set; 0 = all.")] = 0,
) -> None:
    """Cut and resize the pictures of a published data set, their depth, masks and cameras, for depth-prompt learn."""
    from depth_prompt_ros.cli.progress import progress
    from depth_prompt_ros.data.readers.prepare import prepare as prepare_set

    with progress(f"reading {layout}") as report:
        prepared = prepare_set(layout, folder, out, size, limit, report)
    typer.echo(f"{out}: {len(prepared.pictures)} pictures")
    for reason, count in prepared.skipped.items():
        typer.echo(f"left out {count}: {reason}")
