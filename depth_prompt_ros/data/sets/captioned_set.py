"""Rendered pictures of objects with names on disk: what a small CLIP and its decoders learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.array_folder import ArraySet, Shapes
from depth_prompt_ros.data.sets.chunks import ALL_CORES, open_or_draw
from depth_prompt_ros.work.run import Where

_VERSION, _CHUNK = 2, 32


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
    folder: Path, count: int, size: int, seed: int, done: Callable[[int], None] | None = None, where: Where = ALL_CORES
) -> CaptionedSet:
    """The set in ``folder``, rendered first if it is not there; picture ``i`` depends on (seed, i) alone.

    Args:
        folder: of the set.
        count: pictures.
        size: their side, pixels.
        seed: of the pictures.
        done: called with the number of pictures finished so far.
        where: processes or cluster.

    Raises:
        BadInput: the folder holds a set made with other settings.
    """
    settings: dict[str, object] = {
        "version": _VERSION, "kind": "captioned", "count": count, "size": size, "seed": seed
    }  # fmt: skip
    draw = partial(_draw, size, seed)
    return open_or_draw(folder, CaptionedSet, settings, count, (size, size), draw, _CHUNK, where, done)


def _draw(size: int, seed: int, pictures: CaptionedSet, row: int, index: int) -> None:
    """Render picture ``index`` into row ``row``."""
    from depth_prompt_ros.data.rendering.captioned import captioned_view

    view, attributes, _ = captioned_view(np.random.default_rng([seed, index]), size)
    pictures.images[row], pictures.depths[row] = view.image, view.depth
    pictures.masks[row], pictures.attributes[row, :, 0, 0] = view.labels == 1, attributes


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


def open_or_render_named_tables(
    folder: Path, count: int, size: int, seed: int, where: Where = ALL_CORES
) -> NamedTableSet:
    """As :func:`open_or_render_captioned`."""
    settings: dict[str, object] = {
        "version": _VERSION, "kind": "named tables", "count": count, "size": size, "seed": seed
    }  # fmt: skip
    draw = partial(_draw_table, size, seed)
    return open_or_draw(folder, NamedTableSet, settings, count, (size, size), draw, _CHUNK, where)


def _draw_table(size: int, seed: int, tables: NamedTableSet, row: int, index: int) -> None:
    """Render table ``index`` into row ``row``."""
    from depth_prompt_ros.data.rendering.captioned import named_table_view

    view, attributes = named_table_view(np.random.default_rng([seed, index]), size)
    tables.images[row], tables.labels[row] = view.image, view.labels
    tables.attributes[row, :, :, 0] = attributes
