"""Tables as a robot sees them: things that stand, lie, touch and are stacked, glass among them, arms, walls, floors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, IntEnum

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.bodies import shapes
from depth_prompt_ros.data.rendering.bodies.scanned import read_shape
from depth_prompt_ros.data.rendering.looks.environments import Environment
from depth_prompt_ros.data.rendering.props import Props, worn_texture
from depth_prompt_ros.data.rendering.scenes import look_at, random_room
from depth_prompt_ros.data.rendering.stacked import stacked_things, top_of
from depth_prompt_ros.data.rendering.tidy import tidy_things
from depth_prompt_ros.data.rendering.tom_scenes import glassy, lamps, sensed
from depth_prompt_ros.data.rendering.tracer import Body, Light, Scene, Surface

Float32 = NDArray[np.float32]
Rng = np.random.Generator

_TABLE, _ARM = 250, 251
_NEAREST_DISPARITY = 0.17
"""The baseline gives what is near at most this share of the picture's width as disparity."""

_NEAREST, _NEAREST_TIDY = 0.3, 0.45
"""Metres from the camera to the middle of what is on the table, at least."""


class TableClass(IntEnum):
    """What a pixel shows."""

    ELSE = 0
    SUPPORT = 1
    """The table's top."""
    THING = 2
    TOM_THING = 3
    """A transparent or mirror thing."""


@dataclass(frozen=True, eq=False)
class TableView:
    """One pair and the left picture's truth.

    Attributes:
        left, right: (H, W, 3) uint8 RGB.
        depth: (H, W) float32 metres of the first surface, NaN = none.
        behind: (H, W) float32 metres of the first opaque surface: what is seen through glass; NaN = none.
        classes: (H, W) uint8, values of :class:`TableClass`.
        labels: (H, W) uint8, 0 = no thing, 1..n = things.
        camera: of the left picture, with the baseline.
    """

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    depth: Float32
    behind: Float32
    classes: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    camera: CameraModel


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a table stands: bodies, lights, and what is beyond them."""

    bodies: list[Body]
    lights: list[Light]
    ambient: Float32
    sky: Float32 | Environment

    def scene(self, bodies: list[Body]) -> Scene:
        return Scene(bodies, self.lights, self.ambient, self.sky)


class Arrangement(str, Enum):
    """How things are put on a table; the values are the kinds of ``depth-prompt render``."""

    HEAPED = "tables"
    """Crowded and heaped, as in bins and test scenes."""
    TIDY = "tables-tidy"
    """As people put them: few, apart and upright."""
    STACKED = "tables-stacked"
    """Tidy, and more on, in and against them."""


def table_view(
    rng: Rng, size: tuple[int, int], props: Props, arrangement: Arrangement = Arrangement.HEAPED
) -> TableView:
    """A pair of (height, width) pixels of a table, its floor or a bare table top, seen 15 to 88 degrees from above."""
    arrange = {
        Arrangement.HEAPED: _things, Arrangement.TIDY: tidy_things, Arrangement.STACKED: stacked_things
    }[arrangement]  # fmt: skip
    nearest = _NEAREST if arrangement is Arrangement.HEAPED else _NEAREST_TIDY
    while True:
        place = _place(rng, props)
        bodies = list(place.bodies)
        share = float(rng.uniform(0.3, 0.9)) if rng.random() < 0.55 else 0.0
        table = next(body.mesh for body in bodies if body.label == _TABLE)
        things = arrange(rng, props, share, table.vertices[:, :2].max(0)) if rng.random() < 0.94 else []
        bodies += things
        if rng.random() < 0.25:
            bodies.append(_arm(rng, props))
        view = _look(rng, place, bodies, things, size, nearest)
        if view is not None:
            return view


def _place(rng: Rng, props: Props) -> _Place:
    """A room, or a real place's light above a floor, with a table of any size whose top is z = 0."""
    room, lights, ambient = random_room(rng, table=False)
    sky: Float32 | Environment = ambient
    if props.environments and rng.random() < 0.5:
        radiance = props.environments[int(rng.integers(len(props.environments)))]
        sky = Environment(radiance * np.float32(rng.uniform(0.7, 1.6)), float(rng.uniform(0, 2 * np.pi)))
        room, lights, ambient = _open_air(rng, room), [sky.light()], sky.ambient
    bodies = [
        replace(body, texture=worn_texture(rng, props, float(rng.uniform(0.4, 2)))) if rng.random() < 0.7 else body
        for body in room
    ]
    if not isinstance(sky, Environment):
        bodies += lamps(rng, lights)
    wide, deep = np.exp(rng.uniform(np.log(0.5), np.log(3.0 if rng.random() < 0.3 else 1.4), 2))
    thick = float(rng.uniform(0.01, 0.06))
    if rng.random() < 0.15:
        top = shapes.revolve(np.array([[0, -thick], [wide / 2, -thick], [wide / 2, 0], [0, 0]]))
    else:
        top = shapes.cuboid(np.array([wide, deep, thick])).moved(np.eye(3), 1.0, np.array([0, 0, -thick]))
    coat = float(rng.choice([0.0, rng.uniform(0.2, 1.0)], p=[0.7, 0.3]))
    top_texture = worn_texture(rng, props, float(np.exp(rng.uniform(np.log(0.1), np.log(1.5)))))
    bodies.append(Body(top, top_texture, label=_TABLE, gloss=float(rng.uniform(0, 0.3)), coat=coat))
    for _ in range(int(rng.integers(0, 4))):  # things on the floor beside and below the table
        angle = rng.uniform(0, 2 * np.pi)
        where = np.array([np.cos(angle), np.sin(angle), 0.0]) * rng.uniform(0.3, 1.5)
        where[2] = min(float(body.mesh.vertices[:, 2].min()) for body in room) + 0.1
        mesh = _mesh(rng, props).moved(np.eye(3), float(rng.uniform(0.1, 0.4)), where)
        bodies.append(Body(mesh, worn_texture(rng, props, 0.3)))
    return _Place(bodies, lights, ambient, sky)


