"""Options of commands that write a page about real scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

JsonFile = Annotated[
    Optional[Path],  # noqa: UP045 (typer evaluates it)
    typer.Option("--json", help="Write the numbers here too, scene by scene and row by row."),
]
PageFolder = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--out", "-o", help="Folder for pictures; the page, Markdown, is written beside it under its name."),
]


def page_command(name: str, folders: list[Path], files: dict[str, Path | None], out: Path) -> str:
    """The command that writes a page, as the page says it.

    Args:
        files: by option.
    """
    options = "".join(f" {option} {path.name}" for option, path in files.items() if path is not None)
    return f"depth-prompt evaluate {name} {' '.join(each.name for each in folders)}{options} --out {out.name}"
