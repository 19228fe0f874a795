"""depth-prompt evaluate cleargrasp: real clear objects before an RGB-D camera."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def cleargrasp(
    folder: Annotated[Path, typer.Argument(help="Real scenes of ClearGrasp: N-transparent-rgb-img.jpg and so on.")],
    json_file: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--json", help="Write the numbers here too."),
    ] = None,
    params: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--params", help="ROS parameter file; masks come from the data set."),
    ] = None,
) -> None:
    """Depth of real clear objects from an RGB-D camera: raw, network-free and ours, per scene."""
    import json

    from depth_prompt_ros.evaluation.table import print_checks, table_text, wide_console
    from depth_prompt_ros.evaluation.tom.cleargrasp import evaluate_cleargrasp, scene_checks, scene_table
    from depth_prompt_ros.parameters import Parameters
    from depth_prompt_ros.written_aside import write_text

    parameters = Parameters() if params is None else Parameters.from_yaml(params)
    console = wide_console()
    results = []
    for result in evaluate_cleargrasp(folder, parameters):
        results.append(result.to_dict())
        console.print(table_text(scene_table(result)))
        print_checks(scene_checks(result), console)
        for target in result.targets:
            console.print(f"target {target['label']}: {target['anchor']}, {target['reason']}", highlight=False)
    if json_file is not None:
        write_text(json_file, json.dumps({"scenes": results}, indent=2) + "\n")
