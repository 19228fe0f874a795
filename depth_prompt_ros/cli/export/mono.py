"""depth-prompt export mono: a monocular network for whole pictures as an ONNX graph with its description."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.export.options import Precision, PrecisionOption, say_cost


def mono(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="ONNX file to write; its description, .yaml, goes beside it.")
    ],
    weights: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Argument(help="The network's weights, .safetensors; the installed ones if not given."),
    ] = None,
    network: Annotated[str, typer.Option("--network", help="Name in the catalogue.")] = "scene-net",
    height: Annotated[int, typer.Option("--height", min=1, help="Of the camera's pictures, pixels.")] = 480,
    width: Annotated[int, typer.Option("--width", min=1, help="Of the camera's pictures, pixels.")] = 640,
    precision: PrecisionOption = Precision.FP32,
) -> None:
    """Write a network for whole pictures, RGB in and relative disparity out, checked against PyTorch.

    Pictures of any size are resized to the graph's; height and width decide its shape.
    """
    from depth_prompt_ros.runtime.export.mono import export_mono

    written = export_mono(out, network, weights, height, width, precision.value)
    pictures = "any number of pictures" if written.targets is None else f"{written.targets} picture a run"
    halved = f", {written.halved} nodes in float16" if written.halved else ""
    typer.echo(f"{out}: {pictures}{halved}; largest relative difference from PyTorch {written.difference:.1e}")
    typer.echo(f"{out.with_suffix('.yaml')}")
    say_cost(out)
