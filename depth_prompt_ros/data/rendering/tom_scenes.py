"""Stereo pairs of transparent and mirror (ToM) things: glasses, bottles, chrome, panes, mirrors, in rooms of all kinds.

Three generators that share no thing, texture or light: :func:`tom_pair` to learn from, :func:`unseen_tom_pair` to test
on, :func:`trap_pair` for what looks like glass or a mirror and is none; :func:`decoy_pair` makes such of what is
learned from, :func:`opaque_pair` what is neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering import unseen
from depth_prompt_ros.data.rendering.bodies import panes, shapes
from depth_prompt_ros.data.rendering.bodies.unseen_shapes import random_unseen_shape, unseen_glass
from depth_prompt_ros.data.rendering.looks import textures
from depth_prompt_ros.data.rendering.looks.photographs import photo_texture
from depth_prompt_ros.data.rendering.looks.textures import Texture
from depth_prompt_ros.data.rendering.scenes import look_at, placed, random_room
from depth_prompt_ros.data.rendering.tracer import Body, Light, Scene, Surface

Float32 = NDArray[np.float32]
Rng = np.random.Generator

TRAPS = ("poster", "card", "empty frame", "shiny things", "photograph")
"""Kinds of :func:`trap_pair`: a picture of glasses upright, one lying down, a frame without glass, glossy opaque
things, a framed photograph of a room."""

_NEAREST_DISPARITY = 0.17
"""The baseline is no longer than gives this share of the picture's width as the disparity of what is near."""


@dataclass(frozen=True, eq=False)
class StereoView:
    """One pair and the left picture's truth; arrays as in :class:`depth_prompt_ros.data.sets.stereo_set.StereoSet`.

    Attributes:
        pose: (4, 4) from the left camera's optical frame to the bodies' coordinates.
    """

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    depth: Float32
    labels: NDArray[np.uint8]
    tom: NDArray[np.bool_]
    camera: CameraModel
    pose: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Arrangement:
    """What stands where, and from where it is looked at.

    Attributes:
        bodies, lights, ambient: of the scene; things are labelled 1 to n.
        middle: (3,) what the camera looks at, metres; the support is z = 0.
        extent: metres that are to be seen around it.
        facing: azimuth of the camera seen from the middle, radians; None: any.
        from_above: seen from above rather than from the side.
    """

    bodies: list[Body]
    lights: list[Light]
    ambient: Float32
    middle: NDArray[np.float64]
    extent: float
    facing: float | None = None
    from_above: bool = False


def tom_pair(rng: Rng, size: tuple[int, int]) -> StereoView:
    """A pair of (height, width) pixels of the generator to learn from; a share of 2 to 80 % of it is ToM."""
    while True:
        view = _look(rng, _arranged(rng, _HOUSE), size)
        if view is not None and 0.02 < view.tom.mean() < 0.8:
            return view


def unseen_tom_pair(rng: Rng, size: tuple[int, int]) -> StereoView:
    """A pair of the held-out generator: glass and mirrors of other shapes, photographs as textures, other light."""
    while True:
        view = _look(rng, _arranged(rng, _ELSEWHERE), size)
        if view is not None and 0.02 < view.tom.mean() < 0.8:
            return view


def trap_pair(rng: Rng, size: tuple[int, int], kind: int) -> StereoView:
    """A pair without anything ToM, kind ``TRAPS[kind]``; label 1 is what could be taken for it, a frame's opening."""
    return _trapped(rng, size, TRAPS[kind], (_HOUSE, _ELSEWHERE))


def decoy_pair(rng: Rng, size: tuple[int, int], kind: int) -> StereoView:
    """As :func:`trap_pair`, all of it from the generator to learn from."""
    return _trapped(rng, size, TRAPS[kind], (_HOUSE, _HOUSE))


def opaque_pair(rng: Rng, size: tuple[int, int]) -> StereoView:
    """A pair of the generator to learn from without anything ToM: dull and varnished things."""
    while True:
        view = _look(rng, _things(rng, _HOUSE, *_HOUSE.place(rng), share=0.0), size)
        if view is not None and (view.labels > 0).mean() > 0.02:
            return view


