"""Sets of rendered pictures that learning commands make where no data is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from depth_prompt_ros.cli.progress import progress

if TYPE_CHECKING:
    from depth_prompt_ros.data.sets.picture_set import PictureSet

SCENE_SEEDS, OBJECT_SEEDS = (100, 101), (200, 201)
"""Of the pictures to learn from and to test on."""


def rendered_pictures(cache: Path, kind: Literal["scenes", "objects"], count: int, size: int, seed: int) -> PictureSet:
    """The set of that kind, size and seed in the folder ``cache``, rendered with a progress bar if it is not there."""
    from depth_prompt_ros.data.sets.rendered import open_or_render

    with progress(f"rendering {count} {kind}") as report:
        folder = cache / f"{kind}-{size}-{count}-{seed}"
        return open_or_render(folder, kind, count, size, seed, done=lambda finished: report(finished, count))