def _open_air(rng: Rng, room: list[Body]) -> list[Body]:
    """The floor and furniture of a room; of its walls and ceiling each remains one time in six."""
    ceiling_and_walls = [0, 1, 2, 3, 5]  # as random_room orders them; 4 is the floor
    return [body for place, body in enumerate(room) if place not in ceiling_and_walls or rng.random() < 1 / 6]


def _mesh(rng: Rng, props: Props, glass: bool = False) -> shapes.Mesh:
    """A thing's shape, longest side 1, as it stands or fallen over."""
    if props.meshes and rng.random() < (0.35 if glass else 0.6):
        mesh = read_shape(props.meshes[int(rng.integers(len(props.meshes)))])
    elif glass:
        mesh = shapes.random_shape(rng, shapes.CLEAR_FAMILIES)
    elif rng.random() < 0.3:  # books, cases, boxes, plates: flat or long
        sides = np.sort(np.exp(rng.uniform(np.log(0.04), np.log(1.0), 3)))[::-1]
        mesh = shapes.cuboid(sides[[0, 1, 2]] if rng.random() < 0.6 else sides[[1, 2, 0]])
    else:
        mesh = shapes.random_shape(rng)
    return _turned(rng, mesh)


def _turned(rng: Rng, mesh: shapes.Mesh) -> shapes.Mesh:
    """The mesh as it stands or, one time in five, fallen over, turned about z."""
    if rng.random() < 0.2:
        axis = int(rng.integers(2))
        angle = np.pi / 2 if rng.random() < 0.8 else rng.uniform(0, np.pi)
        mesh = mesh.moved(shapes.about(axis, angle), 1.0, np.zeros(3))
    return mesh.moved(shapes.about(2, rng.uniform(0, 2 * np.pi)), 1.0, np.zeros(3)).standing()