def graspable_pair(rng: Rng, size: tuple[int, int]) -> tuple[StereoView, list[Body]]:
    """A pair of the held-out generator, seen from 25 to 70 degrees above, of things that a hand can hold; its bodies.

    Two to six things of 4 to 17 cm stand on the ground, half of them ToM, at least one.
    """
    while True:
        things = _things(rng, _ELSEWHERE, *_ELSEWHERE.place(rng), share=0.5, sizes=(0.06, 0.14))
        view = _look(rng, replace(things, from_above=True), size)
        if view is not None and (view.labels > 0).mean() > 0.02:
            return view, things.bodies


def _trapped(rng: Rng, size: tuple[int, int], kind: str, generators: tuple[_Generator, _Generator]) -> StereoView:
    while True:
        generator = generators[0] if rng.random() < 0.5 else generators[1]
        trap, bait = _trap(rng, generator, kind)
        camera_rng, again = (np.random.default_rng(seed) for seed in [int(rng.integers(2**63))] * 2)
        view = _look(camera_rng, trap, size)
        if view is None:
            continue
        if bait is not None:  # an opening has no surface of its own: closed for once, the same look shows where it is
            closed = _look(again, replace(trap, bodies=[*trap.bodies, bait]), size, like=view.camera)
            if closed is None:
                continue
            view = replace(view, labels=np.where(closed.labels == bait.label, bait.label, 0).astype(np.uint8))
        if 0.04 < (view.labels == 1).mean() < 0.8:
            return view


@dataclass(frozen=True, eq=False)
class _Generator:
    """What one of the two disjoint generators draws from."""

    place: Callable[[Rng], tuple[list[Body], list[Light], Float32]]
    thing: Callable[[Rng, Surface, float, NDArray[np.floating], int], Body]
    pane: Callable[[Rng, float], panes.Pane]
    texture: Callable[[Rng, float], Texture]


def _arranged(rng: Rng, generator: _Generator) -> Arrangement:
    bodies, lights, ambient = generator.place(rng)
    draw = rng.random()
    if draw < 0.55:
        return _things(rng, generator, bodies, lights, ambient)
    return _standing_pane(rng, generator, bodies, lights, ambient, lying=draw > 0.9)


def _surface(rng: Rng, share: float) -> Surface:
    if rng.random() >= share:
        return Surface.OPAQUE
    return Surface.GLASS if rng.random() < 0.7 else Surface.MIRROR


def _things(
    rng: Rng,
    generator: _Generator,
    bodies: list[Body],
    lights: list[Light],
    ambient: Float32,
    share: float = 0.6,
    sizes: tuple[float, float] = (0.07, 0.25),
) -> Arrangement:
    """Two to six things on the support, at least one of them ToM; each 0.6 to 1.2 times a size between ``sizes``."""
    size = float(np.exp(rng.uniform(*np.log(sizes))))
    surfaces = [Surface.GLASS if rng.random() < 0.7 else Surface.MIRROR] if share > 0 else [Surface.OPAQUE]
    surfaces += [_surface(rng, share) for _ in range(int(rng.integers(1, 6)))]
    for label, (surface, where) in enumerate(zip(surfaces, _spots(rng, len(surfaces), size), strict=True), start=1):
        bodies.append(generator.thing(rng, surface, size * float(rng.uniform(0.6, 1.2)), where, label))
    return Arrangement(
        bodies, lights, ambient, np.array([0, 0, 0.4 * size]), size * float(np.sqrt(len(surfaces))) * 1.2
    )


def _spots(rng: Rng, count: int, size: float) -> list[NDArray[np.float64]]:
    """Places on the support, the first in the middle, none nearer to another than 0.9 sizes."""
    found = [np.zeros(3)]
    reach = size
    while len(found) < count:
        candidate = np.array([*rng.normal(scale=reach, size=2), 0.0])
        if min(np.linalg.norm(candidate - other) for other in found) > 0.9 * size:
            found.append(candidate)
        reach *= 1.05
    return found


