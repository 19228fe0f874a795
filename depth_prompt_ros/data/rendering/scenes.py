"""Random rooms with tables and objects: training scenes, object views, and the demo's table-top stereo sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.bodies import shapes
from depth_prompt_ros.data.rendering.looks import textures
from depth_prompt_ros.data.rendering.tracer import Body, Light, Scene, Surface, View

Float32 = NDArray[np.float32]

OBJECT_FOCAL = 1.5
"""Focal length over picture side of the camera that all object views are taken with (field of view 37 degrees)."""


def look_at(eye: NDArray[np.floating], target: NDArray[np.floating], roll: float = 0.0) -> NDArray[np.float64]:
    """(4, 4) pose of an optical frame (x right, y down, z forward) at ``eye`` towards ``target``; world z is up."""
    forward = target - eye
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    turned = np.cos(roll) * right + np.sin(roll) * down
    pose = np.eye(4)
    pose[:3, :3] = np.stack([turned, np.cross(forward, turned), forward], 1)
    pose[:3, 3] = eye
    return pose


def placed(
    rng: np.random.Generator,
    mesh: shapes.Mesh,
    height: float,
    where: NDArray[np.floating],
    surface: Surface,
    label: int,
) -> Body:
    """A unit-sized shape as an object of the given size in metres, standing at ``where``."""
    texture = textures.random_texture(rng, 1.0)
    to_texture = np.hstack([np.eye(3) / height, -np.asarray(where, float)[:, None] / height]).astype(np.float32)
    gloss = float(rng.choice([0.0, rng.uniform(0.1, 0.8)])) if surface == Surface.OPAQUE else 0.0
    moved = mesh.moved(np.eye(3), height, np.asarray(where, np.float32))
    return Body(moved, texture, surface, label, gloss, to_texture=to_texture)


def random_surface(rng: np.random.Generator, transparent_share: float) -> Surface:
    """Opaque, or glass (two in three) or mirror (one in three) of ``transparent_share``."""
    if rng.random() >= transparent_share:
        return Surface.OPAQUE
    return Surface.GLASS if rng.random() < 0.65 else Surface.MIRROR


def _object(rng: np.random.Generator, size: float, where: NDArray[np.floating], label: int, share: float) -> Body:
    surface = random_surface(rng, share)
    families = shapes.GLASS_FAMILIES if surface == Surface.GLASS else shapes.OPAQUE_FAMILIES
    return placed(rng, shapes.random_shape(rng, families), size, where, surface, label)


def random_room(rng: np.random.Generator, table: bool) -> tuple[list[Body], list[Light], Float32]:
    """Floor, walls, ceiling and furniture around a table whose top is z = 0; lights; ambient."""
    floor = -rng.uniform(0.4, 1.0)
    low = np.array([-rng.uniform(0.8, 3.0), -rng.uniform(0.8, 3.0), floor])
    high = np.array([rng.uniform(0.8, 3.0), rng.uniform(0.8, 3.0), rng.uniform(1.2, 2.5)])
    bodies = []
    for axis in range(3):
        for end in (0, 1):
            sides, middle = high - low + 0.2, (low + high) / 2
            sides[axis], middle[axis] = 0.1, (low, high)[end][axis]
            middle[2] -= sides[2] / 2
            wall = shapes.cuboid(sides).moved(np.eye(3), 1.0, middle)
            bodies.append(Body(wall, textures.random_texture(rng, float(rng.uniform(0.3, 2.0)))))
    if table:
        top = np.array([rng.uniform(0.5, 1.4), rng.uniform(0.5, 1.4), 0.04])
        board = shapes.cuboid(top).moved(np.eye(3), 1.0, np.array([0, 0, -0.04]))
        gloss = float(rng.choice([0.0, 0.2]))
        bodies.append(Body(board, textures.random_texture(rng, float(rng.uniform(0.1, 1.0))), gloss=gloss))
    for _ in range(int(rng.integers(0, 5))):  # furniture: cupboards, shelves, boxes on the floor and at the walls
        sides = np.exp(rng.uniform(np.log(0.15), np.log(1.2), 3))
        angle = rng.uniform(0, 2 * np.pi)
        where = np.array([np.cos(angle), np.sin(angle), 0]) * rng.uniform(0.9, 2.5) + [0, 0, floor]
        block = shapes.cuboid(sides).moved(np.eye(3), 1.0, where)
        bodies.append(Body(block, textures.random_texture(rng, float(rng.uniform(0.2, 1.0)))))
    lights = []
    for number in range(int(rng.integers(1, 4))):
        position = np.array([*rng.uniform(0.7 * low[:2], 0.7 * high[:2]), rng.uniform(0.7, high[2] - 0.1)], np.float32)
        warmth = rng.uniform(-0.15, 0.15)
        colour = np.array([1 + warmth, 1, 1 - warmth], np.float32) * rng.uniform(0.5, 1.1) / (1 + number)
        lights.append(Light(position, colour.astype(np.float32)))
    ambient = np.full(3, rng.uniform(0.25, 0.6), np.float32)
    return bodies, lights, ambient


def random_scene(rng: np.random.Generator, size: int, transparent_share: float = 0.15) -> tuple[View, CameraModel]:
    """A square picture of a random room with objects, from a random place and field of view: training scenes."""
    bodies, lights, ambient = random_room(rng, table=rng.random() < 0.8)
    spread = rng.uniform(0.06, 0.3)
    for label in range(1, int(rng.integers(3, 11))):
        where = np.array([*rng.normal(scale=spread, size=2), rng.choice([0.0, rng.uniform(0, 0.3)], p=[0.8, 0.2])])
        bodies.append(
            _object(rng, float(np.exp(rng.uniform(np.log(0.07), np.log(0.4)))), where, label, transparent_share)
        )
    distance = np.exp(rng.uniform(np.log(0.3), np.log(1.5)))
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(5, 75))
    eye = distance * np.array(
        [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)]
    )
    eye[:2] = np.clip(eye[:2], -0.78, 0.78)
    target = np.array([*rng.normal(scale=rng.choice([0.05, 0.2]), size=2), rng.uniform(-0.05, 0.2)])
    focal = size * float(np.exp(rng.uniform(np.log(0.7), np.log(2.2))))
    camera = CameraModel(size, size, focal, focal, (size - 1) / 2, (size - 1) / 2)
    pose = look_at(eye, target, roll=float(rng.normal(scale=0.08)))
    return Scene(bodies, lights, ambient, ambient).view(camera, pose), camera


def random_close_up(rng: np.random.Generator, size: int, transparent_share: float = 0.15) -> tuple[View, CameraModel]:
    """A square picture that one object of a random room dominates, anywhere in it and often cut: training scenes."""
    while True:
        bodies, lights, ambient = random_room(rng, table=rng.random() < 0.85)
        length = float(np.exp(rng.uniform(np.log(0.06), np.log(0.4))))
        body = _object(rng, length, np.zeros(3), 1, transparent_share)
        bodies.append(body)
        for label in range(2, int(rng.integers(2, 8))):
            angle, away = rng.uniform(0, 2 * np.pi), length * rng.uniform(0.9, 4.0)
            where = np.array([np.cos(angle) * away, np.sin(angle) * away, 0.0])
            bodies.append(_object(rng, length * float(rng.uniform(0.4, 1.3)), where, label, transparent_share))
        azimuth, elevation = rng.uniform(0, 2 * np.pi), np.arcsin(rng.uniform(0.0, 0.97))
        towards = np.array(
            [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)]
        )
        middle = (body.mesh.vertices.min(0) + body.mesh.vertices.max(0)) / 2
        radius = float(np.linalg.norm(body.mesh.vertices - middle, axis=1).max())
        zoom = float(np.exp(rng.uniform(np.log(0.7), np.log(2.2))))
        distance = 2 * zoom * radius / rng.uniform(0.45, 1.2)
        eye = middle + distance * towards
        if eye[2] < 0.01 or np.abs(eye[:2]).max() > 2.5 or distance < 1.1 * radius:
            continue
        camera = CameraModel(size, size, zoom * size, zoom * size, (size - 1) / 2, (size - 1) / 2)
        pose = look_at(eye, middle + rng.normal(scale=0.35 * radius, size=3), roll=float(rng.normal(scale=0.15)))
        view = Scene(bodies, lights, ambient, ambient).view(camera, pose)
        if (view.labels == 1).mean() > 0.1:
            return view, camera


@dataclass(frozen=True, eq=False)
class ObjectView:
    """One object in the middle of a square picture, in its surroundings; ``mask`` (S, S) bool is the object."""

    view: View
    mask: NDArray[np.bool_]
    camera: CameraModel


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A body to look at, all bodies with it, and the light."""

    target: Body
    bodies: list[Body]
    lights: list[Light]
    ambient: Float32

    def view(self, camera: CameraModel, pose: NDArray[np.floating]) -> View:
        """What a camera sees of it."""
        return Scene(self.bodies, self.lights, self.ambient, self.ambient).view(camera, pose)


