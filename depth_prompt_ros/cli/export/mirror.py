"""depth-prompt export mirror: metric depth by a learned mirror as a network and an ONNX graph of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.export.options import Precision, PrecisionOption, say_cost


def mirror(
    learned: Annotated[Path, typer.Argument(help="What depth-prompt learn mirror wrote, .safetensors.")],
    out: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option(
            "--out", "-o", help="Network to write, .safetensors; .onnx and .yaml go beside it. Else the model folder's."
        ),
    ] = None,
    weights: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--weights", help="The weights of its CLIP; the installed ones if not given."),
    ] = None,
    height: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--height", min=1, help="Of the camera's pictures; else the graph has the size learned on."),
    ] = None,
    width: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--width", min=1, help="Of the camera's pictures."),
    ] = None,
    precision: PrecisionOption = Precision.FP32,
) -> None:
    """Write what is left of a learned mirror: ten of twelve image blocks and the decoder, checked against PyTorch.

    In the model folder it is the network clip-mirror of every other command.
    """
    from depth_prompt_ros.networks.catalogue import find, weights_path
    from depth_prompt_ros.runtime.export.mirror import NETWORK, export_mirror

    if (height is None) != (width is None):
        raise typer.BadParameter("give height and width, or neither", param_hint="--height")
    size = None if height is None or width is None else (height, width)
    path = out or weights_path(find(NETWORK))
    written = export_mirror(learned, path, weights, size, precision.value)
    halved = f", {written.halved} nodes in float16" if written.halved else ""
    typer.echo(f"{path}\n{written.path}{halved}; largest relative difference from PyTorch {written.difference:.1e}")
    typer.echo(f"{written.path.with_suffix('.yaml')}")
    say_cost(written.path)
