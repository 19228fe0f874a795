"""depth-prompt evaluate scenes: real scenes in a plain layout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.evaluate.page_options import JsonFile, PageFolder, page_command


def scenes(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of scenes: SCENE/image.png, camera.json, depth.png; boxes, labels, tom, truth. Each is a "
            "group; of one alone its sub-folders are."
        ),
    ],
    params: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option(
            "--params", help="ROS parameter file; with method labels the list of scenes is of the row with them given."
        ),
    ] = None,
    json_file: JsonFile = None,
    out: PageFolder = None,
    about: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--about", help="Markdown for the page: what the scenes are, for a group below ## GROUP."),
    ] = None,
) -> None:
    """Things found, measured pixels moved, and the depth of glass and of the rest, beside rows without a network.

    Scenes worst first. A damaged scene is named, the others are evaluated, and the exit code is 1.
    """
    from depth_prompt_ros.cli.progress import progress
    from depth_prompt_ros.evaluation.scenes.page import numbers, page, read_about, write_pictures
    from depth_prompt_ros.evaluation.scenes.run import evaluate_scenes, name_scenes
    from depth_prompt_ros.evaluation.scenes.tables import pooled_tables, scene_checks, scene_table
    from depth_prompt_ros.evaluation.table import print_checks, table_text, wide_console
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.written_aside import write_text

    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    groups = sorted({group for _, _, group in name_scenes(folders)})
    said = {} if about is None else read_about(about, groups)
    with progress("evaluating scenes") as report:
        evaluation = evaluate_scenes(folders, parameters, out is not None, report)
    console = wide_console()
    if evaluation.scenes:
        for table in (scene_table(evaluation), *pooled_tables(evaluation)):
            console.print(table_text(table, brief=True))
        print_checks(scene_checks(evaluation), console)
    if evaluation.poorer:
        count = f"{len(evaluation.poorer)} of {len(evaluation.scenes)} scenes"
        console.print(
            f"{count} lack what the parameters take from outside, nothing is given there: "
            f"{', '.join(evaluation.poorer)}",
            highlight=False,
        )
    if out is not None and evaluation.scenes:
        command = page_command("scenes", folders, {"--params": params, "--about": about}, out)
        path = out.with_suffix(".md")
        write_text(path, page(evaluation, command, said, write_pictures(out, evaluation)))
        typer.echo(path)
    if json_file is not None:
        write_text(json_file, numbers(evaluation))
    for name, reason in evaluation.damaged.items():
        typer.secho(f"{name} could not be evaluated: {reason}", fg=typer.colors.RED, err=True)
    if evaluation.damaged:
        raise typer.Exit(1)
