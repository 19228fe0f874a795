"""Workspaces that a moving camera films, with things that move: by their place, or at random. Exact truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering import shapes, textures
from depth_prompt_ros.data.rendering.scenes import look_at
from depth_prompt_ros.data.rendering.tracer import Body, Light, Scene
from depth_prompt_ros.data.sets.video import VideoFrame

Motion = Literal["bound", "random", "none"]
"""What moves. "bound": boxes left of the camera's middle, always against its way, so that they seem nearer than they
are; boxes of the same kind stand still to the right: a gate that rides with the camera takes them up and sends them on.
"random": things anywhere, each its own way."""

FRAMES, PERIOD_NS = 16, 100_000_000
CAMERA = CameraModel(160, 96, 140.0, 140.0, 79.5, 47.5)

_STEP, _SPEED = 0.02, 0.02
"""Metres a frame: the camera slides, and things move."""
_MOVER = 100
"""Labels from here on move."""


@dataclass(frozen=True, eq=False)
class _Thing:
    body: Body
    way: NDArray[np.float64]
    side: int = 0
    """-1, 1: there only while it is left or right of the camera."""

    def x(self, number: int) -> float:
        """Metres, of its middle in a frame."""
        return float(self.body.mesh.vertices[:, 0].mean() + self.way[0] * number)


class RenderedWorkspace:
    """A clip: a camera slides along a table and looks down on it, with small random turns.

    Attributes:
        name: kind of motion and seed.
    """

    def __init__(self, seed: int, motion: Motion, camera: CameraModel = CAMERA, frames: int = FRAMES) -> None:
        """Draw the workspace; frames are rendered when they are asked for.

        Args:
            seed: of all that is random.
        """
        self.name = f"{motion}-{seed:04d}"
        self._camera, self._frames, self._seed = camera, frames, seed
        rng = np.random.default_rng([seed, 16])
        self._fixed = _surroundings(rng)
        self._things = list(_things(rng, motion, frames))
        light = np.array([rng.uniform(-1, 1), rng.uniform(-1, 0.5), 2.0], np.float32)
        self._lights = [Light(light, np.full(3, 0.7, np.float32))]
        self._ambient = np.full(3, 0.55, np.float32)

    def __len__(self) -> int:
        return self._frames

    def __iter__(self) -> Iterator[VideoFrame]:
        """Render."""
        rng = np.random.default_rng([self._seed, 17])
        for number in range(self._frames):
            eye = np.array([_STEP * (number - self._frames / 2), -0.75, 0.5]) + rng.normal(scale=0.003, size=3)
            aim = eye + np.array([0, 0.75, -0.45]) + rng.normal(scale=0.01, size=3)
            pose = look_at(eye, aim, float(rng.normal(scale=0.01)))
            there = [thing for thing in self._things if thing.side * (thing.x(number) - eye[0]) >= 0]
            bodies = [*self._fixed, *(_moved(thing, number) for thing in there)]
            view = Scene(bodies, self._lights, self._ambient, self._ambient).view(self._camera, pose, threads=1)
            noisy = np.clip(view.image + rng.normal(scale=1.2, size=view.image.shape), 0, 255).astype(np.uint8)
            yield VideoFrame(
                f"{self.name}-{number:03d}", (1 + number) * PERIOD_NS, noisy, self._camera, pose,
                moving=view.labels >= _MOVER, depth=view.depth,
            )  # fmt: skip


def _surroundings(rng: np.random.Generator) -> list[Body]:
    """Table, floor and a wall behind."""
    table = shapes.cuboid(np.array([3.0, 1.2, 0.04])).moved(np.eye(3), 1.0, np.array([0, 0, -0.04]))
    wall = shapes.cuboid(np.array([6.0, 0.1, 4.0])).moved(np.eye(3), 1.0, np.array([0, 1.4, -1.5]))
    floor = shapes.cuboid(np.array([6.0, 6.0, 0.1])).moved(np.eye(3), 1.0, np.array([0, 0, -0.9]))
    return [Body(mesh, _texture(rng, size)) for mesh, size in ((table, 0.5), (wall, 1.0), (floor, 1.0))]


def _texture(rng: np.random.Generator, size: float) -> textures.Texture:
    """Any but a plain one: nothing is to be seen of how that moves."""
    kind = (textures.clouds, textures.spots, textures.stripes, textures.checks)[int(rng.integers(4))]
    return kind(rng, size * float(rng.uniform(0.2, 0.6)))


def _things(rng: np.random.Generator, motion: Motion, frames: int) -> Iterator[_Thing]:
    """Boxes and the like all over the table; of those on the conveyor, or of any, some move."""
    still = np.zeros(3)
    for label in range(1, 9):
        where = np.array([rng.uniform(-0.7, 0.7), rng.uniform(-0.3, 0.4), 0.0])
        yield _Thing(_body(rng, where, label), still)
    if motion == "bound":
        for number in range(16):
            for side in (-1, 1):
                where = np.array([-0.85 + 0.12 * number, -0.22 + float(rng.normal(scale=0.02)), 0.0])
                label, way = (_MOVER + number, np.array([-_SPEED, 0, 0])) if side < 0 else (20 + number, still)
                yield _Thing(_body(rng, where, label), way, side)
    elif motion == "random":
        for number in range(4):
            angle = rng.uniform(0, 2 * np.pi)
            way = _SPEED * np.array([np.cos(angle), np.sin(angle), 0.0])
            middle = np.array([rng.uniform(-0.4, 0.4), rng.uniform(-0.25, 0.3), 0.0])
            yield _Thing(_body(rng, middle - way * frames / 2, _MOVER + number), way)


def _body(rng: np.random.Generator, where: NDArray[np.float64], label: int) -> Body:
    sides = rng.uniform(0.06, 0.12, 3) * [1, 1, 1.2]
    texture = _texture(rng, 0.12)
    to_texture = np.hstack([np.eye(3), -where[:, None]]).astype(np.float32)
    return Body(shapes.cuboid(sides).moved(np.eye(3), 1.0, where), texture, label=label, to_texture=to_texture)


def _moved(thing: _Thing, number: int) -> Body:
    if not thing.way.any():
        return thing.body
    by = thing.way * number
    body = thing.body
    to_texture = body.to_texture.copy()
    to_texture[:, 3] -= (to_texture[:, :3] @ by).astype(np.float32)
    return Body(body.mesh.moved(np.eye(3), 1.0, by), body.texture, label=body.label, to_texture=to_texture)
