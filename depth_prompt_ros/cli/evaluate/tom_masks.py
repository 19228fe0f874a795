"""depth-prompt evaluate tom-masks: a segmenter of transparent and mirror surfaces on pictures with true masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def tom_masks(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Stereo sets, sets of pictures with ToM masks, or ClearGrasp's real scenes."),
    ],
    network: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option(
            "--network", help="YAML that describes a segmentation network's ONNX; the shipped one if not given."
        ),
    ] = None,
    sheets: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--sheets", help="Folder for a picture of each set: right in green, false red, missed blue."),
    ] = None,
) -> None:
    """Agreement of found and true masks: pixels of all pictures of a set together, ClearGrasp's scene by scene."""
    from rich.console import Console
    from rich.table import Table

    from depth_prompt_ros.evaluation.tom.masks import evaluate_tom_masks
    from depth_prompt_ros.stages.classes import tom_segmenter

    detect, described = tom_segmenter(network)
    table = Table(title=f"{described.name}, shares in %")
    columns = ("pictures", "IoU", "precision", "recall", "false alarms", "BER", "CPU ms")
    table.add_column("set", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    for folder in folders:
        sheet = sheets / f"{folder.name}.jpg" if sheets else None
        for result in evaluate_tom_masks(folder, detect, sheet):
            shown = [f"{100 * value:.1f}" for value in result.counts.figures().values()]
            table.add_row(result.name, str(result.pictures), *shown, f"{1000 * result.seconds:.0f}")
    Console().print(table)