def household(rng: np.random.Generator, transparent_share: float = 0.25) -> Surroundings:
    """An object of the families that are learned from, in a room, with others around it."""
    bodies, lights, ambient = random_room(rng, table=rng.random() < 0.85)
    length = float(np.exp(rng.uniform(np.log(0.06), np.log(0.35))))
    target = _object(rng, length, np.zeros(3), 1, transparent_share)
    bodies.append(target)
    for label in range(2, int(rng.integers(2, 6))):
        angle, away = rng.uniform(0, 2 * np.pi), length * rng.uniform(1.2, 4.0)
        where = np.array([np.cos(angle) * away, np.sin(angle) * away, 0.0])
        bodies.append(_object(rng, length * float(rng.uniform(0.4, 1.1)), where, label, transparent_share))
    return Surroundings(target, bodies, lights, ambient)


def random_object_view(
    rng: np.random.Generator, size: int, draw: Callable[[np.random.Generator], Surroundings] = household
) -> ObjectView:
    """An object seen from the upper hemisphere or table height, filling about three quarters of the picture.

    The camera is always :data:`OBJECT_FOCAL`: the pipeline's object-centred camera is converted to it.
    """
    while True:
        drawn = draw(rng)
        towards = _direction(rng)
        vertices = drawn.target.mesh.vertices
        middle = (vertices.min(0) + vertices.max(0)) / 2
        radius = float(np.linalg.norm(vertices - middle, axis=1).max())
        fill = rng.uniform(0.62, 0.88)
        focal = OBJECT_FOCAL * size
        camera = CameraModel(size, size, focal, focal, (size - 1) / 2, (size - 1) / 2)
        # Two looks at the vertices: the box of the first one says how far to go and where to aim.
        distance = 2 * OBJECT_FOCAL * radius / fill
        for _ in range(3):
            pose = look_at(middle + distance * towards, middle)
            points = (vertices - pose[:3, 3]) @ pose[:3, :3]
            seen = points[:, :2] / points[:, 2:]
            box_low, box_high = seen.min(0), seen.max(0)
            middle = middle + pose[:3, :3] @ np.array([*(box_low + box_high) / 2 * distance, 0.0])
            distance *= float((box_high - box_low).max()) * OBJECT_FOCAL / fill
        eye = middle + distance * towards
        if eye[2] < 0.01 or np.abs(eye[:2]).max() > 2.5:
            continue
        view = drawn.view(camera, look_at(eye, middle))
        mask = view.labels == drawn.target.label
        if mask.mean() > 0.04 and np.isfinite(view.depth[mask]).all():
            return ObjectView(view, mask, camera)


