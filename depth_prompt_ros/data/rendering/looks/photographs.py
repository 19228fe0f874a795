"""Real photographs, those inside the scikit-image wheel: backgrounds and textures that no renderer made."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.looks.textures import Texture
from depth_prompt_ros.errors import BadInput

_NAMES = ("astronaut", "chelsea", "coffee", "rocket", "brick", "grass", "gravel", "hubble_deep_field", "retina")
Float32 = NDArray[np.float32]


@cache
def photographs(size: int) -> NDArray[np.uint8]:
    """(N, size, size, 3) uint8 RGB: each photograph's middle square.

    Raises:
        ModuleNotFoundError: scikit-image is not installed.
    """
    import skimage.data

    return np.stack([_square(np.asarray(getattr(skimage.data, name)()), size) for name in _NAMES])


def _square(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    middle = picture[top : top + side, left : left + side]
    if middle.ndim == 2:
        middle = np.repeat(middle[..., None], 3, axis=2)
    return np.asarray(cv2.resize(middle[..., :3], (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def photo_texture(rng: np.random.Generator, size: float) -> Texture:
    """A random photograph projected along a random axis and mirrored on; ``size`` in metres is its side."""
    pictures = photographs(256)
    return picture_texture(rng, pictures[int(rng.integers(len(pictures)))], size)


def read_pictures(folder: Path, size: int = 256) -> list[NDArray[np.uint8]]:
    """Each JPEG and PNG below ``folder`` as (size, size, 3) uint8 RGB, its middle square, sorted by path.

    Raises:
        BadInput: no readable picture there.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    read = [cv2.imread(str(path), cv2.IMREAD_COLOR) for path in files]
    found = [_square(np.ascontiguousarray(picture[..., ::-1]), size) for picture in read if picture is not None]
    if not found:
        raise BadInput(f"{folder} holds no picture (.jpg, .png): give a folder of photographs")
    return found


def picture_texture(rng: np.random.Generator, picture: NDArray[np.uint8], size: float) -> Texture:
    """A square uint8 RGB picture projected along a random axis and mirrored on; ``size`` in metres is its side."""
    albedo, last = picture.astype(np.float32) / 255, len(picture) - 1
    tint = rng.uniform(0.6, 1.0, 3).astype(np.float32)
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0][:, :2].astype(np.float32) / np.float32(size)
    offset = rng.uniform(0, 2, 2).astype(np.float32)

    def texture(points: Float32) -> Float32:
        place = np.abs((points @ axes + offset) % 2 - 1) * last
        column, row = place[:, 0].astype(np.int64), place[:, 1].astype(np.int64)
        return np.asarray(np.clip(tint * albedo[row, column], 0.02, 1), np.float32)

    return texture
