"""Rendered pictures of objects with names on disk: what a small CLIP and its decoders learn from."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.array_folder import ArraySet, Shapes

_VERSION, _CHUNK = 1, 32


@dataclass(frozen=True, eq=False)
class CaptionedSet(ArraySet):
    """N square pictures of one object with a name each; opens as a metric set, too.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        depths: (N, S, S) float32 metres of the first surface, NaN = unknown.
        masks: (N, S, S) bool, the object.
        attributes: (N, 4, 1, 1) uint8, numbers into :data:`depth_prompt_ros.data.rendering.captioned.WORDS`.
    """

    images: NDArray[np.uint8]
    depths: NDArray[np.float32]
    masks: NDArray[np.bool_]
    attributes: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def words(self) -> NDArray[np.uint8]:
        """(N, 4) numbers of the words."""
        return self.attributes[:, :, 0, 0]

    @classmethod
    def arrays(cls, count: int, size: tuple[int, ...]) -> Shapes:
        """See :meth:`ArraySet.arrays`."""
        return {
            "images": ((count, *size, 3), np.uint8),
            "depths": ((count, *size), np.float32),
            "masks": ((count, *size), np.bool_),
            "attributes": ((count, 4, 1, 1), np.uint8),
        }


def open_or_render_captioned(
    folder: Path, count: int, size: int, seed: int, done: Callable[[int], None] | None = None, jobs: int = 0
) -> CaptionedSet:
    """The set in ``folder``, rendered first if it is not there; picture ``i`` depends on (seed, i) alone.

    Args:
        folder: of the set.
        count: pictures.
        size: their side, pixels.
        seed: of the pictures.
        done: called with the number of pictures finished so far.
        jobs: processes; 0 = one per CPU core.

    Raises:
        BadInput: the folder holds a set made with other settings.
    """
    settings: dict[str, object] = {
        "version": _VERSION, "kind": "captioned", "count": count, "size": size, "seed": seed
    }  # fmt: skip
    fill = _filler(_render_chunk, count, size, seed, done, jobs)
    return CaptionedSet.open_or_make(folder, settings, count, (size, size), fill)


@dataclass(frozen=True, eq=False)
class NamedTableSet(ArraySet):
    """N square pictures of tables with three objects that have names.

    Attributes:
        images: (N, S, S, 3) uint8 RGB.
        labels: (N, S, S) uint8, 1 to 3 the objects, 0 the rest.
        attributes: (N, 3, 4, 1) uint8, numbers into :data:`depth_prompt_ros.data.rendering.captioned.WORDS`.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    attributes: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def arrays(cls, count: int, size: tuple[int, ...]) -> Shapes:
        """See :meth:`ArraySet.arrays`."""
        return {
            "images": ((count, *size, 3), np.uint8),
            "labels": ((count, *size), np.uint8),
            "attributes": ((count, 3, 4, 1), np.uint8),
        }


def open_or_render_named_tables(folder: Path, count: int, size: int, seed: int, jobs: int = 0) -> NamedTableSet:
    """As :func:`open_or_render_captioned`."""
    settings: dict[str, object] = {
        "version": _VERSION, "kind": "named tables", "count": count, "size": size, "seed": seed
    }  # fmt: skip
    fill = _filler(_render_tables, count, size, seed, None, jobs)
    return NamedTableSet.open_or_make(folder, settings, count, (size, size), fill)


_Job = tuple[Path, int, int, int, int]


def _filler(
    render: Callable[[_Job], int], count: int, size: int, seed: int, done: Callable[[int], None] | None, jobs: int
) -> Callable[[Path], None]:
    """What fills the arrays of a folder, in processes."""

    def fill(aside: Path) -> None:
        chunks = [(aside, size, seed, start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
        if jobs == 1:
            for chunk in chunks:
                _report(render(chunk), done)
            return
        with ProcessPoolExecutor(jobs or os.cpu_count() or 1) as pool:
            for stop in pool.map(render, chunks):
                _report(stop, done)

    return fill


def _report(stop: int, done: Callable[[int], None] | None) -> None:
    if done:
        done(stop)


def _render_chunk(job: _Job) -> int:
    """Render pictures start..stop into the arrays that the parent made."""
    from depth_prompt_ros.data.rendering.captioned import captioned_view

    folder, size, seed, start, stop = job
    pictures = CaptionedSet.open(folder, mode="r+")
    for index in range(start, stop):
        view, attributes, _ = captioned_view(np.random.default_rng([seed, index]), size)
        pictures.images[index], pictures.depths[index] = view.image, view.depth
        pictures.masks[index], pictures.attributes[index, :, 0, 0] = view.labels == 1, attributes
    return stop


def _render_tables(job: _Job) -> int:
    """Render tables start..stop into the arrays that the parent made."""
    from depth_prompt_ros.data.rendering.captioned import named_table_view

    folder, size, seed, start, stop = job
    tables = NamedTableSet.open(folder, mode="r+")
    for index in range(start, stop):
        view, attributes = named_table_view(np.random.default_rng([seed, index]), size)
        tables.images[index], tables.labels[index] = view.image, view.labels
        tables.attributes[index, :, :, 0] = attributes
    return stop