def _things(rng: Rng, props: Props, share: float, half: NDArray[np.float32]) -> list[Body]:
    """One to fourteen things on the table, loose or crowded, some on top of others; ``share`` of them ToM.

    Args:
        half: (2,) metres from the table's middle to its edges in x and y.
    """
    size = float(np.exp(rng.uniform(np.log(0.06), np.log(0.22))))
    count = int(rng.integers(5, 15)) if rng.random() < 0.75 else int(rng.integers(1, 5))
    reach = size * np.sqrt(count) * float(rng.choice([rng.uniform(0.4, 0.7), rng.uniform(0.7, 1.4)], p=[0.7, 0.3]))
    closeness = float(rng.choice([rng.uniform(0.7, 0.95), rng.uniform(0.95, 1.2)]))
    alike = _mesh(rng, props, glass=True) if rng.random() < 0.35 else None
    found: list[Body] = []
    boxes: list[NDArray[np.float32]] = []
    for label in range(1, count + 1):
        tom = rng.random() < share
        surface = Surface.OPAQUE if not tom else Surface.GLASS if rng.random() < 0.75 else Surface.MIRROR
        length = size * float(np.exp(rng.uniform(np.log(0.5), np.log(1.6))))
        mesh = _mesh(rng, props, glass=surface == Surface.GLASS)
        if alike is not None and surface == Surface.GLASS and rng.random() < 0.8:
            mesh, length = _turned(rng, alike), size
        mesh = mesh.moved(np.eye(3), length, np.zeros(3))
        low, high = mesh.vertices.min(0), mesh.vertices.max(0)
        for _ in range(12):
            where = np.array([*rng.normal(scale=reach, size=2), 0.0], np.float32)
            clear = bool(np.all(np.abs(where[:2]) < half)) and all(
                np.any(np.abs(where[:2] - middle[:2]) > closeness * 0.5 * (high - low + extent)[:2])
                for middle, extent in boxes
            )
            if clear:
                break
        else:
            if not boxes or rng.random() < 0.4:
                continue
            below = int(rng.integers(len(boxes)))
            middle, extent = boxes[below]
            beside = middle[:2] + rng.normal(scale=0.2, size=2) * extent[:2]
            where = np.array([*beside, top_of(found[below].mesh, beside, 0.35 * (high - low)[:2])], np.float32)
        boxes.append(np.stack([where, high - low + [0, 0, where[2]]]).astype(np.float32))
        texture = worn_texture(rng, props, length * float(rng.uniform(0.5, 2)))
        to_texture = np.hstack([np.eye(3), -where[:, None]]).astype(np.float32)
        gloss = float(rng.choice([0.0, rng.uniform(0.1, 0.8)]))
        body = Body(mesh.moved(np.eye(3), 1.0, where), texture, surface, label, gloss, to_texture=to_texture)
        found.append(glassy(rng, body))
    return found


def _arm(rng: Rng, props: Props) -> Body:
    """A robot's or a person's arm that reaches in from beyond the table: two links and a gripper or a fist."""
    angle = rng.uniform(0, 2 * np.pi)
    hand = np.array([*rng.normal(scale=0.12, size=2), rng.uniform(0.03, 0.25)])
    elbow = hand + np.array([np.cos(angle), np.sin(angle), 0]) * rng.uniform(0.2, 0.4) + [0, 0, rng.uniform(0, 0.25)]
    shoulder = elbow + np.array([np.cos(angle), np.sin(angle), 0]) * rng.uniform(0.4, 0.8) + [0, 0, rng.uniform(0, 0.3)]
    radius = float(rng.uniform(0.025, 0.06))
    parts = [_link(hand, elbow, radius * 0.8), _link(elbow, shoulder, radius)]
    if rng.random() < 0.5:
        aside = np.array([-np.sin(angle), np.cos(angle), 0]) * rng.uniform(0.02, 0.05)
        parts += [_link(hand + side * aside, hand + side * aside - [0, 0, 0.08], 0.01) for side in (-1, 1)]
    else:
        fist = shapes.blob(rng).standing().moved(np.eye(3), 0.1, hand - [0, 0, 0.05])
        parts.append(fist)
    return Body(shapes.joined(*parts), worn_texture(rng, props, 0.3), label=_ARM, gloss=float(rng.uniform(0, 0.6)))