def _direction(rng: np.random.Generator) -> NDArray[np.float64]:
    """(3,) unit vector from the object to the camera: uniform over the upper hemisphere, or at table height."""
    azimuth = rng.uniform(0, 2 * np.pi)
    elevation = np.arcsin(rng.uniform(0.0, 0.95)) if rng.random() < 0.6 else np.radians(rng.uniform(3, 40))
    return np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])


def random_partial_view(rng: np.random.Generator, size: int) -> ObjectView:
    """An object that is small in the picture, off its middle, often cut by the border or hidden by another one.

    Its box would fill 15 to 45 % of the picture if it were all seen; ``mask`` is the part that is.
    """
    while True:
        drawn = household(rng)
        towards = _direction(rng)
        vertices = drawn.target.mesh.vertices
        middle = (vertices.min(0) + vertices.max(0)) / 2
        radius = float(np.linalg.norm(vertices - middle, axis=1).max())
        if rng.random() < 0.6:  # something in front of it, beside the line of sight
            beside = np.cross(towards, [0.0, 0.0, 1.0]) * radius * rng.uniform(-1.2, 1.2)
            where = middle + towards * radius * rng.uniform(1.6, 2.4) + beside
            height = radius * float(rng.uniform(0.5, 1.2))
            drawn.bodies.append(_object(rng, height, np.array([where[0], where[1], 0.0]), 30, 0.0))
        zoom = rng.uniform(0.8, 1.3)
        distance = 2 * zoom * radius / rng.uniform(0.15, 0.45)
        eye = middle + distance * towards
        if eye[2] < 0.02 or np.abs(eye[:2]).max() > 2.5:
            continue
        camera = CameraModel(size, size, zoom * size, zoom * size, (size - 1) / 2, (size - 1) / 2)
        pose = look_at(eye, middle)
        aim = middle - pose[:3, :2] @ (rng.uniform(-0.48, 0.48, 2) * distance / zoom)
        view = drawn.view(camera, look_at(eye, aim))
        mask = view.labels == drawn.target.label
        if mask.mean() > 0.004 and np.isfinite(view.depth[mask]).all():
            return ObjectView(view, mask, camera)


