"""depth-prompt export: a frozen network and its prompt as one ONNX graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def export(
    prompt: Annotated[Path, typer.Option("--prompt", help="Learned background, .safetensors.")],
    out: Annotated[Path, typer.Option("--out", help="ONNX file to write.")],
    network: Annotated[str, typer.Option("--network", help="Name in the catalogue.")] = "scene-net",
    weights: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--weights", help="The network's weights, .safetensors; the shipped ones if not given."),
    ] = None,
) -> None:
    """Write prompt, network, disparity to depth and metric fit as one graph, checked against PyTorch."""
    from depth_prompt_ros.runtime.export import export_graph

    difference = export_graph(out, prompt, network, weights)
    typer.echo(f"{out}: largest relative difference between ONNX Runtime and PyTorch {difference:.1e}")
