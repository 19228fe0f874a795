"""depth-prompt evaluate scenes: real scenes in a plain layout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def scenes(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder of scenes: SCENE/image.png, camera.json, depth.png; boxes, labels, tom, truth."),
    ],
    params: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--params", help="ROS parameter file; with method labels the scenes' own are given."),
    ] = None,
    json_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--json", help="Write the numbers here too."),
    ] = None,
) -> None:
    """Things found, measured pixels moved, and the depth of glass and of the rest, scene by scene, worst first."""
    import json
    from dataclasses import asdict, fields

    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from depth_prompt_ros.evaluation.scenes.run import SceneFigures, evaluate_scenes
    from depth_prompt_ros.parameters import Parameters

    figures = evaluate_scenes(folder, Parameters() if params is None else Parameters.from_yaml(params))
    figures.sort(key=lambda each: -each.moved)
    names = [field.name for field in fields(SceneFigures)]
    shown = [name for name in names if any(getattr(each, name) is not None for each in figures)]
    table = Table(title=f"{folder}: moved, tom, coverage in %; rmse, glass, rest in mm")
    for name in shown:
        table.add_column(name.replace("_", " "), justify="left" if name == "name" else "right")
    for each in figures:
        values = [getattr(each, name) for name in shown]
        table.add_row(*("" if v is None else f"{v:.2f}" if isinstance(v, float) else str(v) for v in values))
    sums = ("targets", "boxes", "found", "on_nothing")
    closing = ["all: sums, means"]
    for name in shown[1:]:
        there = [value for each in figures if (value := getattr(each, name)) is not None]
        closing.append(str(sum(there)) if name in sums else f"{np.nanmean(there):.2f}")
    table.add_section()
    table.add_row(*closing)
    Console(width=180).print(table)
    if json_file is not None:
        json_file.write_text(json.dumps({"scenes": [asdict(each) for each in figures]}, indent=1) + "\n")
