"""Rendered tables on disk with what is true of them and what stereo measures: what finding things is learned from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.sets.array_folder import ArraySet, Shapes
from depth_prompt_ros.data.sets.chunks import ALL_CORES, open_or_draw
from depth_prompt_ros.work.run import Where

_VERSION = 3
_CHUNK = 8
_SEARCHED = 64
"""Disparities that SGBM searches, pixels: more than the renderer's baseline gives at 320 pixels of width."""

_PropFolders = tuple[Path | None, Path | None, Path | None]
"""Of meshes, photographs and environment maps."""


@dataclass(frozen=True, eq=False)
class TableSet(ArraySet):
    """N tables of H x W pixels, in the picture of the left camera.

    Attributes:
        images: (N, H, W, 3) uint8 RGB.
        depths: (N, H, W) float32 metres of the first surface, glass and mirrors included, NaN = none.
        behind: (N, H, W) float32 metres of the first opaque surface, NaN = none.
        stereo: (N, H, W) float32 metres that SGBM measures on the pair, NaN = nothing.
        classes: (N, H, W) uint8, values of :class:`depth_prompt_ros.data.rendering.tables.TableClass`.
        labels: (N, H, W) uint8, 0 = no thing, 1..n = things.
        cameras: (N, 5) float32 fx, fy, cx, cy in pixels and baseline in metres.
    """

    images: NDArray[np.uint8]
    depths: NDArray[np.float32]
    behind: NDArray[np.float32]
    stereo: NDArray[np.float32]
    classes: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    cameras: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures in pixels."""
        return int(self.images.shape[1]), int(self.images.shape[2])

    def camera(self, index: int) -> CameraModel:
        """The left camera of one pair, with its baseline."""
        height, width = self.size
        fx, fy, cx, cy, baseline = (float(value) for value in self.cameras[index])
        return CameraModel(width, height, fx, fy, cx, cy, baseline=baseline)

    @classmethod
    def arrays(cls, count: int, size: tuple[int, ...]) -> Shapes:
        """See :meth:`ArraySet.arrays`."""
        height, width = size
        return {
            "images": ((count, height, width, 3), np.uint8),
            "depths": ((count, height, width), np.float32),
            "behind": ((count, height, width), np.float32),
            "stereo": ((count, height, width), np.float32),
            "classes": ((count, height, width), np.uint8),
            "labels": ((count, height, width), np.uint8),
            "cameras": ((count, 5), np.float32),
        }


def open_or_render_tables(
    folder: Path,
    count: int,
    size: tuple[int, int],
    seed: int,
    meshes: Path | None = None,
    pictures: Path | None = None,
    environments: Path | None = None,
    arrangement: str = "tables",
    done: Callable[[int], None] | None = None,
    where: Where = ALL_CORES,
) -> TableSet:
    """The set in ``folder``, rendered first if it is not there; table ``i`` depends on (seed, i) and the props alone.

    Args:
        size: height and width, pixels.
        meshes: folder of mesh files, things besides the procedural ones.
        pictures: folder of photographs that surfaces wear besides procedural textures.
        environments: folder of environment maps that light half of the tables.
        arrangement: how things are put on them, a value of
            :class:`depth_prompt_ros.data.rendering.tables.Arrangement`.
        done: called with the number of tables finished so far.
        where: processes or cluster.

    Raises:
        BadInput: the folder holds a set made with other settings, or a folder of props holds none.
    """
    props = meshes, pictures, environments
    _props(*props)

    settings: dict[str, object] = {
        "version": _VERSION, "kind": arrangement,
        "count": count, "size": list(size), "seed": seed,
        "meshes": str(meshes or ""), "pictures": str(pictures or ""), "environments": str(environments or ""),
    }  # fmt: skip
    draw = partial(_draw, size, seed, props, arrangement)
    return open_or_draw(folder, TableSet, settings, count, size, draw, _CHUNK, where, done)


@cache
def _props(meshes: Path | None, pictures: Path | None, environments: Path | None) -> Any:
    from depth_prompt_ros.data.rendering.bodies.scanned import scanned_files
    from depth_prompt_ros.data.rendering.looks.environments import read_environments
    from depth_prompt_ros.data.rendering.looks.photographs import read_pictures
    from depth_prompt_ros.data.rendering.props import Props

    return Props(
        scanned_files(meshes) if meshes else (),
        read_pictures(pictures) if pictures else (),
        read_environments(environments) if environments else (),
    )


def _draw(
    size: tuple[int, int], seed: int, folders: _PropFolders, arrangement: str, tables: TableSet, row: int, index: int
) -> None:
    """Render table ``index`` into row ``row``."""
    from depth_prompt_ros.data.rendering.tables import Arrangement, table_view
    from depth_prompt_ros.errors import BadFrame
    from depth_prompt_ros.frame import Frame
    from depth_prompt_ros.parameters import StereoParameters
    from depth_prompt_ros.stages.stereo import make_stereo_matcher

    view = table_view(np.random.default_rng([seed, index]), size, _props(*folders), Arrangement(arrangement))
    tables.images[row], tables.depths[row], tables.behind[row] = view.left, view.depth, view.behind
    tables.classes[row], tables.labels[row] = view.classes, view.labels
    try:
        match = make_stereo_matcher(StereoParameters(num_disparities=_SEARCHED))
        tables.stereo[row] = match(Frame(index, "left", view.left, view.camera, view.right)).depth
    except BadFrame:  # next to nothing can be matched
        tables.stereo[row] = np.nan
    camera = view.camera
    tables.cameras[row] = camera.fx, camera.fy, camera.cx, camera.cy, camera.baseline