@dataclass(frozen=True, eq=False)
class TabletopView:
    """One stereo frame of the table-top sequence with its truth; arrays as in :class:`View`."""

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    depth: Float32
    labels: NDArray[np.uint16]
    tom: NDArray[np.bool_]
    camera: CameraModel
    stamp_ns: int


TABLETOP_CAMERA = CameraModel(640, 480, 570.0, 570.0, 319.5, 239.5, baseline=0.06)


def render_tabletop_sequence(
    frames: int = 24, seed: int = 1, camera: CameraModel = TABLETOP_CAMERA
) -> Iterator[TabletopView]:
    """A robot's stereo camera swings over a table with opaque, glass and mirror objects.

    Every ``seed`` gives other objects, textures and light. Three objects are opaque, two glass, one mirror.
    Sensor noise of about one grey level is added to each eye independently.
    """
    rng = np.random.default_rng([seed, 7])
    bodies, lights, ambient = random_room(rng, table=False)
    top = shapes.cuboid(np.array([1.3, 1.0, 0.04])).moved(np.eye(3), 1.0, np.array([0, 0, -0.04]))
    grain = textures.spots if rng.random() < 0.5 else textures.clouds
    bodies.append(Body(top, grain(rng, 0.12)))
    kinds = [Surface.OPAQUE, Surface.GLASS, Surface.OPAQUE, Surface.MIRROR, Surface.OPAQUE, Surface.GLASS]
    slots = [(x, y) for y in (-0.13, 0.12) for x in (-0.22, 0.0, 0.22)]
    for label, (surface, slot) in enumerate(zip(kinds, slots, strict=True), start=1):
        families = shapes.GLASS_FAMILIES if surface == Surface.GLASS else shapes.OPAQUE_FAMILIES[:6]
        mesh = families[int(rng.integers(len(families)))](rng).standing()
        where = np.array([*(np.array(slot) + rng.uniform(-0.02, 0.02, 2)), 0.0])
        bodies.append(placed(rng, mesh, float(rng.uniform(0.11, 0.17)), where, surface, label))
    scene = Scene(bodies, lights, ambient, ambient)
    noise = np.random.default_rng([seed, 8])
    for number in range(frames):
        swing = 2 * np.pi * number / frames
        eye = np.array([0.18 * np.sin(swing), -0.68 + 0.05 * np.cos(swing), 0.42 + 0.06 * np.sin(swing + 1)])
        pose = look_at(eye, np.array([0.0, 0.0, 0.04]))
        left = scene.view(camera, pose)
        beside = pose.copy()
        beside[:3, 3] += pose[:3, 0] * camera.baseline
        right = scene.view(camera, beside)
        yield TabletopView(
            left=_with_noise(noise, left.image),
            right=_with_noise(noise, right.image),
            depth=left.depth,
            labels=left.labels,
            tom=left.tom,
            camera=camera,
            stamp_ns=1_700_000_000_000_000_000 + number * 100_000_000,
        )


def _with_noise(rng: np.random.Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.clip(image + rng.normal(scale=1.2, size=image.shape), 0, 255).astype(np.uint8)
