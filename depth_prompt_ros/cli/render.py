"""depth-prompt render: a picture set from the renderer, and a sheet to look at it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional, get_args

import typer

from depth_prompt_ros.cli.workers import Cores, Jobs, Ray, Retries, where


class RenderedKind(str, Enum):
    """What can be rendered."""

    scenes = "scenes"
    objects = "objects"
    unseen = "objects-unseen"
    partial = "objects-partial"
    scanned = "objects-scanned"
    tom = "tom"
    tom_unseen = "tom-unseen"
    tom_traps = "tom-traps"
    tom_decoys = "tom-decoys"
    tom_free = "tom-free"
    tables = "tables"
    tables_tidy = "tables-tidy"
    tables_stacked = "tables-stacked"


def render(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the set; rendered if it is not there yet.")],
    kind: Annotated[
        RenderedKind,
        typer.Option(
            help="Rooms; single objects; objects of unseen families, textures and light; objects off the middle, cut "
            "or hidden; scanned objects (give --meshes). Stereo pairs: glass and mirrors; such of unseen shapes, "
            "textures and lights; what looks like them and is none, to test on and to learn from; opaque things. "
            "Tables with things and glass, and what stereo measures of them: crowded and heaped, tidy, or "
            "tidy with more on, in and against what is there."
        ),
    ] = RenderedKind.objects,
    count: Annotated[int, typer.Option(min=1, help="Pictures.")] = 48,
    size: Annotated[int, typer.Option(min=16, help="Side of the square pictures, pixels; of pairs the width.")] = 160,
    height: Annotated[int, typer.Option(min=0, help="Of pairs, pixels; 0 = three quarters of the width.")] = 0,
    seed: Annotated[int, typer.Option(help="Picture i depends on the seed and i alone.")] = 0,
    meshes: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--meshes", help="Folder of meshes: glTF, OBJ, PLY, STL; things of tables, scanned objects."),
    ] = None,
    photographs: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--photographs", help="Folder of pictures that surfaces of tables wear: JPEG, PNG."),
    ] = None,
    environments: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--environments", help="Folder of environment maps (.hdr) that light half of the tables."),
    ] = None,
    sheet: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--sheet", help="Contact sheet to write, .png or .jpg; sheet.png in the set's folder if not given."
        ),
    ] = None,
    jobs: Jobs = None,
    ray: Ray = "",
    cores: Cores = 1,
    retries: Retries = 2,
) -> None:
    """Render a set of pictures or stereo pairs to learn from or to test on, and a contact sheet of it.

    Stopped and begun again, it goes on with what is missing.
    """
    from depth_prompt_ros.cli.progress import progress
    from depth_prompt_ros.data.sets.contact_sheet import contact_sheet, write_sheet
    from depth_prompt_ros.data.sets.picture_set import PictureSet
    from depth_prompt_ros.data.sets.rendered import KINDS, open_or_render
    from depth_prompt_ros.data.sets.rendered_pairs import PairKind, open_or_render_pairs
    from depth_prompt_ros.data.sets.stereo_set import StereoSet
    from depth_prompt_ros.data.sets.table_set import open_or_render_tables

    tables = kind in (RenderedKind.tables, RenderedKind.tables_tidy, RenderedKind.tables_stacked)
    if (kind is RenderedKind.scanned) != (meshes is not None) and not tables:
        raise typer.BadParameter("give --meshes FOLDER for objects-scanned and tables, and for nothing else")
    if photographs is not None and not tables:
        raise typer.BadParameter("--photographs are for tables")
    if environments is not None and not tables:
        raise typer.BadParameter("--environments are for tables")
    workers = where(jobs, ray, cores, retries, alone=0)
    with progress(f"rendering {count} {kind.value}") as report:
        pictures: PictureSet | StereoSet

        def done(finished: int) -> None:
            report(finished, count)

        size_of_pairs = (height or size * 3 // 4, size)
        if tables:
            rendered = open_or_render_tables(
                out, count, size_of_pairs, seed, meshes, photographs, environments, kind.value, done, workers
            )
            typer.echo(f"{out}: {len(rendered)} tables")
            return
        pair_kinds: tuple[PairKind, ...] = get_args(PairKind)
        if kind.value in pair_kinds:
            pair_kind = pair_kinds[pair_kinds.index(kind.value)]
            pictures = open_or_render_pairs(out, pair_kind, count, size_of_pairs, seed, done, workers)
        else:
            picture_kind = KINDS[KINDS.index(kind.value)]
            pictures = open_or_render(out, picture_kind, count, size, seed, done, workers, meshes)
    sheet = sheet or out / "sheet.png"
    write_sheet(sheet, contact_sheet(pictures))
    typer.echo(f"{out}: {len(pictures)} {'pairs' if isinstance(pictures, StereoSet) else 'pictures'}\n{sheet}")
