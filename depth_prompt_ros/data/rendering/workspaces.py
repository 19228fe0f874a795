"""Workspaces that a moving camera films, with things that move: by their place, or at random. Exact truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.bodies import shapes
from depth_prompt_ros.data.rendering.looks import textures
from depth_prompt_ros.data.rendering.scenes import look_at
from depth_prompt_ros.data.rendering.tracer import Body, Light, Scene
from depth_prompt_ros.data.sets.video import VideoFrame

Motion = Literal["bound", "random", "none"]
"""What moves. "bound": boxes on a lane left of the camera, always against its way, so that they seem nearer than they
are; boxes of the same kind stand still on a lane to the right and here and there between. "random": things anywhere,
each its own way."""

FRAMES, PERIOD_NS = 16, 100_000_000
CAMERA = CameraModel(160, 96, 140.0, 140.0, 79.5, 47.5)

_STEP, _SPEED = 0.02, 0.02
"""Metres a frame: the camera goes ahead, and things move."""
_HEIGHT = 0.55
"""Metres of the camera above the table; it looks as far ahead of itself."""
_LANE = 0.32
"""Metres of both lanes to the side of the camera's way: u is beyond 0.5 there, so a shift of 0.5 leaves a lane."""
_PRESENT = 0.65
"""Share of the places of a lane that hold a box."""
_WARM, _COOL = np.array([1.0, 0.75, 0.45], np.float32), np.array([0.6, 0.85, 1.0], np.float32)
"""Boxes are of cardboard, what they stand on is not: a network soon tells them apart."""
_GREEN = np.array([0.55, 1.0, 0.5], np.float32)
"""Crates."""
_MOVER = 100
"""Labels from here on move."""


@dataclass(frozen=True, eq=False)
class _Thing:
    body: Body
    way: NDArray[np.float64]


class RenderedWorkspace:
    """A clip: a camera goes ahead over a table and looks down on it, with small random turns.

    Attributes:
        name: kind of motion and seed.
    """

    def __init__(
        self,
        seed: int,
        motion: Motion,
        camera: CameraModel = CAMERA,
        frames: int = FRAMES,
        crates: int = 0,
        visit: int = 0,
    ) -> None:
        """Draw the workspace; frames are rendered when they are asked for.

        Args:
            seed: of all that is random.
            crates: so many large ones stand between the lanes, as in no other workspace.
            visit: of the same workspace; later ones go beside the first one's way, with other turns and noise.
        """
        self.name = f"{motion}-{seed:04d}"
        self._camera, self._frames, self._seed, self._visit = camera, frames, seed, visit
        rng = np.random.default_rng([seed, 16])
        self._fixed = _surroundings(rng)
        self._things = [*_things(rng, motion, frames), *_crates(seed, crates, frames)]
        light = np.array([rng.uniform(-1, 1), rng.uniform(-1, 0.5), 2.0], np.float32)
        self._lights = [Light(light, np.full(3, 0.7, np.float32))]
        self._ambient = np.full(3, 0.55, np.float32)

    def __len__(self) -> int:
        return self._frames

    def __iter__(self) -> Iterator[VideoFrame]:
        """Render."""
        rng = np.random.default_rng([self._seed, 17 + self._visit])
        beside = np.array([0.03, 0.5 * _STEP, 0.0]) * (self._visit > 0)
        for number in range(self._frames):
            eye = np.array([0, _STEP * number, _HEIGHT]) + beside + rng.normal(scale=0.003, size=3)
            aim = eye + np.array([0, _HEIGHT, -_HEIGHT]) + rng.normal(scale=0.01, size=3)
            pose = look_at(eye, aim, float(rng.normal(scale=0.01)))
            bodies = [*self._fixed, *(_moved(thing, number) for thing in self._things)]
            view = Scene(bodies, self._lights, self._ambient, self._ambient).view(self._camera, pose, threads=1)
            noisy = np.clip(view.image + rng.normal(scale=1.2, size=view.image.shape), 0, 255).astype(np.uint8)
            yield VideoFrame(
                f"{self.name}-{number:03d}", (1 + number) * PERIOD_NS, noisy, self._camera, pose,
                moving=view.labels >= _MOVER, depth=view.depth,
            )  # fmt: skip


