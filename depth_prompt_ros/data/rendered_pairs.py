"""Rendered stereo sets: pair ``i`` depends on (seed, i) alone, whatever the number of processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np

from depth_prompt_ros.data.stereo_set import StereoSet

PairKind = Literal["tom", "tom-unseen", "tom-traps", "tom-decoys", "tom-free"]
"""Glass and mirrors to learn from; of shapes, textures and lights that are learned from nowhere; what looks like them
and is none, pair ``i`` of kind ``TRAPS[i % 5]``, to test on; such to learn from; opaque things to learn from
(:mod:`depth_prompt_ros.data.tom_scenes`)."""

_VERSION = 1
_CHUNK = 16


def open_or_render_pairs(
    folder: Path,
    kind: PairKind,
    count: int,
    size: tuple[int, int],
    seed: int,
    done: Callable[[int], None] | None = None,
    jobs: int = 0,
) -> StereoSet:
    """The set in ``folder``, rendered first if it is not there.

    Args:
        size: height and width, pixels.
        done: called with the number of pairs finished so far.
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

    settings: dict[str, object] = {
        "version": _VERSION, "kind": kind, "count": count, "size": list(size), "seed": seed
    }  # fmt: skip
    return StereoSet.open_or_make(folder, settings, count, size, fill)


def _render_chunk(job: tuple[Path, PairKind, tuple[int, int], int, int, int]) -> int:
    """Render pairs start..stop into the arrays that the parent made."""
    from depth_prompt_ros.data import tom_scenes

    folder, kind, size, seed, start, stop = job
    pairs = StereoSet.open(folder, mode="r+")
    for index in range(start, stop):
        rng = np.random.default_rng([seed, index])
        if kind == "tom":
            view = tom_scenes.tom_pair(rng, size)
        elif kind == "tom-unseen":
            view = tom_scenes.unseen_tom_pair(rng, size)
        elif kind == "tom-free":
            view = tom_scenes.opaque_pair(rng, size)
        else:
            pair = tom_scenes.trap_pair if kind == "tom-traps" else tom_scenes.decoy_pair
            view = pair(rng, size, index % len(tom_scenes.TRAPS))
        pairs.lefts[index], pairs.rights[index] = view.left, view.right
        pairs.depths[index], pairs.labels[index], pairs.tom[index] = view.depth, view.labels, view.tom
        camera = view.camera
        pairs.cameras[index] = camera.fx, camera.fy, camera.cx, camera.cy, camera.baseline
    return stop
