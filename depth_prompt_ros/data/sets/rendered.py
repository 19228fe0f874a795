"""Rendered picture sets: picture ``i`` depends on (seed, i) alone, whatever the number of processes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.bodies.scanned import ScannedObject, folder_digest
from depth_prompt_ros.data.sets.chunks import ALL_CORES, open_or_draw
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.work.run import Where

Kind = Literal["scenes", "objects", "objects-unseen", "objects-partial", "objects-scanned"]
"""Rooms with objects; single objects; those of families, textures and lights that are learned from nowhere; single
objects off the middle, cut or hidden; scanned objects of a folder."""

KINDS: tuple[Kind, ...] = ("scenes", "objects", "objects-unseen", "objects-partial", "objects-scanned")
_VERSION = 3
_CHUNK = 32
_CLOSE_UPS = 0.4
"""Share of the scenes that one object dominates: networks for pictures of all kinds have seen such, too."""


def open_or_render(
    folder: Path,
    kind: Kind,
    count: int,
    size: int,
    seed: int,
    done: Callable[[int], None] | None = None,
    where: Where = ALL_CORES,
    meshes: Path | None = None,
) -> PictureSet:
    """The set in ``folder``, rendered first if it is not there.

    Args:
        done: called with the number of pictures finished so far.
        where: processes or cluster.
        meshes: folder of the scanned objects, for that kind only.

    Raises:
        BadInput: the folder holds a set made with other settings, or a mesh cannot be read.
    """
    settings: dict[str, object] = {"version": _VERSION, "kind": kind, "count": count, "size": size, "seed": seed}
    if kind == "objects-scanned":
        if meshes is None:
            raise BadInput("objects-scanned needs a folder of meshes")
        settings["meshes"] = folder_digest(meshes)
    draw = partial(_draw, kind, size, seed, meshes)
    return open_or_draw(folder, PictureSet, settings, count, (size, size), draw, _CHUNK, where, done)


def _draw(kind: Kind, size: int, seed: int, meshes: Path | None, pictures: PictureSet, row: int, index: int) -> None:
    """Render picture ``index`` into row ``row``."""
    image, depth, mask, camera = _picture(kind, np.random.default_rng([seed, index]), size, meshes)
    pictures.images[row], pictures.depths[row], pictures.masks[row] = image, depth, mask
    pictures.intrinsics[row] = camera.fx, camera.fy, camera.cx, camera.cy


def _picture(
    kind: Kind, rng: np.random.Generator, size: int, meshes: Path | None
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_], CameraModel]:
    from depth_prompt_ros.data.rendering import scenes, unseen

    if kind == "scenes":
        close = rng.random() < _CLOSE_UPS
        view, camera = scenes.random_close_up(rng, size) if close else scenes.random_scene(rng, size)
        return view.image, view.depth, np.ones_like(view.tom), camera
    if kind == "objects-partial":
        found = scenes.random_partial_view(rng, size)
    elif kind == "objects-unseen":
        found = scenes.random_object_view(rng, size, unseen.unseen)
    elif kind == "objects-scanned":
        assert meshes is not None
        objects = _scanned(meshes)
        found = scenes.random_object_view(rng, size, lambda rng: unseen.scanned(rng, objects))
    else:
        found = scenes.random_object_view(rng, size)
    return found.view.image, found.view.depth, found.mask, found.camera


@cache
def _scanned(meshes: Path) -> list[ScannedObject]:
    from depth_prompt_ros.data.rendering.bodies.scanned import read_scanned, scanned_files

    return [read_scanned(path) for path in scanned_files(meshes)]
