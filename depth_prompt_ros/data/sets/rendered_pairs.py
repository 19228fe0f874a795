"""Rendered stereo sets: pair ``i`` depends on (seed, i) alone, whatever the number of processes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from depth_prompt_ros.data.sets.chunks import ALL_CORES, open_or_draw
from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.work.run import Where

PairKind = Literal["tom", "tom-unseen", "tom-traps", "tom-decoys", "tom-free"]
"""Glass and mirrors to learn from; of shapes, textures and lights that are learned from nowhere; what looks like them
and is none, pair ``i`` of kind ``TRAPS[i % 5]``, to test on; such to learn from; opaque things to learn from
(:mod:`depth_prompt_ros.data.rendering.tom_scenes`)."""

_VERSION = 1
_CHUNK = 16


def open_or_render_pairs(
    folder: Path,
    kind: PairKind,
    count: int,
    size: tuple[int, int],
    seed: int,
    done: Callable[[int], None] | None = None,
    where: Where = ALL_CORES,
) -> StereoSet:
    """The set in ``folder``, rendered first if it is not there.

    Args:
        size: height and width, pixels.
        done: called with the number of pairs finished so far.
        where: processes or cluster.

    Raises:
        BadInput: the folder holds a set made with other settings.
    """
    settings: dict[str, object] = {
        "version": _VERSION, "kind": kind, "count": count, "size": list(size), "seed": seed
    }  # fmt: skip
    return open_or_draw(folder, StereoSet, settings, count, size, partial(_draw, kind, size, seed), _CHUNK, where, done)


def _draw(kind: PairKind, size: tuple[int, int], seed: int, pairs: StereoSet, row: int, index: int) -> None:
    """Render pair ``index`` into row ``row``."""
    from depth_prompt_ros.data.rendering import tom_scenes

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
    pairs.lefts[row], pairs.rights[row] = view.left, view.right
    pairs.depths[row], pairs.labels[row], pairs.tom[row] = view.depth, view.labels, view.tom
    camera = view.camera
    pairs.cameras[row] = camera.fx, camera.fy, camera.cx, camera.cy, camera.baseline
