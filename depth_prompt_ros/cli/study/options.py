"""What all studies are told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

Results = Annotated[
    Optional[Path],  # noqa: UP045 (typer evaluates it)
    typer.Option("--results", help="Page to write, Markdown; pictures go beside it. Else in --out."),
]

Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of runs; a study that stopped goes on from it.")]
PageOnly = Annotated[bool, typer.Option("--page-only", help="Learn nothing: write the page of what is there.")]
