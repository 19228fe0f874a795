"""depth-prompt study video: depth and masks learned from video without labels (arXiv 2205.08851)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.progress import stoppable
from depth_prompt_ros.cli.study.options import Out, PageOnly, Results


def video(
    out: Out = Path("study-video"),
    results: Results = None,
    real: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--real", help="Folder of a real video with depth to check with."),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Runs of the first rows.")] = 1,
    first: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--first", min=1, help="Rows that get all seeds; the others get one. Else all do."),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Of each stage of the rendered rows.")] = 500,
    width: Annotated[float, typer.Option("--width", min=0.01, help="Of the networks of the rendered rows.")] = 0.25,
    page_only: PageOnly = False,
) -> None:
    """Depth and masks learned from rendered workspaces with movers, and from real video, beside simple rows."""
    from depth_prompt_ros.learning.video.study.plan import Effort
    from depth_prompt_ros.learning.video.study.study import study_video

    effort = Effort(steps=steps, width=width, seeds=seeds, first=first)
    page = results or out / "video.md"
    with stoppable():
        study_video(effort, out, page, real, not page_only, lambda line: typer.echo(line, err=True))
    typer.echo(page)
