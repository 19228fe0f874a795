"""What rendered scenes are furnished with besides procedural shapes and textures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.looks import textures
from depth_prompt_ros.data.rendering.looks.photographs import photo_texture, picture_texture
from depth_prompt_ros.data.rendering.looks.textures import Texture

Float32 = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Props:
    """What scenes are furnished with besides procedural shapes and textures.

    Attributes:
        meshes: mesh files of things.
        pictures: (S, S, 3) uint8 RGB photographs that surfaces wear.
        environments: radiance of real places, see :mod:`.looks.environments`.
    """

    meshes: Sequence[Path] = field(default_factory=tuple)
    pictures: Sequence[NDArray[np.uint8]] = field(default_factory=tuple)
    environments: Sequence[Float32] = field(default_factory=tuple)


def worn_texture(rng: Rng, props: Props, size: float) -> Texture:
    """What a surface wears; one time in three with little contrast, as plain paint, cloth and wood have."""
    texture = _full_texture(rng, props, size)
    return _faded(texture, float(rng.uniform(0.05, 0.5)), rng.uniform(-1, 1, 3)) if rng.random() < 1 / 3 else texture


def _faded(texture: Texture, contrast: float, where: NDArray[np.float64]) -> Texture:
    """The texture drawn towards its colour at one place."""
    plain = texture(where[None].astype(np.float32))
    return lambda points: np.asarray(plain + np.float32(contrast) * (texture(points) - plain), np.float32)


def _full_texture(rng: Rng, props: Props, size: float) -> Texture:
    draw = rng.random()
    if draw < 0.7 and props.pictures:
        return picture_texture(rng, props.pictures[int(rng.integers(len(props.pictures)))], size)
    return photo_texture(rng, size) if draw < 0.78 else textures.random_texture(rng, size)