def _surroundings(rng: np.random.Generator) -> list[Body]:
    """Table, floor and a wall behind."""
    table = shapes.cuboid(np.array([1.6, 4.0, 0.04])).moved(np.eye(3), 1.0, np.array([0, 1.0, -0.04]))
    wall = shapes.cuboid(np.array([6.0, 0.1, 4.0])).moved(np.eye(3), 1.0, np.array([0, 3.2, -1.5]))
    floor = shapes.cuboid(np.array([6.0, 8.0, 0.1])).moved(np.eye(3), 1.0, np.array([0, 1.0, -0.9]))
    return [Body(mesh, _texture(rng, size, _COOL)) for mesh, size in ((table, 0.5), (wall, 1.0), (floor, 1.0))]


def _texture(rng: np.random.Generator, size: float, colour: NDArray[np.float32]) -> textures.Texture:
    """Any pattern but a plain one, of which no motion would be seen, in shades of a colour."""
    kind = (textures.clouds, textures.spots, textures.stripes, textures.checks)[int(rng.integers(4))]
    pattern = kind(rng, size * float(rng.uniform(0.2, 0.6)))
    return lambda points: (0.2 + 0.8 * pattern(points).mean(1, keepdims=True)) * colour


def _things(rng: np.random.Generator, motion: Motion, frames: int) -> Iterator[_Thing]:
    """Boxes between the lanes and on them; of those on the left one, or of any, some move."""
    still, length = np.zeros(3), _STEP * frames
    for label in range(1, 8 + round(8 * length)):
        where = np.array([rng.uniform(-0.16, 0.22), rng.uniform(0.2, 1.2 + length), 0.0])
        yield _Thing(_body(rng, where, label), still)
    if motion == "bound":
        ahead = _SPEED * frames  # the lane comes to meet the camera
        for place in range(round((1.1 + length + ahead) / 0.13)):
            for side, label, way in ((-1, _MOVER + place, np.array([0, -_SPEED, 0])), (1, 40 + place, still)):
                where = np.array([side * _LANE + rng.normal(scale=0.015), 0.2 + 0.13 * place, 0.0])
                if rng.random() < _PRESENT:
                    yield _Thing(_body(rng, where, label), way)
    elif motion == "random":
        for number in range(4):
            angle = rng.uniform(0, 2 * np.pi)
            way = _SPEED * np.array([np.cos(angle), np.sin(angle), 0.0])
            middle = np.array([rng.uniform(-0.35, 0.35), rng.uniform(0.4, 0.9 + length / 2), 0.0])
            yield _Thing(_body(rng, middle - way * frames / 2, _MOVER + number), way)


def _crates(seed: int, count: int, frames: int) -> Iterator[_Thing]:
    """Large things along the camera's way."""
    rng = np.random.default_rng([seed, 16, count])
    for number in range(count):
        where = np.array([rng.uniform(-0.12, 0.15), 0.5 + (0.5 + _STEP * frames) * number / max(count - 1, 1), 0.0])
        sides = rng.uniform(0.18, 0.28, 3)
        to_texture = np.hstack([np.eye(3), -where[:, None]]).astype(np.float32)
        mesh = shapes.cuboid(sides).moved(np.eye(3), 1.0, where)
        yield _Thing(Body(mesh, _texture(rng, 0.3, _GREEN), label=20 + number, to_texture=to_texture), np.zeros(3))


def _body(rng: np.random.Generator, where: NDArray[np.float64], label: int) -> Body:
    sides = rng.uniform(0.06, 0.12, 3) * [1, 1, 1.2]
    texture = _texture(rng, 0.12, _WARM)
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
