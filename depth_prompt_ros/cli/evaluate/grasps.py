"""depth-prompt evaluate grasps: what a grasp planner makes of every cloud, on tables whose geometry is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def grasps(
    scenes: Annotated[int, typer.Option("--scenes", min=1, help="Tables to render.")] = 40,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Table i depends on the seed and i alone.")] = 605,
    params: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--params", help="ROS parameter file; where targets and masks come from is set here."),
    ] = None,
    opening: Annotated[
        float, typer.Option("--opening", min=0.02, max=0.3, help="Metres that the hand opens at most.")
    ] = 0.085,
    friction: Annotated[
        float, typer.Option("--friction", min=0.05, max=2.0, help="Coefficient between finger and thing.")
    ] = 0.5,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--out", "-o", help="Folder for the picture; the page, Markdown, is written beside it under its name."
        ),
    ] = None,
    json_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--json", help="Write the numbers here too."),
    ] = None,
) -> None:
    """Stereo alone, mono alone, merged, network-free: antipodal grasps found on each, executed in the true geometry."""
    from depth_prompt_ros.cli.progress import progress
    from depth_prompt_ros.evaluation.grasps.gripper import Gripper
    from depth_prompt_ros.evaluation.grasps.page import page_json, write_page
    from depth_prompt_ros.evaluation.grasps.rendered import evaluate_rendered
    from depth_prompt_ros.evaluation.grasps.tables import all_tables, checks
    from depth_prompt_ros.evaluation.table import print_checks, table_text, wide_console
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.written_aside import write_text

    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    gripper = Gripper(opening=opening, friction=friction)
    with progress(f"planning on {scenes} tables") as report:
        scores = evaluate_rendered(scenes, seed, parameters, gripper, show=6 if out else 0, done=report)
    console = wide_console()
    for table in all_tables(scores):
        console.print(table_text(table))
    print_checks(checks(scores), console)
    if json_file is not None:
        write_text(json_file, page_json(scores, gripper))
    if out is not None:
        options = f"--scenes {scenes} --seed {seed}"
        options += f" --params {params.name}" if params else ""
        options += f" --opening {opening:g}" if opening != Gripper.opening else ""
        options += f" --friction {friction:g}" if friction != Gripper.friction else ""
        typer.echo(write_page(scores, gripper, out, f"depth-prompt evaluate grasps {options} --out {out.name}"))
