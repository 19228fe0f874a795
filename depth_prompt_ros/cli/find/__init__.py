"""depth-prompt find: masks of what is in pictures, for what is learned from them."""

from __future__ import annotations

import typer

from depth_prompt_ros.cli.find import tom

app = typer.Typer(no_args_is_help=True, help="Find things in pictures and keep their masks.")


@app.callback()
def find() -> None:
    """Find things in pictures and keep their masks."""


app.command("tom")(tom.tom)