def _standing_pane(
    rng: Rng, generator: _Generator, bodies: list[Body], lights: list[Light], ambient: Float32, lying: bool
) -> Arrangement:
    """A mirror or pane of glass, standing or lying, with things before and behind it, or on it."""
    height = float(np.exp(rng.uniform(np.log(0.12), np.log(1.0))))
    pane = generator.pane(rng, height)
    yaw = rng.uniform(0, 2 * np.pi)
    lean = 0.0 if rng.random() < 0.6 else rng.uniform(0, np.radians(18))
    surface = Surface.MIRROR if rng.random() < 0.6 else Surface.GLASS
    stood = pane.lying() if lying else pane.standing(yaw, lean)
    bodies.append(_pane_body(rng, stood.plate, surface, 1))
    if not lying and pane.frame is not None and rng.random() < 0.75:
        assert stood.frame is not None
        bodies.append(Body(stood.frame, generator.texture(rng, 0.1), gloss=0.3, label=2))
    size = height * float(rng.uniform(0.2, 0.6))
    away = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    for label in range(3, 3 + int(rng.integers(0, 4))):
        beside = np.cross(away, [0, 0, 1.0]) * rng.normal(scale=0.5 * height)
        forward = float(rng.choice([-1, 1])) * rng.uniform(0.6, 1.5) * max(size, 0.1 * height)
        where = (rng.normal(scale=0.3 * height, size=3) * [1, 1, 0]) if lying else away * forward + beside
        where[2] = stood.top if lying else 0.0
        bodies.append(generator.thing(rng, _surface(rng, 0.2), size * float(rng.uniform(0.6, 1.2)), where, label))
    middle = np.array([0, 0, 0.0 if lying else 0.5 * height])
    facing = None if lying else yaw + rng.uniform(-0.9, 0.9)
    return Arrangement(bodies, lights, ambient, middle, height * float(rng.uniform(0.8, 1.4)), facing, lying)


def _trap(rng: Rng, generator: _Generator, kind: str) -> tuple[Arrangement, Body | None]:
    """The arrangement, and what would close an opening."""
    bodies, lights, ambient = generator.place(rng)
    if kind == "shiny things":
        arrangement = _things(rng, generator, bodies, lights, ambient, share=0.0)
        shiny = [
            replace(body, label=1, gloss=float(rng.uniform(0.5, 0.9)), coat=float(rng.uniform(0.4, 1.0)))
            if body.label
            else body
            for body in arrangement.bodies
        ]
        return replace(arrangement, bodies=shiny), None
    height = float(np.exp(rng.uniform(np.log(0.15), np.log(0.6))))
    pane, yaw = generator.pane(rng, height), rng.uniform(0, 2 * np.pi)
    while kind == "empty frame" and pane.frame is None:
        pane = generator.pane(rng, height)
    stood = pane.lying() if kind == "card" else pane.standing(yaw, 0.0)
    facing = None if kind == "card" else yaw + rng.uniform(-0.8, 0.8)
    if stood.frame is not None and kind != "card":
        bodies.append(Body(stood.frame, generator.texture(rng, 0.1), gloss=0.3))
    bait = None
    if kind == "empty frame":
        bait = Body(stood.plate, textures.plain(np.full(3, 0.5, np.float32)), label=1)
        away = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        for _ in range(2):
            where = away * -rng.uniform(0.3, 1.0) * height + np.cross(away, [0, 0, 1.0]) * rng.normal(
                scale=0.4 * height
            )
            bodies.append(generator.thing(rng, Surface.OPAQUE, 0.5 * height, where, 0))
    else:
        picture = _picture(rng, glasses=kind != "photograph")
        bodies.append(Body(stood.plate, _printed(picture, height), label=1, to_texture=stood.to_plate))
    middle = np.array([0, 0, 0.0 if kind == "card" else 0.5 * height])
    return Arrangement(bodies, lights, ambient, middle, 1.1 * height, facing, kind == "card"), bait


