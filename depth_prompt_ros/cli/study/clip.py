"""depth-prompt study clip: mirror prompts through a small CLIP that is learned here (arXiv 2402.03251)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn.options import Cache
from depth_prompt_ros.cli.progress import stoppable
from depth_prompt_ros.cli.study.options import Out, Results


def clip(
    out: Out = Path("study-clip"),
    results: Results = None,
    cache: Cache = Path("rendered"),
    weights: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--weights", help="A small CLIP that is there already; else it is learned first."),
    ] = None,
    side: Annotated[int, typer.Option(min=32, help="Of the pictures, pixels; a multiple of 16.")] = 112,
    clip_pictures: Annotated[int, typer.Option(min=8, help="That the small CLIP learns from.")] = 20000,
    clip_steps: Annotated[
        Optional[list[int]],  # noqa: UP045
        typer.Option(min=1, help="Of the small CLIP; again for each further round, on from the last. Else 6000."),
    ] = None,
    clip_batch: Annotated[int, typer.Option(min=2, help="Pictures a step of the small CLIP.")] = 128,
    tables: Annotated[int, typer.Option(min=1, help="Of three objects, that captions are also learned on.")] = 1500,
    text_steps: Annotated[int, typer.Option(min=1, help="Of the decoder that segments by captions.")] = 2000,
    pictures: Annotated[int, typer.Option(min=2, help="That depth is learned from.")] = 4000,
    test_pictures: Annotated[int, typer.Option(min=2, help="That everything is measured on.")] = 500,
    steps: Annotated[int, typer.Option(min=1, help="Of every row.")] = 4000,
    batch: Annotated[int, typer.Option(min=1, help="Pictures a step of every row.")] = 8,
    rate: Annotated[float, typer.Option(min=0.0, help="Learning rate of every row's decoder.")] = 1e-3,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of every learned row.")] = 3,
    first: Annotated[int, typer.Option(min=0, help="Rows of the table that get all seeds; the others get one.")] = 15,
) -> None:
    """Mirror, free vector, sentence, similarity scores and more through a small CLIP, learned here, equal steps."""
    from depth_prompt_ros.learning.clip.study.plan import Effort
    from depth_prompt_ros.learning.clip.study.study import study_clip

    effort = Effort(
        side, clip_pictures, tuple(clip_steps or [6000]), clip_batch, tables, text_steps,
        pictures, test_pictures, steps, batch, rate, seeds, first,
    )  # fmt: skip
    page = results or out / "clip.md"
    with stoppable():
        study_clip(effort, cache, out, page, lambda line: typer.echo(line, err=True), weights)
    typer.echo(page)
