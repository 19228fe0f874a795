"""depth-prompt export text: a CLIPSeg as ONNX graphs, for targets that are named in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.export.options import say_cost


def text(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Description to write, .yaml; graphs and tokens go beside it.")
    ],
    network: Annotated[str, typer.Option("--network", help="The CLIPSeg, as depth-prompt models list calls it.")] = (
        "clipseg-rd64"
    ),
    weights: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--weights", help="The network's weights; the installed ones if not given."),
    ] = None,
    vocabulary: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--vocabulary", help="CLIP's vocabulary, bpe_simple_vocab_16e6.txt.gz; open_clip's if not given."),
    ] = None,
    mirror: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--mirror", help="What learn mirror wrote through this network: depth from the same pass."),
    ] = None,
    height: Annotated[int, typer.Option("--height", min=16, help="That pictures are looked at.")] = 352,
    width: Annotated[int, typer.Option("--width", min=16, help="That pictures are looked at.")] = 352,
) -> None:
    """Write the graphs for segmentation.method text and tom.method text, checked against PyTorch."""
    from depth_prompt_ros.errors import BadInput
    from depth_prompt_ros.networks.catalogue import find_clip
    from depth_prompt_ros.runtime.export.text import export_text
    from depth_prompt_ros.stages.text.phrases import Tokeniser, find_vocabulary

    find_clip(network)
    path = vocabulary or find_vocabulary()
    if path is None:
        raise BadInput(
            "texts need CLIP's vocabulary: give --vocabulary bpe_simple_vocab_16e6.txt.gz (it is in open_clip_torch)"
        )
    written = export_text(out, Tokeniser.read(path), network, weights, (height, width), mirror)
    differences = ", ".join(f"{part} {value:.1e}" for part, value in written.differences.items())
    typer.echo(f"{out}: largest relative difference from PyTorch: {differences}")
    say_cost(out.with_name(f"{out.stem}_image.onnx"))
