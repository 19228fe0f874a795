"""Rendered pictures on disk: a folder of NumPy arrays, written once by several processes and memory-mapped after."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput

Kind = Literal["scenes", "objects"]
_VERSION = 1
_CHUNK = 64


@dataclass(frozen=True, eq=False)
class RenderedSet:
    """Memory-mapped pictures with their truth.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        depths: (N, S, S) float32 metres, NaN = nothing hit.
        masks: (N, S, S) bool, the object (all true for scenes).
        focal: focal length in pixels shared by all object views; 0 for scenes, whose field of view varies.
    """

    images: NDArray[np.uint8]
    depths: NDArray[np.float32]
    masks: NDArray[np.bool_]
    focal: float

    def __len__(self) -> int:
        return len(self.images)


def open_or_render(
    folder: Path, kind: Kind, count: int, size: int, seed: int, done: Callable[[int], None] | None = None, jobs: int = 0
) -> RenderedSet:
    """The set in ``folder``, rendered first if it is not there.

    Picture ``i`` depends on (seed, i) alone, so any number of processes gives the same set.

    Args:
        done: called with the number of pictures finished so far.
        jobs: processes; 0 = one per CPU core.

    Raises:
        BadInput: the folder holds a set made with other settings.
    """
    settings = {"version": _VERSION, "kind": kind, "count": count, "size": size, "seed": seed}
    note = folder / "set.json"
    if note.exists():
        found = json.loads(note.read_text())
        if found != settings:
            raise BadInput(f"{folder} holds a rendered set made with {found}, not {settings}: give another folder")
        return _open(folder, kind, size)
    aside = folder.with_name(folder.name + ".part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    shapes: dict[str, tuple[tuple[int, ...], Any]] = {
        "images": ((count, size, size, 3), np.uint8),
        "depths": ((count, size, size), np.float32),
        "masks": ((count, size, size), np.bool_),
    }
    for name, (shape, dtype) in shapes.items():
        np.lib.format.open_memmap(aside / f"{name}.npy", mode="w+", dtype=dtype, shape=shape).flush()
    chunks = [(aside, kind, size, seed, start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    with ProcessPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        for stop in pool.map(_render_chunk, chunks):
            if done:
                done(stop)
    (aside / "set.json").write_text(json.dumps(settings))
    aside.rename(folder)
    return _open(folder, kind, size)


def _open(folder: Path, kind: Kind, size: int) -> RenderedSet:
    from depth_prompt_ros.data.scenes import OBJECT_FOCAL

    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("images", "depths", "masks")}
    return RenderedSet(**arrays, focal=OBJECT_FOCAL * size if kind == "objects" else 0.0)


def _render_chunk(job: tuple[Path, Kind, int, int, int, int]) -> int:
    """Render pictures start..stop into the arrays that the parent made."""
    from depth_prompt_ros.data.scenes import random_object_view, random_scene

    folder, kind, size, seed, start, stop = job
    images, depths, masks = (np.load(folder / f"{name}.npy", mmap_mode="r+") for name in ("images", "depths", "masks"))
    for index in range(start, stop):
        rng = np.random.default_rng([seed, index])
        if kind == "scenes":
            view, _ = random_scene(rng, size)
            mask = np.ones_like(view.tom)
        else:
            found = random_object_view(rng, size)
            view, mask = found.view, found.mask
        images[index], depths[index], masks[index] = view.image, view.depth, mask
    for array in (images, depths, masks):
        array.flush()
    return stop
