"""depth-prompt evaluate hidden: things of real scenes whose depth is hidden, against what was hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.evaluate.page_options import JsonFile, PageFolder, page_command


def hidden(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of scenes as `evaluate scenes` reads them, with labels.png, boxes.json, or tom.png and truth."
        ),
    ],
    params: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--params", help="ROS parameter file of the pipeline; masks are given to it whatever it says."),
    ] = None,
    json_file: JsonFile = None,
    out: PageFolder = None,
    about: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--about", help="Markdown for the page: what the scenes are."),
    ] = None,
) -> None:
    """Hide the depth of things wholly, on one side and in blobs, and of glass; compare answers with what was hidden.

    Rows without a network, the pipeline with its network on white, on the learned background alone, and as it is, with
    the metric prompt; with intervals over things. A damaged scene is named, the others are evaluated, and the exit code
    is 1.
    """
    from depth_prompt_ros.cli.progress import progress
    from depth_prompt_ros.errors import BadInput
    from depth_prompt_ros.evaluation.hidden.page import numbers, page, write_pictures
    from depth_prompt_ros.evaluation.hidden.run import evaluate_hidden
    from depth_prompt_ros.evaluation.hidden.tables import case_tables, checks, part_tables, stated_table
    from depth_prompt_ros.evaluation.scenes.page import read_about
    from depth_prompt_ros.evaluation.table import print_checks, table_text, wide_console
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.written_aside import write_text

    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    said = "" if about is None else read_about(about, ())[""]
    with progress("hiding things of scenes") as report:
        evaluation = evaluate_hidden(folders, parameters, out is not None, report)
    for name, reason in evaluation.damaged.items():
        typer.secho(f"{name} could not be evaluated: {reason}", fg=typer.colors.RED, err=True)
    if not evaluation.things:
        raise BadInput(
            f"none of {len(evaluation.scenes) + len(evaluation.without) + len(evaluation.damaged)} scenes has a thing "
            "that can be hidden: labels.png or boxes.json with things measured on half of their pixels, or tom.png and "
            "a truth"
        )
    console = wide_console()
    for table in (*case_tables(evaluation), stated_table(evaluation), *part_tables(evaluation)):
        console.print(table_text(table, brief=True))
    print_checks(checks(evaluation), console)
    if evaluation.without:
        console.print(f"nothing to hide in {', '.join(evaluation.without)}", highlight=False)
    if out is not None:
        command = page_command("hidden", folders, {"--params": params, "--about": about}, out)
        path = out.with_suffix(".md")
        write_text(path, page(evaluation, command, said, write_pictures(out, evaluation)))
        typer.echo(path)
    if json_file is not None:
        write_text(json_file, numbers(evaluation))
    if evaluation.damaged:
        raise typer.Exit(1)
