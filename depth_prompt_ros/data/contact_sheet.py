"""A picture set at a glance: tiles of picture, object on white and depth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput

_COLUMNS, _ROWS, _GAP = 6, 4, 4


def contact_sheet(pictures: PictureSet) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB: up to 24 pictures spread over the set; beside each its object on white, and its depth.

    Depth is near bright, far dark, on the range inside the mask; white where it is unknown or outside.
    """
    chosen = np.unique(np.linspace(0, len(pictures) - 1, _COLUMNS * _ROWS).astype(int))
    tiles = [_tile(pictures, int(index)) for index in chosen]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % _COLUMNS)
    bands = [np.hstack(tiles[start : start + _COLUMNS]) for start in range(0, len(tiles), _COLUMNS)]
    return np.vstack(bands)


def write_contact_sheet(path: Path, pictures: PictureSet) -> None:
    """Write it as PNG or JPEG, by the name's ending.

    Raises:
        BadInput: another ending, or it cannot be written.
    """
    aside = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written = cv2.imwrite(str(aside), contact_sheet(pictures)[..., ::-1])
    except (cv2.error, OSError):
        written = False
    if not written:
        aside.unlink(missing_ok=True)
        raise BadInput(f"cannot write the contact sheet {path}: give a .png or .jpg in a folder that can be written")
    aside.replace(path)


def _tile(pictures: PictureSet, index: int) -> NDArray[np.uint8]:
    image, mask, depth = pictures.images[index], pictures.masks[index], pictures.depths[index]
    known = mask & np.isfinite(depth)
    shown = np.full_like(image, 255)
    if known.any():
        near, far = np.percentile(depth[known], [1, 99])
        grey = np.clip((far - np.nan_to_num(depth, nan=far)) / max(far - near, 1e-6), 0, 1)
        colours = cv2.applyColorMap((255 * grey).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
        shown = np.where(known[..., None], colours, 255).astype(np.uint8)
    parts = [image, np.where(mask[..., None], image, 255).astype(np.uint8), shown]
    tile = np.hstack([cv2.copyMakeBorder(part, 0, 0, 0, 1, cv2.BORDER_CONSTANT, value=(255,) * 3) for part in parts])
    return np.asarray(cv2.copyMakeBorder(tile, 0, _GAP, 0, _GAP, cv2.BORDER_CONSTANT, value=(255,) * 3), np.uint8)
