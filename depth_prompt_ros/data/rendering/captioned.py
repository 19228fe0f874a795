"""Objects whose shape, colour, material and size have a name, one or three on a table in a random room."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.bodies import shapes
from depth_prompt_ros.data.rendering.looks import textures
from depth_prompt_ros.data.rendering.scenes import look_at, random_room
from depth_prompt_ros.data.rendering.tracer import Body, Light, Scene, Surface, View

SHAPES: Mapping[str, shapes.Family] = {
    "box": shapes.box,
    "bowl": shapes.bowl,
    "vase": shapes.vessel,
    "mug": shapes.mug,
    "ring": shapes.torus,
    "stone": shapes.blob,
}
COLOURS: Mapping[str, tuple[float, float, float]] = {
    "red": (0.75, 0.06, 0.05),
    "orange": (0.85, 0.35, 0.04),
    "yellow": (0.85, 0.75, 0.06),
    "green": (0.07, 0.5, 0.1),
    "blue": (0.06, 0.15, 0.7),
    "white": (0.88, 0.88, 0.86),
    "black": (0.04, 0.04, 0.045),
}
"""Albedo, of glass and mirrors the tint; varied by a tenth."""
MATERIALS = ("matte", "glossy", "glass", "mirror")
SIZES: Mapping[str, tuple[float, float]] = {"small": (0.1, 0.13), "large": (0.2, 0.26)}
"""Longest side, metres."""

WORDS: Mapping[str, tuple[str, ...]] = {
    "size": tuple(SIZES),
    "colour": tuple(COLOURS),
    "material": MATERIALS,
    "shape": tuple(SHAPES),
}
"""Every attribute's words, in the order in which a caption says them."""

_FOCAL = 1.1
_AWAY = (0.34, 0.56)
"""Of the camera from what stands alone, metres: it covers two to six patches of 16 of a picture of 112 pixels."""
_ABSORPTION = 40.0
"""Of coloured glass, 1/m: how fast what its tint lacks fades inside."""
_SURFACES = {"glass": Surface.GLASS, "mirror": Surface.MIRROR}


def caption(attributes: NDArray[np.integer], said: Collection[str] = tuple(WORDS)) -> str:
    """For example "a small red glass bowl", or "a glass thing" where only the material is ``said``.

    Args:
        attributes: (4,) numbers into :data:`WORDS`, in its order.
        said: the attributes that the caption tells.
    """
    words = [WORDS[name][number] for name, number in zip(WORDS, attributes.tolist(), strict=True) if name in said]
    words = words if "shape" in said else [*words, "thing"]
    return " ".join(["an" if words[0] == "orange" else "a", *words])


def captioned_view(rng: np.random.Generator, size: int) -> tuple[View, NDArray[np.uint8], CameraModel]:
    """A square picture of such an object, label 1, from 0.34 to 0.56 m; its four attributes; the camera.

    Every word of an attribute is as likely as the others. The object stands upright, off the picture's middle; what
    is around it is plain and pale, so that a small network can learn the words in an hour.
    """
    attributes = np.array([rng.integers(len(words)) for words in WORDS.values()], np.uint8)
    camera = square_camera(size)
    while True:
        bodies, lights, ambient = _surroundings(rng)
        bodies.append(_named(rng, attributes, np.zeros(3), 1))
        azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(15, 60))
        eye = float(rng.uniform(*_AWAY)) * _direction(azimuth, elevation)
        if np.abs(eye[:2]).max() > 0.78:
            continue
        target = np.array([*rng.normal(scale=0.04, size=2), rng.uniform(0.0, 0.08)])
        view = Scene(bodies, lights, ambient, ambient).view(camera, look_at(eye, target), threads=1)
        if (view.labels == 1).mean() > 0.01:
            return view, attributes, camera


ON_A_TABLE = 3
"""Objects of :class:`NamedTable`."""


class NamedTable:
    """Three objects with labels 1, 2, 3 on a table; colour, material and shape are each another, so each names one.

    Attributes:
        attributes: (3, 4) numbers into :data:`WORDS`.
        scene: to look at.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw one."""
        self.attributes = np.stack(
            [
                rng.integers(len(words), size=ON_A_TABLE)
                if name == "size"
                else rng.permutation(len(words))[:ON_A_TABLE]
                for name, words in WORDS.items()
            ],
            1,
        ).astype(np.uint8)
        bodies, lights, ambient = _surroundings(rng)
        turn = rng.uniform(0, 2 * np.pi)
        for number, attributes in enumerate(self.attributes):
            angle = turn + 2 * np.pi * number / ON_A_TABLE
            where = 0.17 * np.array([np.cos(angle), np.sin(angle), 0]) + [*rng.uniform(-0.02, 0.02, 2), 0]
            bodies.append(_named(rng, attributes, where, 1 + number))
        self.scene = Scene(bodies, lights, ambient, ambient)
        self._azimuth, self._elevation = rng.uniform(0, 2 * np.pi), rng.uniform(np.radians(30), np.radians(60))
        self._distance = rng.uniform(0.6, 0.75)

    def pose(self, turn: float = 0.0) -> NDArray[np.float64]:
        """(4, 4) of a camera that looks at the middle; ``turn``, radians, is how far it has gone around."""
        return look_at(self._distance * _direction(self._azimuth + turn, self._elevation), np.array([0, 0, 0.03]))


def named_table_view(rng: np.random.Generator, size: int) -> tuple[View, NDArray[np.uint8]]:
    """A square picture of a :class:`NamedTable` on which every object is seen, and the attributes, (3, 4)."""
    while True:
        table = NamedTable(rng)
        view = table.scene.view(square_camera(size), table.pose(), threads=1)
        if all((view.labels == 1 + number).mean() > 0.005 for number in range(ON_A_TABLE)):
            return view, table.attributes


def square_camera(size: int) -> CameraModel:
    """That of all these pictures."""
    focal = _FOCAL * size
    return CameraModel(size, size, focal, focal, (size - 1) / 2, (size - 1) / 2)


def _surroundings(rng: np.random.Generator) -> tuple[list[Body], list[Light], textures.Float32]:
    bodies, lights, ambient = random_room(rng, table=True)
    return [replace(body, texture=textures.plain(_muted(rng))) for body in bodies], lights, ambient


def _direction(azimuth: float, elevation: float) -> NDArray[np.float64]:
    return np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])


def _named(rng: np.random.Generator, attributes: NDArray[np.uint8], where: NDArray[np.float64], label: int) -> Body:
    """An object with these attributes, turned at random, standing at ``where``."""
    length_name, colour, material, shape = (
        words[number] for words, number in zip(WORDS.values(), attributes, strict=True)
    )
    mesh = SHAPES[shape](rng).standing()
    turn = rng.uniform(0, 2 * np.pi)
    spin = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    moved = mesh.moved(spin, float(rng.uniform(*SIZES[length_name])), where)
    albedo = np.clip(np.array(COLOURS[colour]) * rng.uniform(0.9, 1.1, 3), 0, 1).astype(np.float32)
    return Body(
        moved,
        textures.plain(albedo),
        _SURFACES.get(material, Surface.OPAQUE),
        label,
        gloss=0.8 if material == "glossy" else 0.0,
        coat=0.5 if material == "glossy" else 0.0,
        absorption=(_ABSORPTION * (1 - albedo)).astype(np.float32),
    )


def _muted(rng: np.random.Generator) -> textures.Float32:
    """(3,) albedo of a pale colour, any brightness."""
    return np.asarray(rng.uniform(0.2, 0.8) * rng.uniform(0.8, 1.2, 3), np.float32).clip(0, 1)
