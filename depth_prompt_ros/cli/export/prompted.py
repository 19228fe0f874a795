"""depth-prompt export prompted: a frozen network and its prompt as one ONNX graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.export.options import Precision, PrecisionOption, say_cost


def prompted(
    prompt: Annotated[Path, typer.Argument(help="Learned background, .safetensors.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="ONNX file to write.")],
    network: Annotated[str, typer.Option("--network", help="Of models list, a hub id, or your own.")] = "scene-net",
    weights: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--weights", help="Other weights: a file, or a model repository's folder."),
    ] = None,
    targets: Annotated[int, typer.Option("--targets", help="Targets in a batch; 0: any number.", min=0, max=64)] = 1,
    precision: PrecisionOption = Precision.FP32,
) -> None:
    """Write prompt, network, disparity to depth and metric fit as one graph, checked against PyTorch.

    A graph for a fixed number of targets runs as often as a frame needs; what it holds is said in its metadata.
    """
    from depth_prompt_ros.runtime.export.prompted import export_graph

    written = export_graph(out, prompt, network, weights, targets or None, precision.value)
    places = "any number of targets" if written.targets is None else f"{written.targets} target(s) a run"
    halved = f", {written.halved} nodes in float16" if written.halved else ""
    typer.echo(f"{out}: {places}{halved}; largest relative difference from PyTorch {written.difference:.1e}")
    say_cost(out)
