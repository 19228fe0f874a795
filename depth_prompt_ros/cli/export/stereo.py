"""depth-prompt export stereo: a stereo network as an ONNX graph with its description."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.export.options import say_cost


def stereo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="ONNX file to write; its description, .yaml, goes beside it.")
    ],
    weights: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Argument(help="The network's weights, .safetensors; the installed ones if not given."),
    ] = None,
    network: Annotated[str, typer.Option("--network", help="Name in the catalogue.")] = "raft-stereo-small",
    height: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--height", min=1, help="Of the camera's pictures, for a graph of one size (TensorRT)."),
    ] = None,
    width: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--width", min=1, help="Of the camera's pictures."),
    ] = None,
    iterations: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--iterations", min=1, help="Updates of the disparity; the network's own number if not given."),
    ] = None,
) -> None:
    """Write a stereo network, checked against PyTorch; stereo.matcher onnx runs it.

    Its graph takes pictures of any size, or of one alone where height and width are given.
    """
    from depth_prompt_ros.runtime.export.stereo import export_stereo

    if (height is None) != (width is None):
        raise typer.BadParameter("give height and width, or neither", param_hint="--height")
    size = None if height is None or width is None else (height, width)
    difference = export_stereo(out, network, weights, size, iterations)
    typer.echo(f"{out}: largest difference from PyTorch {difference:.1e} px\n{out.with_suffix('.yaml')}")
    say_cost(out)