def _link(start: NDArray[np.floating], end: NDArray[np.floating], radius: float) -> shapes.Mesh:
    """A cylinder between two points."""
    along = end - start
    length = float(np.linalg.norm(along))
    up = along / length
    side = np.cross(up, [0.0, 0.0, 1.0] if abs(up[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    rotation = np.stack([side, np.cross(up, side), up], 1)
    cylinder = shapes.revolve(np.array([[0, 0], [radius, 0], [radius, length], [0, length]]), 24)
    return cylinder.moved(rotation, 1.0, start)


def _look(
    rng: Rng, place: _Place, bodies: list[Body], things: list[Body], size: tuple[int, int], nearest: float
) -> TableView | None:
    """Both eyes' pictures and the truth; None where the camera would be in something or sees no table."""
    height, width = size
    focal = width * float(np.exp(rng.uniform(np.log(0.75), np.log(1.6))))
    camera = CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
    middle = np.zeros(3)
    extent = float(rng.uniform(0.2, 0.6))
    if things:
        corners = np.concatenate([[body.mesh.vertices.min(0), body.mesh.vertices.max(0)] for body in things])
        middle = (corners.min(0) + corners.max(0)) / 2
        extent = float(np.linalg.norm(np.ptp(corners, axis=0)[:2])) + 0.05
    elevation, azimuth = np.radians(np.clip(rng.normal(48, 17), 15, 88)), rng.uniform(0, 2 * np.pi)
    towards = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    distance = float(np.clip(extent * focal / width * rng.uniform(0.55, 1.5), nearest, 1.7))
    aim = middle + rng.normal(scale=0.12 * distance, size=3) * [1, 1, 0.3]
    wish, noise = rng.uniform(0.04, 0.1), rng.integers(2**63)
    pose = look_at(middle + distance * towards, aim, roll=float(rng.normal(scale=0.04)))
    scene = place.scene(bodies)
    left = scene.view(camera, pose, threads=1)
    known = np.isfinite(left.depth)
    if known.mean() < 0.5 or (left.labels == _TABLE).mean() < 0.06:
        return None
    near = float(np.nanquantile(left.depth, 0.01))
    if near < 0.15:
        return None
    camera = replace(camera, baseline=min(wish, _NEAREST_DISPARITY * width * near / focal))
    beside = pose.copy()
    beside[:3, 3] += pose[:3, 0] * camera.baseline
    right = scene.view(camera, beside, threads=1)
    opaque = [body for body in bodies if body.surface == Surface.OPAQUE]
    behind = left.depth
    if len(opaque) < len(bodies):
        behind = place.scene(opaque).depth(camera, pose, threads=1)
    above = camera.rays * left.depth[..., None] @ pose[2, :3] + pose[2, 3]
    thing = (left.labels > 0) & (left.labels < _TABLE)
    classes = np.full(size, TableClass.ELSE, np.uint8)
    classes[(left.labels == _TABLE) & (np.abs(above) < 2e-3)] = TableClass.SUPPORT
    classes[thing] = np.where(left.tom[thing], TableClass.TOM_THING, TableClass.THING)
    seen_left, seen_right = sensed(np.random.default_rng(noise), left.image, right.image)
    labels = np.where(thing, left.labels, 0).astype(np.uint8)
    return TableView(seen_left, seen_right, left.depth, behind, classes, labels, camera)