def _picture(rng: Rng, glasses: bool) -> NDArray[np.uint8]:
    """(192, 192, 3) uint8 RGB of a scene with glasses, or of a room."""
    bodies, lights, ambient = house(rng)
    while True:
        arrangement = _things(rng, _HOUSE, list(bodies), lights, ambient, share=1.0 if glasses else 0.0)
        view = _look(rng, arrangement, (192, 192))
        if view is not None and view.tom.mean() > (0.1 if glasses else -1):
            return view.left


def _printed(picture: NDArray[np.uint8], side: float) -> Texture:
    """The picture, ``side`` metres high, on the x-z plane around the origin, mirrored on beyond its borders."""
    albedo = np.asarray(picture, np.float32) / np.float32(255)

    def texture(points: Float32) -> Float32:
        place = np.stack([points[:, 0], -points[:, 2]], 1) / side + 0.5
        place = np.abs((place + 1) % 2 - 1) * (len(albedo) - 1)
        found = textures.looked_up(albedo, place.astype(np.float32))
        return np.asarray(np.clip(found, 0.02, 1), np.float32)

    return texture


def _look(
    rng: Rng, arrangement: Arrangement, size: tuple[int, int], like: CameraModel | None = None
) -> StereoView | None:
    """Both eyes' pictures; None where the camera would stand in something, or sees next to nothing near."""
    height, width = size
    focal = width * float(np.exp(rng.uniform(np.log(0.8), np.log(1.5))))
    camera = CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
    azimuth = rng.uniform(0, 2 * np.pi) if arrangement.facing is None else arrangement.facing
    elevation = np.radians(rng.uniform(25, 70) if arrangement.from_above else rng.uniform(4, 50))
    towards = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    distance = max(arrangement.extent * focal / min(size) * float(rng.uniform(0.9, 1.7)), 0.25)
    eye = arrangement.middle + distance * towards
    aim = arrangement.middle + rng.normal(scale=0.15 * arrangement.extent, size=3)
    wish = rng.uniform(0.04, 0.1)
    noise = rng.integers(2**63)
    pose = look_at(eye, aim, roll=float(rng.normal(scale=0.04)))
    scene = Scene(arrangement.bodies, arrangement.lights, arrangement.ambient, arrangement.ambient)
    left = scene.view(camera, pose, threads=1)
    if not np.isfinite(left.depth).any():
        return None
    near = float(np.nanquantile(left.depth, 0.01))
    if near < 0.12 or near > 4 or np.isfinite(left.depth).mean() < 0.5:
        return None
    camera = like or replace(camera, baseline=min(wish, _NEAREST_DISPARITY * width * near / focal))
    beside = pose.copy()
    beside[:3, 3] += pose[:3, 0] * camera.baseline
    right = scene.view(camera, beside, threads=1)
    seen_left, seen_right = sensed(np.random.default_rng(noise), left.image, right.image)
    return StereoView(seen_left, seen_right, left.depth, left.labels.astype(np.uint8), left.tom, camera, pose)


def sensed(rng: Rng, *images: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """What a sensor makes of the pictures: a lens's blur, a gain that differs by eye, noise."""
    blur, grain = rng.uniform(0, 0.8), rng.uniform(0.4, 2.5)
    found = []
    for image in images:
        sharp = image.astype(np.float32) * float(rng.uniform(0.97, 1.03))
        soft = cv2.GaussianBlur(sharp, (5, 5), blur) if blur > 0.25 else sharp
        noisy = soft + grain * rng.standard_normal(image.shape, np.float32)
        found.append(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))
    return found


def _pane_body(rng: Rng, plate: shapes.Mesh, surface: Surface, label: int) -> Body:
    tint = textures.plain((1 - rng.uniform(0, 0.25, 3) * (rng.random() < 0.3)).astype(np.float32))
    return Body(plate, tint, surface, label, absorption=_absorption(rng), ripple=_ripple(rng, 0.5, 0.004))


