"""depth-prompt parameters: every parameter with its default, as a ROS parameter file or as a table."""

from __future__ import annotations

from typing import Annotated

import typer


def parameters(
    table: Annotated[bool, typer.Option("--table", help="Print a Markdown table instead.")] = False,
) -> None:
    """Print every parameter with its default, as a ROS parameter file."""
    from depth_prompt_ros.parameter_listing import markdown_table, ros_yaml

    typer.echo(markdown_table() if table else ros_yaml(), nl=False)
