"""depth-prompt view: a recording, a replay's bag or run's output on a timeline in Rerun."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def view(
    source: Annotated[Path, typer.Argument(help="A camera's bag, a replay's bag, or what depth-prompt run wrote.")],
    save: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--save", help="Recording to write, .rrd, where there is no display."),
    ] = None,
    params: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--params", help="Parameter file, for a camera's bag; or the name of a shipped one."),
    ] = None,
    frames: Annotated[int, typer.Option("--frames", min=1, help="At most so many.")] = 1000,
) -> None:
    """Pictures, masks, measured and merged depth, provenance and points on a timeline (extra view).

    A camera's bag goes through the pipeline while it is shown. A replay's bag has no pictures: replay --view.
    """
    from itertools import islice

    from depth_prompt_ros.cli.progress import stoppable
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.view.sources import frames_of
    from depth_prompt_ros.view.viewer import viewer

    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    with stoppable(), viewer(source.resolve().name, save) as shows:
        for shown in islice(frames_of(source, parameters), frames):
            shows.show(shown)
    typer.echo(said(shows.frames, save))


def said(frames: int, save: Path | None) -> str:
    """What was shown, and how a file is opened."""
    count = f"{frames} frame{'' if frames == 1 else 's'}"
    return f"{count} in {save}: open it with rerun {save}" if save else f"{count} shown"
