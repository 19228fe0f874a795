"""depth-prompt demo: the whole way from two stereo bags to points and a report, without any input."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report, pictures, clouds and bags.")] = Path(
        "demo"
    ),
    frames: Annotated[int, typer.Option(min=2, help="Length of the rendered table-top sequence.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Another number renders other objects.")] = 1,
) -> None:
    """Write two stereo bags, replay them, compare with the truth: demo/report.html, clouds and output bags."""
    from rich.console import Console

    from depth_prompt_ros.demo.run import run_demo
    from depth_prompt_ros.demo.summary import print_summary

    console = Console()
    print_summary(run_demo(out, frames, seed, console=console), console)
