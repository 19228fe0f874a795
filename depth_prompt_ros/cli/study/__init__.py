"""depth-prompt study: learn and compare, and write the page of results."""

from __future__ import annotations

import typer

from depth_prompt_ros.cli.study import background, clip, video

app = typer.Typer(no_args_is_help=True, help="Reproduce the studies whose results are in docs/results.")


@app.callback()
def study() -> None:
    """Reproduce the studies whose results are in docs/results."""


app.command("background")(background.background)
app.command("clip")(clip.clip)
app.command("video")(video.video)
