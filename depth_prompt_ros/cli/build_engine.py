"""depth-prompt build-engine: the TensorRT engine of a graph, before the robot needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def build_engine(
    graph: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Argument(help="ONNX file, or the YAML file that describes one; the shipped graph if not given."),
    ] = None,
    most_targets: Annotated[
        int, typer.Option("--most-targets", help="Largest batch, if the graph leaves it free.", min=1, max=64)
    ] = 8,
    folder: Annotated[str, typer.Option("--folder", help="Where engines are kept.")] = "",
) -> None:
    """Build the TensorRT engine of a graph for this machine's GPU, check it against ONNX Runtime and keep it.

    The nodes and commands find it there if their parameters most_targets and engine_folder say the same.
    """
    from depth_prompt_ros.parameters import RuntimeParameters
    from depth_prompt_ros.resources import resource_path
    from depth_prompt_ros.runtime.choose import open_graph
    from depth_prompt_ros.runtime.picture_graph import Description
    from depth_prompt_ros.stages.prompted_depth import SHIPPED_GRAPH

    path = graph or resource_path(SHIPPED_GRAPH)
    if path.suffix in (".yaml", ".yml"):
        path, most_targets = Description.from_yaml(path).graph, 1
    parameters = RuntimeParameters(runtime="tensorrt", most_targets=most_targets, engine_folder=folder)
    opened = open_graph(path, parameters, report=typer.echo)
    typer.echo(f"{path} is ready: {opened.runs_in}")