def _absorption(rng: Rng) -> Float32:
    """Of clear glass, mostly; one in three is tinted."""
    strength = rng.uniform(0, 3) if rng.random() < 0.65 else np.exp(rng.uniform(np.log(5), np.log(60)))
    return np.asarray(strength * rng.uniform(0.1, 1, 3), np.float32)


def _ripple(rng: Rng, size: float, most: float) -> Texture | None:
    """Blown and pressed glass is uneven; half of it."""
    if rng.random() < 0.5:
        return None
    amount, fields = np.float32(rng.uniform(0, most)), [textures.waves(rng, size, 6) for _ in range(3)]
    return lambda points: amount * np.stack([field(points) for field in fields], 1)


def glassy(rng: Rng, body: Body) -> Body:
    """The look of one piece of glass, chrome or opaque ware."""
    if body.surface == Surface.OPAQUE:
        return replace(body, coat=float(rng.choice([0.0, rng.uniform(0.2, 1.0)], p=[0.6, 0.4])))
    return replace(body, absorption=_absorption(rng), ripple=_ripple(rng, 0.6, 0.03))


def lamps(rng: Rng, lights: list[Light]) -> list[Body]:
    """A glowing panel just above each light, so that glass and mirrors show where it is."""
    found = []
    for light in lights:
        sides = np.array([*rng.uniform(0.05, 0.5, 2), 0.02])
        panel = shapes.cuboid(sides).moved(np.eye(3), 1.0, light.position + np.array([0, 0, 0.04], np.float32))
        colour = light.colour / light.colour.max()
        found.append(Body(panel, textures.plain(colour.astype(np.float32)), glow=float(rng.uniform(2, 8))))
    return found


def house(rng: Rng) -> tuple[list[Body], list[Light], Float32]:
    """A room of plain and patterned walls with lamps, and mostly a table, square or round, dull or varnished."""
    bodies, lights, ambient = random_room(rng, table=False)
    bodies += lamps(rng, lights)
    wide, deep = rng.uniform(0.6, 1.8, 2)
    if rng.random() < 0.35:
        top = shapes.revolve(np.array([[0, -0.04], [wide / 2, -0.04], [wide / 2, 0], [0, 0]]))
    else:
        top = shapes.cuboid(np.array([wide, deep, 0.04])).moved(np.eye(3), 1.0, np.array([0, 0, -0.04]))
    coat = float(rng.choice([0.0, rng.uniform(0.2, 1.0)]))
    bodies.append(Body(top, textures.random_texture(rng, float(rng.uniform(0.1, 1.0))), gloss=0.2, coat=coat))
    return bodies, lights, ambient


def _house_thing(rng: Rng, surface: Surface, size: float, where: NDArray[np.floating], label: int) -> Body:
    families = shapes.GLASS_FAMILIES if surface == Surface.GLASS else shapes.OPAQUE_FAMILIES
    return glassy(rng, placed(rng, shapes.random_shape(rng, families), size, where, surface, label))


def elsewhere(rng: Rng) -> tuple[list[Body], list[Light], Float32]:
    """A ground and a wall of photographs under other lights."""
    bodies = unseen.photographed_place(rng)
    lights, ambient = unseen.unseen_light(rng)
    return bodies + lamps(rng, lights), lights, ambient + np.float32(rng.uniform(0.1, 0.5))


def _elsewhere_thing(rng: Rng, surface: Surface, size: float, where: NDArray[np.floating], label: int) -> Body:
    mesh = unseen_glass(rng) if surface == Surface.GLASS else random_unseen_shape(rng)
    body = unseen.stood(mesh, photo_texture(rng, float(rng.uniform(0.5, 2))), size, where, label)
    return glassy(rng, replace(body, surface=surface))


_HOUSE = _Generator(house, _house_thing, panes.rectangular, textures.random_texture)
_ELSEWHERE = _Generator(elsewhere, _elsewhere_thing, panes.rounded, photo_texture)
