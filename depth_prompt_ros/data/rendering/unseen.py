"""Surroundings out of distribution: unseen shape families or scanned objects, photographs as textures, other light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.bodies import shapes
from depth_prompt_ros.data.rendering.bodies.scanned import ScannedObject
from depth_prompt_ros.data.rendering.bodies.shapes import Mesh
from depth_prompt_ros.data.rendering.bodies.unseen_shapes import random_unseen_shape
from depth_prompt_ros.data.rendering.looks.photographs import photo_texture
from depth_prompt_ros.data.rendering.looks.textures import Texture
from depth_prompt_ros.data.rendering.scenes import Surroundings
from depth_prompt_ros.data.rendering.tracer import Body, Light

Float32 = NDArray[np.float32]


def unseen(rng: np.random.Generator) -> Surroundings:
    """An object of a family that is learned from nowhere, among others, in a place made of photographs."""
    length = float(np.exp(rng.uniform(np.log(0.06), np.log(0.5))))
    target = stood(random_unseen_shape(rng), photo_texture(rng, float(rng.uniform(0.5, 2))), length, np.zeros(3), 1)
    bodies = [*photographed_place(rng), target]
    for label in range(2, int(rng.integers(2, 5))):
        angle, away = rng.uniform(0, 2 * np.pi), length * rng.uniform(1.3, 4.0)
        where = np.array([np.cos(angle) * away, np.sin(angle) * away, 0.0])
        texture = photo_texture(rng, float(rng.uniform(0.5, 2)))
        bodies.append(stood(random_unseen_shape(rng), texture, length * float(rng.uniform(0.4, 1.0)), where, label))
    return Surroundings(target, bodies, *unseen_light(rng))


def scanned(rng: np.random.Generator, objects: list[ScannedObject]) -> Surroundings:
    """One of the scanned objects on a photographed ground, 8 to 30 cm long, as it stands or turned over."""
    chosen = objects[int(rng.integers(len(objects)))]
    mesh, texture = chosen.mesh, chosen.texture
    turn = _turn(rng) if rng.random() < 0.7 else shapes.random_rotation(rng)
    length = float(np.exp(rng.uniform(np.log(0.08), np.log(0.3))))
    turned = mesh.moved(turn, 1.0, np.zeros(3))
    low, high = turned.vertices.min(0), turned.vertices.max(0)
    scale = length / float((high - low).max())
    shift = -np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]) * scale
    to_texture = np.hstack([turn.T / scale, -(turn.T @ shift)[:, None] / scale]).astype(np.float32)
    target = Body(mesh.moved(turn, scale, shift), texture, label=1, to_texture=to_texture)
    return Surroundings(target, [*photographed_place(rng), target], *unseen_light(rng))


def _turn(rng: np.random.Generator) -> NDArray[np.float64]:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])


def stood(mesh: Mesh, texture: Texture, length: float, where: NDArray[np.floating], label: int) -> Body:
    """A unit-sized shape as an object ``length`` metres long, standing at ``where``."""
    to_texture = np.hstack([np.eye(3) / length, -np.asarray(where, float)[:, None] / length]).astype(np.float32)
    return Body(
        mesh.moved(np.eye(3), length, np.asarray(where, np.float32)), texture, label=label, to_texture=to_texture
    )


def photographed_place(rng: np.random.Generator) -> list[Body]:
    """A ground and, mostly, a far cylinder of wall around it."""
    ground = shapes.cuboid(np.array([8.0, 8.0, 0.1])).moved(np.eye(3), 1.0, np.array([0, 0, -0.1]))
    bodies = [Body(ground, photo_texture(rng, float(np.exp(rng.uniform(np.log(0.3), np.log(2.5))))))]
    if rng.random() < 0.8:
        radius = rng.uniform(2.6, 3.8)
        wall = shapes.revolve(np.array([[radius, -0.05], [radius, rng.uniform(1.0, 5.0)]]))
        bodies.append(Body(wall, photo_texture(rng, float(rng.uniform(1.0, 4.0)))))
    return bodies


def unseen_light(rng: np.random.Generator) -> tuple[list[Light], Float32]:
    """One hard light from anywhere above, often from behind, or several coloured ones; more or less ambient."""
    lights = []
    for _ in range(1 if rng.random() < 0.5 else int(rng.integers(2, 5))):
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 2.3)
        position = np.array([away * np.cos(angle), away * np.sin(angle), rng.uniform(0.4, 2.5)], np.float32)
        lights.append(Light(position, rng.uniform(0.3, 1.3, 3).astype(np.float32)))
    return lights, rng.uniform(0.15, 0.5, 3).astype(np.float32)
