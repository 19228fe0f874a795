"""What people put on a table: few things, apart and upright, such as bowls, cups, bottles, tins and boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.bodies import shapes
from depth_prompt_ros.data.rendering.bodies.scanned import read_shape
from depth_prompt_ros.data.rendering.props import Props, worn_texture
from depth_prompt_ros.data.rendering.tom_scenes import glassy
from depth_prompt_ros.data.rendering.tracer import Body, Surface

Rng = np.random.Generator

_OPAQUE: tuple[shapes.Family, ...] = (
    shapes.bowl, shapes.bowl, shapes.mug, shapes.mug, shapes.tumbler, shapes.bottle, shapes.vessel, shapes.tin,
    shapes.tin, shapes.blob,
)  # fmt: skip
_CLEAR: tuple[shapes.Family, ...] = (
    shapes.bottle, shapes.bottle, shapes.tumbler, lambda rng: shapes.tumbler(rng, wall=0.008), shapes.bowl,
    lambda rng: shapes.vessel(rng, wall=0.02), shapes.fluted,
)  # fmt: skip
_MODELS, _BOXES, _FALLEN, _MIRRORS = 0.3, 0.3, 1 / 12, 0.15
"""Shares: models among the opaque things; boxes of the others; what has fallen over; mirrors among what is ToM."""

_LONGEST = 0.07, 0.27
"""Metres, the longest sides of the things."""


def tidy_things(rng: Rng, props: Props, share: float, half: NDArray[np.float32]) -> list[Body]:
    """One to eight things; a thing for which there is no room left on the table is left out.

    Args:
        share: of them that are transparent or mirrors.
        half: (2,) metres from the table's middle to its edges in x and y.
    """
    count = int(rng.integers(1, 9))
    reach, gap = 0.17 * np.sqrt(count) * rng.uniform(0.5, 1.2), float(rng.uniform(0.95, 1.4))
    found: list[Body] = []
    places: list[NDArray[np.floating]] = []
    for label in range(1, count + 1):
        surface, length, mesh = drawn_thing(rng, props, share)
        extent = np.ptp(mesh.vertices[:, :2], axis=0)
        for _ in range(20):
            where = rng.normal(scale=reach, size=2)
            clear = all(np.any(np.abs(where - each[0]) > gap * (extent + each[1]) / 2) for each in places)
            if clear and bool(np.all(np.abs(where) + extent / 2 < half)):
                break
        else:
            continue
        places.append(np.stack([where, extent]))
        found.append(dressed_thing(rng, props, surface, length, mesh, np.array([*where, 0.0], np.float32), label))
    return found


def drawn_thing(rng: Rng, props: Props, share: float) -> tuple[Surface, float, shapes.Mesh]:
    """What a thing is of, its longest side in metres, and its mesh on the ground in the middle.

    Args:
        share: the chance that it is transparent or a mirror.
    """
    surface = Surface.OPAQUE
    if rng.random() < share:
        surface = Surface.MIRROR if rng.random() < _MIRRORS else Surface.GLASS
    length = float(np.exp(rng.uniform(*np.log(_LONGEST))))
    return surface, length, _shape(rng, props, surface).moved(np.eye(3), length, np.zeros(3))


def dressed_thing(
    rng: Rng, props: Props, surface: Surface, length: float, mesh: shapes.Mesh, place: NDArray[np.float32], label: int
) -> Body:
    """The thing at a (3,) place with a texture that goes with it."""
    to_texture = np.hstack([np.eye(3), -place[:, None]]).astype(np.float32)
    gloss = float(rng.choice([0.0, rng.uniform(0.1, 0.8)]))
    texture = worn_texture(rng, props, length * float(rng.uniform(0.5, 2)))
    body = Body(mesh.moved(np.eye(3), 1.0, place), texture, surface, label, gloss, to_texture=to_texture)
    return glassy(rng, body)


def _shape(rng: Rng, props: Props, surface: Surface) -> shapes.Mesh:
    """A thing's shape, longest side 1, turned about z."""
    if surface == Surface.GLASS:
        mesh = _CLEAR[int(rng.integers(len(_CLEAR)))](rng)
    elif props.meshes and rng.random() < _MODELS:
        mesh = read_shape(props.meshes[int(rng.integers(len(props.meshes)))])
    elif rng.random() < _BOXES:
        mesh = shapes.cuboid(np.exp(rng.uniform(np.log(0.15), 0, 3)))
    else:
        mesh = _OPAQUE[int(rng.integers(len(_OPAQUE)))](rng)
    if rng.random() < _FALLEN:
        mesh = mesh.moved(shapes.about(int(rng.integers(2)), np.pi / 2), 1.0, np.zeros(3))
    return mesh.moved(shapes.about(2, rng.uniform(0, 2 * np.pi)), 1.0, np.zeros(3)).standing()
