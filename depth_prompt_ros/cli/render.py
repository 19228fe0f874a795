"""depth-prompt render: a picture set from the renderer, and a sheet to look at it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer


class RenderedKind(str, Enum):
    """What can be rendered."""

    scenes = "scenes"
    objects = "objects"
    unseen = "objects-unseen"
    partial = "objects-partial"
    scanned = "objects-scanned"


def render(
    out: Annotated[Path, typer.Argument(help="Folder of the set; rendered if it is not there yet.")],
    kind: Annotated[
        RenderedKind,
        typer.Option(
            help="Rooms; single objects; objects of unseen families, textures and light; objects off the middle, cut "
            "or hidden; scanned objects (give --meshes)."
        ),
    ] = RenderedKind.objects,
    count: Annotated[int, typer.Option(min=1, help="Pictures.")] = 48,
    size: Annotated[int, typer.Option(min=16, help="Side of the square pictures, pixels.")] = 160,
    seed: Annotated[int, typer.Option(help="Picture i depends on the seed and i alone.")] = 0,
    meshes: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--meshes", help="Folder of meshes with textures: glTF, OBJ, PLY, STL."),
    ] = None,
    sheet: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--sheet", help="Contact sheet to write, .png or .jpg; sheet.png in the set's folder if not given."
        ),
    ] = None,
) -> None:
    """Render a picture set to learn from or to test on, and a contact sheet of it."""
    from depth_prompt_ros.cli.learn import progress
    from depth_prompt_ros.data.contact_sheet import write_contact_sheet
    from depth_prompt_ros.data.rendered import open_or_render

    if (kind is RenderedKind.scanned) != (meshes is not None):
        raise typer.BadParameter("give --meshes FOLDER for objects-scanned, and for nothing else")
    with progress(f"rendering {count} {kind.value}") as report:
        pictures = open_or_render(
            out, kind.value, count, size, seed, lambda finished: report(finished, count), meshes=meshes
        )
    sheet = sheet or out / "sheet.png"
    write_contact_sheet(sheet, pictures)
    typer.echo(f"{out}: {len(pictures)} pictures\n{sheet}")
