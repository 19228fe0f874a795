"""Rendered picture sets: picture ``i`` depends on (seed, i) alone, whatever the number of processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np

from depth_prompt_ros.data.picture_set import PictureSet, open_or_make

Kind = Literal["scenes", "objects"]
_VERSION = 2
_CHUNK = 64


def open_or_render(
    folder: Path, kind: Kind, count: int, size: int, seed: int, done: Callable[[int], None] | None = None, jobs: int = 0
) -> PictureSet:
    """The set in ``folder``, rendered first if it is not there.

    Args:
        done: called with the number of pictures finished so far.
        jobs: processes; 0 = one per CPU core.

    Raises:
        BadInput: the folder holds a set made with other settings.
    """

    def fill(aside: Path) -> None:
        chunks = [(aside, kind, size, seed, start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
        with ProcessPoolExecutor(jobs or os.cpu_count() or 1) as pool:
            for stop in pool.map(_render_chunk, chunks):
                if done:
                    done(stop)

    settings = {"version": _VERSION, "kind": kind, "count": count, "size": size, "seed": seed}
    return open_or_make(folder, settings, count, size, fill)


def _render_chunk(job: tuple[Path, Kind, int, int, int, int]) -> int:
    """Render pictures start..stop into the arrays that the parent made."""
    from depth_prompt_ros.data.scenes import random_object_view, random_scene

    folder, kind, size, seed, start, stop = job
    pictures = PictureSet.open(folder, mode="r+")
    for index in range(start, stop):
        rng = np.random.default_rng([seed, index])
        if kind == "scenes":
            view, camera = random_scene(rng, size)
            mask = np.ones_like(view.tom)
        else:
            found = random_object_view(rng, size)
            view, mask, camera = found.view, found.mask, found.camera
        pictures.images[index], pictures.depths[index], pictures.masks[index] = view.image, view.depth, mask
        pictures.intrinsics[index] = camera.fx, camera.fy, camera.cx, camera.cy
    return stop
