"""depth-prompt export video: a network learned from video as an ONNX graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.export.options import say_cost


def video(
    weights: Annotated[Path, typer.Argument(help="What depth-prompt learn video wrote, .safetensors.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="ONNX file to write.")],
    height: Annotated[int, typer.Option("--height", min=1, help="Of the camera's pictures, pixels.")] = 480,
    width: Annotated[int, typer.Option("--width", min=1, help="Of the camera's pictures, pixels.")] = 640,
    look: Annotated[
        Optional[int],  # noqa: UP045 (typer evaluates it)
        typer.Option("--look", min=8, help="Width at which it looks at them; that of learning if not given."),
    ] = None,
    crop: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--crop", min=16, help="Side of targets' crops, pixels: a graph for prompted_depth.graph."),
    ] = None,
    focal: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--focal", min=1.0, help="Longest focal length of a crop, pixels; that of learning if not given."),
    ] = None,
) -> None:
    """Write a network for moving.graph, or with --crop for prompted_depth.graph, checked against PyTorch.

    Its graph takes pictures or crops, where each stands in the whole picture, and focal lengths.
    """
    from depth_prompt_ros.runtime.export.video import export_targets, export_video

    if crop is None:
        difference = export_video(out, weights, height, width, look)
    else:
        difference = export_targets(out, weights, crop, focal)
    typer.echo(f"{out}: largest relative difference from PyTorch {difference:.1e}")
    say_cost(out)
