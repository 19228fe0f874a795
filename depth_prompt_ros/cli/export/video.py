"""depth-prompt export video: a network learned from video as an ONNX graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def video(
    weights: Annotated[Path, typer.Argument(help="What depth-prompt learn video wrote, .safetensors.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="ONNX file to write.")],
    height: Annotated[int, typer.Option("--height", min=1, help="Of the camera's pictures, pixels.")] = 480,
    width: Annotated[int, typer.Option("--width", min=1, help="Of the camera's pictures, pixels.")] = 640,
    look: Annotated[
        Optional[int],  # noqa: UP045 (typer evaluates it)
        typer.Option("--look", min=8, help="Width at which it looks at them; that of learning if not given."),
    ] = None,
) -> None:
    """Write a network for moving.graph, checked against PyTorch.

    Its graph takes pictures or crops, where each stands in the whole picture, and focal lengths.
    """
    from depth_prompt_ros.runtime.export.video import export_video

    difference = export_video(out, weights, height, width, look)
    typer.echo(f"{out}: largest relative difference from PyTorch {difference:.1e}")
