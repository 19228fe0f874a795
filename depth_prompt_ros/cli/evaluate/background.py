"""depth-prompt evaluate background: learned backgrounds beside white and the original one, and what a fit leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn.options import DepthNetwork, WeightsFile


def background(
    folders: Annotated[
        list[Path], typer.Argument(help="Sets of objects, as depth-prompt prepare and render --kind objects write.")
    ],
    prompts: Annotated[
        Optional[list[Path]],  # noqa: UP045 (typer evaluates it)
        typer.Option(
            "--prompt", help="Learned through the network; again for runs with other seeds. Else the shipped."
        ),
    ] = None,
    network: DepthNetwork = "scene-net",
    weights: WeightsFile = None,
    json_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--json", help="Write the numbers here too."),
    ] = None,
) -> None:
    """A frozen network on learned, white and original backgrounds: by eq. 2 alone, and with scale and shift fitted."""
    import json

    from depth_prompt_ros.data.sets.picture_set import PictureSet
    from depth_prompt_ros.evaluation.table import table_text, wide_console
    from depth_prompt_ros.learning.background.given import given_errors, given_gains, given_table
    from depth_prompt_ros.resources import resource_path
    from depth_prompt_ros.written_aside import write_text

    chosen = prompts or ([resource_path("models/background.safetensors")] if network == "scene-net" else [])
    console, found = wide_console(), {}
    for folder in folders:
        errors = given_errors(chosen, network, weights, PictureSet.open(folder))
        table = given_table(errors, folder.name)
        found[folder.name] = {row.name: row.values for row in table.rows}
        console.print(table_text(table))
        for line in given_gains(errors):
            typer.echo(line)
    if json_file is not None:
        write_text(json_file, json.dumps(found, indent=1) + "\n")
