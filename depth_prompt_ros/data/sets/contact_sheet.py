"""A set at a glance: tiles of picture, object on white and depth; or of left, right, ToM things on white and depth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.data.titles import caption
from depth_prompt_ros.written_aside import write_picture

_GAP = 4

Picture = NDArray[np.uint8]


def contact_sheet(pictures: PictureSet | StereoSet) -> Picture:
    """(H, W, 3) uint8 RGB: up to 24 pictures, or 16 pairs, spread over the set; beside each its objects and its depth.

    Depth is near bright, far dark, on the range inside the mask (of pairs: of the picture); white where it is unknown
    or outside. A caption below says so.
    """
    tile, columns, rows = (_pair_tile, 4, 4) if isinstance(pictures, StereoSet) else (_picture_tile, 6, 4)
    chosen = np.unique(np.linspace(0, len(pictures) - 1, columns * rows).astype(int))
    tiles = [tile(pictures, int(index)) for index in chosen]  # type: ignore[arg-type]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    bands = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    near = "depth: near bright, white: unknown or outside, each on its own range"
    said = "left, right, glass and mirrors" if isinstance(pictures, StereoSet) else "picture, object"
    return caption(f"{len(chosen)} of {len(pictures)}, evenly spread. Each tile: {said}, {near}.", np.vstack(bands))


def write_sheet(path: Path, sheet: Picture) -> None:
    """Write it as PNG or JPEG, by the name's ending.

    Raises:
        BadInput: another ending, or it cannot be written.
    """
    write_picture(path, sheet)


def _picture_tile(pictures: PictureSet, index: int) -> Picture:
    image, mask, depth = pictures.images[index], pictures.masks[index], pictures.depths[index]
    return _joined(image, _on_white(image, mask), _depth_picture(depth, mask & np.isfinite(depth)))


def _pair_tile(pairs: StereoSet, index: int) -> Picture:
    left, right, tom, depth = (each[index] for each in (pairs.lefts, pairs.rights, pairs.tom, pairs.depths))
    return _joined(left, right, _on_white(left, tom), _depth_picture(depth, np.isfinite(depth)))


def _on_white(image: Picture, mask: NDArray[np.bool_]) -> Picture:
    return np.where(mask[..., None], image, np.uint8(255))


def _depth_picture(depth: NDArray[np.float32], known: NDArray[np.bool_]) -> Picture:
    if not known.any():
        return np.full((*depth.shape, 3), 255, np.uint8)
    near, far = np.percentile(depth[known], [1, 99])
    grey = np.clip((far - np.nan_to_num(depth, nan=far)) / max(far - near, 1e-6), 0, 1)
    colours = cv2.applyColorMap((255 * grey).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    return _on_white(np.asarray(colours, np.uint8), known)


def _joined(*parts: Picture) -> Picture:
    white = (255,) * 3
    tile = np.hstack([cv2.copyMakeBorder(part, 0, 0, 0, 1, cv2.BORDER_CONSTANT, value=white) for part in parts])
    return np.asarray(cv2.copyMakeBorder(tile, 0, _GAP, 0, _GAP, cv2.BORDER_CONSTANT, value=white), np.uint8)
