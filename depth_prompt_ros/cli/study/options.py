"""What all studies are told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

Results = Annotated[
    Optional[Path],  # noqa: UP045 (typer evaluates it)
    typer.Option("--results", help="Page to write, Markdown; pictures go beside it. Else in --out."),
]
