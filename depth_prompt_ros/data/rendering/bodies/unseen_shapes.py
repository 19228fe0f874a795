"""Shape families that no training set uses: for tests out of distribution."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.bodies.shapes import (
    Family,
    Mesh,
    cuboid,
    joined,
    random_rotation,
    revolve,
    ring_faces,
    smooth_profile,
)

Points = NDArray[np.floating]


def tube(curve: Points, radius: float, closed: bool, sides: int = 14) -> Mesh:
    """A round tube along a curve, (P, 3); its frame is carried along, so that it does not twist."""
    ahead = np.roll(curve, -1, 0) - np.roll(curve, 1, 0)
    if not closed:
        ahead[0], ahead[-1] = curve[1] - curve[0], curve[-1] - curve[-2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    across = np.empty_like(curve)
    normal = np.cross(ahead[0], [0.3, 0.5, 0.8])
    for index, direction in enumerate(ahead):
        normal = normal - direction * (normal @ direction)
        normal /= np.linalg.norm(normal)
        across[index] = normal
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None, None]
    circle = radius * (np.cos(angle) * across + np.sin(angle) * np.cross(ahead, across))
    vertices = (curve + circle).transpose(1, 0, 2).reshape(-1, 3)
    return Mesh.of(vertices, ring_faces(len(curve), sides, closed_rows=closed))


def star_prism(outline: Points, height: float, twist: float = 0.0, taper: float = 1.0) -> Mesh:
    """A prism over a star-shaped outline, (P, 2) around the origin, turned and scaled towards its top; flat ends."""
    count, levels = len(outline), 16
    rings = []
    for share in np.linspace(0, 1, levels):
        c, s = np.cos(twist * share), np.sin(twist * share)
        turned = outline @ np.array([[c, s], [-s, c]]) * (1 + (taper - 1) * share)
        rings.append(np.column_stack([turned, np.full(count, height * share)]))
    wall = Mesh.of(np.concatenate(rings), ring_faces(levels, count))
    around = np.arange(count)
    fan = np.stack([np.full(count, count), around, np.roll(around, -1)], 1)
    top = Mesh.of(np.vstack([rings[-1], [[0, 0, height]]]), fan)
    bottom = Mesh.of(np.vstack([rings[0], [[0, 0, 0]]]), fan[:, ::-1])
    return joined(wall, top, bottom)


def ellipsoid(radii: Points, middle: Points, sides: int = 24) -> Mesh:
    """An ellipsoid with half axes ``radii``."""
    polar = np.linspace(0.02, np.pi - 0.02, sides // 2)[:, None]
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None]
    unit = np.stack([np.sin(polar) * np.cos(angle), np.sin(polar) * np.sin(angle), -np.cos(polar) + 0 * angle], -1)
    return Mesh.of(unit.reshape(-1, 3) * radii + middle, ring_faces(len(polar), sides))


def knot(rng: np.random.Generator) -> Mesh:
    """A torus knot."""
    p, q = ((2, 3), (3, 2), (2, 5), (3, 4))[int(rng.integers(4))]
    t = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    wide = 1 + rng.uniform(0.3, 0.5) * np.cos(q * t)
    curve = np.stack([wide * np.cos(p * t), wide * np.sin(p * t), rng.uniform(0.3, 0.6) * np.sin(q * t)], 1)
    return tube(curve, rng.uniform(0.12, 0.2), closed=True)


def spring(rng: np.random.Generator) -> Mesh:
    """A helix."""
    turns = rng.uniform(2, 5)
    t = np.linspace(0, 2 * np.pi * turns, 220)
    curve = np.stack([np.cos(t), np.sin(t), t / t[-1] * rng.uniform(1.2, 2.6)], 1)
    return tube(curve, rng.uniform(0.1, 0.22), closed=False)


def gear(rng: np.random.Generator) -> Mesh:
    """A toothed wheel, thick or thin."""
    teeth, depth = int(rng.integers(6, 16)), rng.uniform(0.12, 0.3)
    angle = np.linspace(0, 2 * np.pi, teeth * 8, endpoint=False)
    radius = 1 - depth * (np.sin(teeth * angle) > 0)
    return star_prism(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), rng.uniform(0.3, 1.5))


def twisted_star(rng: np.random.Generator) -> Mesh:
    """A star or polygon, twisted and tapered on its way up."""
    points = int(rng.integers(3, 8))
    angle = np.linspace(0, 2 * np.pi, points * 12, endpoint=False)
    radius = 1 + rng.uniform(0.1, 0.45) * np.cos(points * angle)
    outline = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return star_prism(outline, rng.uniform(1.2, 3.0), rng.uniform(-2.5, 2.5), rng.uniform(0.3, 1.1))


def spiky(rng: np.random.Generator) -> Mesh:
    """A ball with regular bumps or spikes."""
    polar = np.linspace(0.02, np.pi - 0.02, 60)[:, None]
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)[None]
    around, along = int(rng.integers(3, 8)), int(rng.integers(2, 6))
    bump = np.abs(np.cos(around * angle / 2)) * np.abs(np.cos(along * polar)) * np.sin(polar)
    radius = 1 + rng.uniform(0.25, 0.7) * bump ** rng.uniform(1, 4)
    unit = np.stack([np.sin(polar) * np.cos(angle), np.sin(polar) * np.sin(angle), -np.cos(polar) + 0 * angle], -1)
    return Mesh.of((radius[..., None] * unit).reshape(-1, 3), ring_faces(60, 90))


def chair(rng: np.random.Generator) -> Mesh:
    """Seat, back, four legs."""
    width, deep, seat, back = rng.uniform(0.8, 1.2), rng.uniform(0.8, 1.2), rng.uniform(0.7, 1.1), rng.uniform(0.7, 1.3)
    leg, board = rng.uniform(0.07, 0.14), rng.uniform(0.06, 0.16)
    parts = [_block((width, deep, board), (0, 0, seat)), _block((width, board, back), (0, (deep - board) / 2, seat))]
    corners = [(x, y) for x in (-1, 1) for y in (-1, 1)]
    parts += [_block((leg, leg, seat), (x * (width - leg) / 2, y * (deep - leg) / 2, 0)) for x, y in corners]
    return joined(*parts)


def stool(rng: np.random.Generator) -> Mesh:
    """A round or cornered top on three to five legs."""
    sides = int(rng.choice([4, 6, 40]))
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    tall, thick = rng.uniform(0.8, 2.0), rng.uniform(0.08, 0.25)
    top = star_prism(np.stack([np.cos(angle), np.sin(angle)], 1), thick).moved(np.eye(3), 1.0, np.array([0, 0, tall]))
    parts, count = [top], int(rng.integers(3, 6))
    for place in np.linspace(0, 2 * np.pi, count, endpoint=False):
        foot, head = rng.uniform(0.7, 1.0), 0.65
        direction = np.array([np.cos(place), np.sin(place), 0])
        line = np.stack([foot * direction, head * direction + [0, 0, tall]])
        parts.append(tube(line, rng.uniform(0.06, 0.12), closed=False))
    return joined(*parts)


def aeroplane(rng: np.random.Generator) -> Mesh:
    """A body, wings, a tail."""
    body, span = rng.uniform(0.14, 0.25), rng.uniform(0.6, 1.1)
    lift = np.array([0, 0, body])
    return joined(
        ellipsoid(np.array([1.0, body, body]), lift),
        ellipsoid(np.array([rng.uniform(0.15, 0.3), span, 0.04]), lift + np.array([rng.uniform(-0.1, 0.2), 0, 0])),
        ellipsoid(np.array([0.12, 0.35, 0.03]), lift + np.array([-0.85, 0, 0.05])),
        ellipsoid(np.array([0.14, 0.03, 0.28]), lift + np.array([-0.88, 0, 0.25])),
    )


def animal(rng: np.random.Generator) -> Mesh:
    """A trunk on four legs with a head."""
    trunk, leg = rng.uniform([0.6, 0.25, 0.25], [0.9, 0.4, 0.4]), rng.uniform(0.35, 0.8)
    middle = np.array([0, 0, leg + 0.7 * trunk[2]])
    head = middle + np.array([trunk[0] * rng.uniform(0.9, 1.2), 0, rng.uniform(0.1, 0.7)])
    parts = [ellipsoid(trunk, middle), ellipsoid(rng.uniform(0.18, 0.32, 3), head)]
    parts.append(tube(np.stack([middle + np.array([0.6 * trunk[0], 0, 0]), head]), 0.12, closed=False))
    for x in (-0.6, 0.6):
        for y in (-0.6, 0.6):
            hip = middle + np.array([x * trunk[0], y * trunk[1], 0])
            parts.append(tube(np.stack([hip, hip * [1, 1, 0]]), rng.uniform(0.07, 0.12), closed=False))
    return joined(*parts)


def bracket(rng: np.random.Generator) -> Mesh:
    """Plates at right angles with ribs: sheet metal, shelves, letters."""
    thick, wide = rng.uniform(0.08, 0.2), rng.uniform(0.4, 1.0)
    parts = [
        _block((1, wide, thick), (0, 0, 0)),
        _block((thick, wide, rng.uniform(0.5, 1.1)), (-0.5 + thick / 2, 0, 0)),
    ]
    for _ in range(int(rng.integers(0, 4))):
        place = rng.uniform(-0.3, 0.5)
        parts.append(_block((thick, wide * rng.uniform(0.3, 1), rng.uniform(0.2, 0.9)), (place, 0, 0)))
    return joined(*parts)


def discs(rng: np.random.Generator) -> Mesh:
    """Discs or plates stacked off their axis."""
    parts, height = [], 0.0
    for _ in range(int(rng.integers(3, 7))):
        sides, radius, thick = int(rng.choice([3, 4, 5, 6, 36])), rng.uniform(0.4, 1.0), rng.uniform(0.12, 0.4)
        angle = np.linspace(0, 2 * np.pi, sides, endpoint=False) + rng.uniform(0, 6)
        plate = star_prism(radius * np.stack([np.cos(angle), np.sin(angle)], 1), thick)
        parts.append(plate.moved(np.eye(3), 1.0, np.array([*rng.uniform(-0.25, 0.25, 2), height])))
        height += thick
    return joined(*parts)


def _block(sides: tuple[float, float, float], where: tuple[float, float, float]) -> Mesh:
    return cuboid(np.array(sides)).moved(np.eye(3), 1.0, np.array(where))


UNSEEN_FAMILIES: tuple[Family, ...] = (
    knot, spring, gear, twisted_star, spiky, chair, stool, aeroplane, animal, bracket, discs
)  # fmt: skip


def random_unseen_shape(rng: np.random.Generator, family: Callable[[np.random.Generator], Mesh] | None = None) -> Mesh:
    """A shape of any family, standing, its longest side 1; one in three is turned at random first."""
    family = family or UNSEEN_FAMILIES[int(rng.integers(len(UNSEEN_FAMILIES)))]
    mesh = family(rng)
    if rng.random() < 1 / 3:
        mesh = mesh.moved(random_rotation(rng), 1.0, np.zeros(3))
    return mesh.standing()


def faceted_glass(rng: np.random.Generator) -> Mesh:
    """A drinking glass or jar with flat or fluted sides, hollow."""
    sides, wall = int(rng.integers(5, 13)), rng.uniform(0.05, 0.1)
    angle = np.linspace(0, 2 * np.pi, sides * 6, endpoint=False)
    flat = np.cos(np.pi / sides) / np.cos((angle % (2 * np.pi / sides)) - np.pi / sides)
    radius = flat if rng.random() < 0.5 else 1 - 0.06 * np.abs(np.sin(sides * angle / 2))
    outline = 0.5 * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    height, taper = rng.uniform(0.7, 2.2), rng.uniform(0.85, 1.3)
    count = len(outline)
    levels = [(0.0, 1.0), (height, taper), (height, taper * (1 - 2 * wall)), (0.12 * height, 1 - 2 * wall)]
    rings = [np.column_stack([outline * scale, np.full(count, z)]) for z, scale in levels]
    around = np.arange(count)
    fan = np.stack([np.full(count, count), around, np.roll(around, -1)], 1)
    parts = [Mesh.of(np.concatenate(pair), ring_faces(2, count)) for pair in itertools.pairwise(rings)]
    parts.append(Mesh.of(np.vstack([rings[0], [[0, 0, 0]]]), fan[:, ::-1]))
    parts.append(Mesh.of(np.vstack([rings[-1], [[0, 0, levels[-1][0]]]]), fan))
    return joined(*parts)


def flask(rng: np.random.Generator) -> Mesh:
    """A laboratory flask, carafe or light bulb: a wide belly and a narrow neck, hollow."""
    belly, neck, wall = rng.uniform(0.3, 0.55), rng.uniform(0.07, 0.16), rng.uniform(0.015, 0.03)
    low = rng.uniform(0.1, 0.4)
    knots = np.array([[belly * rng.uniform(0.5, 1), 0], [belly, low], [neck, 0.75], [neck * rng.uniform(1, 1.3), 1.1]])
    outer = smooth_profile(knots)
    inner = outer[::-1] - [wall, 0]
    inner = inner[(inner[:, 0] > 0.01) & (inner[:, 1] > wall)]
    return revolve(np.concatenate([[[0.0, 0.0]], outer, inner, [[0.0, wall]]]))


UNSEEN_GLASS: tuple[Family, ...] = (faceted_glass, faceted_glass, flask, flask, twisted_star, knot, gear, discs)


def unseen_glass(rng: np.random.Generator) -> Mesh:
    """A piece of glass of any of these families, standing, its longest side 1; one in six is turned at random first."""
    mesh = UNSEEN_GLASS[int(rng.integers(len(UNSEEN_GLASS)))](rng)
    if rng.random() < 1 / 6:
        mesh = mesh.moved(random_rotation(rng), 1.0, np.zeros(3))
    return mesh.standing()
