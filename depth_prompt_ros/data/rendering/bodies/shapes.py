"""Shape families: closed triangle meshes standing on z = 0, about one unit tall or wide, drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Mesh:
    """Vertices (V, 3) float32, triangles (T, 3) uint32, unit vertex normals (V, 3) float32 pointing outwards."""

    vertices: Float32
    triangles: NDArray[np.uint32]
    normals: Float32

    @classmethod
    def of(cls, vertices: NDArray[np.floating], triangles: NDArray[np.integer]) -> Mesh:
        """Normals from the area-weighted faces around each vertex; split vertices where an edge is sharp."""
        points, faces = np.asarray(vertices, np.float32), np.asarray(triangles, np.uint32)
        corner = points[faces]
        face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        normals = np.zeros_like(points)
        for i in range(3):
            np.add.at(normals, faces[:, i], face)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        return cls(points, faces, normals)

    def moved(self, rotation: NDArray[np.floating], scale: float, translation: NDArray[np.floating]) -> Mesh:
        """Rotated, scaled by one factor, then translated."""
        turned = rotation.astype(np.float32)
        return Mesh(
            (self.vertices @ turned.T * np.float32(scale) + translation).astype(np.float32),
            self.triangles,
            self.normals @ turned.T,
        )

    def standing(self) -> Mesh:
        """Moved so that its lowest point is at z = 0, its box is centred in x and y and its longest side is 1."""
        low, high = self.vertices.min(0), self.vertices.max(0)
        shift = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], np.float32)
        return Mesh((self.vertices - shift) / np.float32((high - low).max()), self.triangles, self.normals)


def joined(*parts: Mesh) -> Mesh:
    """Several meshes as one."""
    starts = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]]).astype(np.uint32)
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.triangles + start for part, start in zip(parts, starts, strict=True)]),
        np.concatenate([part.normals for part in parts]),
    )


def ring_faces(rows: int, columns: int, closed_rows: bool = False) -> NDArray[np.int64]:
    """Triangles of a rows x columns vertex grid whose columns close on themselves."""
    row = np.arange(rows if closed_rows else rows - 1)[:, None]
    column = np.arange(columns)[None]
    below, beside = (row + 1) % rows, (column + 1) % columns
    a, b, c, d = (
        (row * columns + column), (row * columns + beside), (below * columns + beside), (below * columns + column)
    )  # fmt: skip
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])


def revolve(profile: NDArray[np.floating], segments: int = 48) -> Mesh:
    """Surface of revolution about z. ``profile``: (P, 2) radius and height, bottom axis to top axis, outside first.

    Sharp corners of the profile stay sharp: each profile segment whose direction turns by more than 35 degrees
    starts on its own ring of vertices.
    """
    points = np.asarray(profile, np.float64)
    step = np.diff(points, axis=0)
    step /= np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    sharp = np.flatnonzero((step[:-1] * step[1:]).sum(1) < np.cos(np.radians(35))) + 1
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    parts = []
    for start, stop in zip([0, *sharp], [*sharp, len(points) - 1], strict=True):
        piece = points[start : stop + 1]
        rings = np.stack(
            [piece[:, :1] * np.cos(angle), piece[:, :1] * np.sin(angle), np.repeat(piece[:, 1:], segments, 1)], -1
        )
        parts.append(Mesh.of(rings.reshape(-1, 3), ring_faces(len(piece), segments)))
    return joined(*parts)


def smooth_profile(knots: NDArray[np.floating], count: int = 40) -> NDArray[np.float64]:
    """(count, 2) points on a monotone-parameter cubic through (K, 2) knots (Catmull-Rom), radius kept positive."""
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = np.linspace(0, len(knots) - 1 - 1e-9, count)
    i, u = t.astype(int), (t % 1)[:, None]
    p0, p1, p2, p3 = padded[i], padded[i + 1], padded[i + 2], padded[i + 3]
    curve = 0.5 * (2 * p1 + (p2 - p0) * u + (2 * p0 - 5 * p1 + 4 * p2 - p3) * u**2 + (3 * p1 - p0 - 3 * p2 + p3) * u**3)
    curve[:, 0] = np.maximum(curve[:, 0], 0.01)
    return np.asarray(curve)


def box(rng: np.random.Generator) -> Mesh:
    """A cuboid, sides 0.15 to 1."""
    return cuboid(np.exp(rng.uniform(np.log(0.2), 0, 3)))


def cuboid(sides: NDArray[np.floating]) -> Mesh:
    """A cuboid with sharp edges, standing on z = 0."""
    cube = _cube()
    return Mesh((cube.vertices * (np.asarray(sides) / 2)).astype(np.float32), cube.triangles, cube.normals).moved(
        np.eye(3), 1.0, np.array([0, 0, sides[2] / 2])
    )


@cache
def _cube() -> Mesh:
    """From -1 to 1 along every axis, each face with corners of its own."""
    faces = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            out, u, v = np.roll(np.eye(3), axis, 0)
            u, v = (v, u) if sign < 0 else (u, v)
            corners = np.array([sign * out - u - v, sign * out + u - v, sign * out + u + v, sign * out - u + v])
            if np.dot(np.cross(corners[1] - corners[0], corners[2] - corners[0]), sign * out) < 0:
                corners = corners[::-1]
            faces.append(Mesh.of(corners, np.array([[0, 1, 2], [0, 2, 3]])))
    return joined(*faces)


def vessel(rng: np.random.Generator, wall: float = 0.0) -> Mesh:
    """A bottle, vase, jar, tin or spindle: a random profile turned about z; hollow and open if ``wall`` > 0."""
    count = int(rng.integers(3, 7))
    height = np.linspace(0, 1, count)
    radius = np.clip(0.28 + 0.13 * rng.normal(size=count), 0.08, 0.5) * rng.uniform(0.6, 1.2)
    if rng.random() < 0.4:
        radius[-count // 3 :] *= rng.uniform(0.3, 0.6)
    if rng.random() < 0.3:
        radius[:] = radius.mean() * np.linspace(1, rng.uniform(0.7, 1.3), count)
    return _turned(smooth_profile(np.stack([radius, height], 1)), wall)


def bowl(rng: np.random.Generator, wall: float = 0.03) -> Mesh:
    """A bowl, plate or dish: wider than high, hollow."""
    height, foot = rng.uniform(0.15, 0.55), rng.uniform(0.15, 0.3)
    t = np.linspace(0, 1, 24)
    radius = foot + (0.5 - foot) * t ** rng.uniform(0.35, 1.2)
    return _turned(np.stack([radius, height * t ** rng.uniform(0.9, 2.0)], 1), max(wall, 0.015))


def tumbler(rng: np.random.Generator, wall: float = 0.02) -> Mesh:
    """A drinking glass or cup: straight or conical, hollow; sometimes on a stem with a foot."""
    top = rng.uniform(0.18, 0.38)
    if rng.random() < 0.3:
        stem, foot = rng.uniform(0.02, 0.035), rng.uniform(0.7, 1.0) * top
        start = rng.uniform(0.3, 0.5)
        t = np.linspace(0, 1, 20)
        cup = np.stack(
            [stem + (top - stem) * np.sin(t * np.pi / 2) ** 0.7 * (1 - 0.2 * t**2), start + (1 - start) * t], 1
        )
        outer = np.concatenate([[[foot, 0], [foot * 0.9, 0.015], [stem * 1.3, 0.04], [stem, 0.1]], cup])
        inner = cup[::-1] * [1, 1] - [wall, 0]
        inner = inner[inner[:, 0] > 0.005]
        return revolve(np.concatenate([[[0.0, 0.0]], outer, inner, [[0.0, start + 0.02]]]))
    return _turned(np.array([[top * rng.uniform(0.6, 1.0), 0.0], [top, 1.0]]), wall)


def _turned(outer: NDArray[np.floating], wall: float) -> Mesh:
    """Closed surface from an outer profile: capped when solid, with an inner wall and floor when hollow."""
    low, high = outer[0, 1], outer[-1, 1]
    if wall <= 0:
        return revolve(np.concatenate([[[0.0, low]], outer, [[0.0, high]]]))
    inner = outer[::-1] - [wall, 0.0]
    inner = inner[(inner[:, 0] > 0.01) & (inner[:, 1] > low + wall)]
    floor = max(low + wall, 0.0)
    ring = [[max(float(outer[0, 0]) - wall, 0.02), floor]]
    return revolve(np.concatenate([[[0.0, low]], outer, inner, ring, [[0.0, floor]]]))


def bottle(rng: np.random.Generator, wall: float = 0.006) -> Mesh:
    """A bottle: a straight or waisted body, a shoulder, a neck; round, or with flat sides; thin-walled."""
    radius, neck = rng.uniform(0.12, 0.24), rng.uniform(0.3, 0.6)
    body, shoulder = rng.uniform(0.5, 0.75), rng.uniform(0.06, 0.2)
    waist = radius * (1 - rng.choice([0.0, rng.uniform(0.05, 0.25)]))
    knots = [[0.85 * radius, 0], [radius, 0.03], [waist, body / 2], [radius, body]]
    knots += [[neck * radius, min(body + shoulder, 0.93)], [neck * radius, 1]]
    mesh = _turned(smooth_profile(np.array(knots)), wall)
    return _lobed(mesh, 4, -float(rng.uniform(0.08, 0.16))) if rng.random() < 0.3 else mesh


def tin(rng: np.random.Generator) -> Mesh:
    """A can, jar or candle: a straight cylinder with a rim, lower or higher than wide."""
    radius = float(np.exp(rng.uniform(np.log(0.2), np.log(0.8))))
    lid = 0.97 if rng.random() < 0.5 else 1.0
    side = [[0.97 * radius, 0.0], [radius, 0.03], [radius, 1.0]]
    return revolve(np.array([[0.0, 0.0], *side, [radius - 0.03, lid], [0.0, lid]]))


def fluted(rng: np.random.Generator) -> Mesh:
    """A cup or a solid piece with flutes or petals around it."""
    mesh = tumbler(rng, float(rng.uniform(0.01, 0.03))) if rng.random() < 0.5 else vessel(rng)
    return _lobed(mesh, int(rng.integers(4, 13)), float(rng.uniform(0.04, 0.2)))


def _lobed(mesh: Mesh, count: int, strength: float) -> Mesh:
    """The mesh with its distance from the z axis times 1 + strength cos(count angle)."""
    x, y, z = mesh.vertices.T
    swell = 1 + strength * np.cos(count * np.arctan2(y, x))
    return Mesh.of(np.stack([x * swell, y * swell, z], 1), mesh.triangles)


def superquadric(rng: np.random.Generator) -> Mesh:
    """Between ball, cylinder, cushion and diamond (Barr 1981)."""
    east, north = rng.uniform(0.2, 1.6, 2)
    side = np.exp(rng.uniform(np.log(0.35), 0, 3))
    latitude = np.linspace(-np.pi / 2 + 1e-3, np.pi / 2 - 1e-3, 40)[:, None]
    longitude = np.linspace(-np.pi, np.pi, 56, endpoint=False)[None]

    def power(value: NDArray[np.floating], exponent: float) -> NDArray[np.floating]:
        return np.asarray(np.sign(value) * np.abs(value) ** exponent)

    x = side[0] * power(np.cos(latitude), north) * power(np.cos(longitude), east)
    y = side[1] * power(np.cos(latitude), north) * power(np.sin(longitude), east)
    z = side[2] * power(np.sin(latitude), north) + 0 * longitude
    return Mesh.of(np.stack([x, y, z], -1).reshape(-1, 3), ring_faces(40, 56))


def blob(rng: np.random.Generator) -> Mesh:
    """A ball pushed in and out by a few low-frequency waves: fruit, stones, toys."""
    latitude = np.linspace(-np.pi / 2 + 1e-3, np.pi / 2 - 1e-3, 40)[:, None]
    longitude = np.linspace(-np.pi, np.pi, 56, endpoint=False)[None]
    direction = np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude) + 0 * longitude],
        -1,
    )
    radius = np.ones(direction.shape[:2])
    for _ in range(int(rng.integers(2, 6))):
        axis = rng.normal(size=3) * rng.uniform(0.8, 2.2)
        radius += rng.uniform(0.05, 0.2) * np.sin(direction @ axis + rng.uniform(0, 2 * np.pi))
    stretch = np.exp(rng.uniform(np.log(0.5), 0, 3))
    return Mesh.of((direction * radius[..., None] * stretch).reshape(-1, 3), ring_faces(40, 56))


def torus(rng: np.random.Generator) -> Mesh:
    """A ring or a handle-like loop."""
    minor = rng.uniform(0.1, 0.35)
    return ring(1.0, minor, 1.0 if rng.random() < 0.6 else rng.uniform(0.5, 0.9))


def ring(major: float, minor: float, squash: float) -> Mesh:
    """A torus about z with the given radii, its y axis scaled by ``squash``."""
    u = np.linspace(0, 2 * np.pi, 40, endpoint=False)[:, None]
    v = np.linspace(0, 2 * np.pi, 24, endpoint=False)[None]
    r = major + minor * np.cos(v)
    points = np.stack([r * np.cos(u), r * np.sin(u) * squash, minor * np.sin(v) + 0 * u], -1)
    return Mesh.of(points.reshape(-1, 3), ring_faces(40, 24, closed_rows=True)[:, ::-1])


def prism(rng: np.random.Generator) -> Mesh:
    """An extruded polygon, regular or star-shaped, sometimes tapered."""
    corners = int(rng.integers(3, 9))
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = np.where(np.arange(corners) % 2, 1.0, rng.choice([1.0, rng.uniform(0.5, 0.9)])) * 0.4
    base = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    top, height = base * rng.choice([1.0, rng.uniform(0.3, 0.9)]), rng.uniform(0.2, 1.2)
    parts = []
    for i in range(corners):
        j = (i + 1) % corners
        side = np.array([[*base[i], 0], [*base[j], 0], [*top[j], height], [*top[i], height]])
        parts.append(Mesh.of(side, np.array([[0, 1, 2], [0, 2, 3]])))
    centre = np.zeros((1, 2))
    wheel = np.array([[0, i + 1, (i + 1) % corners + 1] for i in range(corners)])
    for polygon, z, flip in ((base, 0.0, True), (top, height, False)):
        points = np.column_stack([np.concatenate([centre, polygon]), np.full(corners + 1, z)])
        parts.append(Mesh.of(points, wheel[:, ::-1] if flip else wheel))
    return joined(*parts)


def mug(rng: np.random.Generator) -> Mesh:
    """A cup or jug with a handle."""
    radius = rng.uniform(0.28, 0.45)
    cup = _turned(np.array([[radius * rng.uniform(0.7, 1.0), 0.0], [radius, 1.0]]), 0.04)
    upright = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    handle = ring(rng.uniform(0.2, 0.3), rng.uniform(0.03, 0.06), rng.uniform(0.8, 1.2))
    return joined(cup, handle.moved(upright, 1.0, np.array([radius + 0.02, 0.0, rng.uniform(0.4, 0.6)])))


def assembly(rng: np.random.Generator) -> Mesh:
    """Two to four simple parts put together: tools, toys, machine parts."""
    parts = []
    for _ in range(int(rng.integers(2, 5))):
        part = (box, superquadric, vessel, prism)[int(rng.integers(4))](rng).standing()
        parts.append(part.moved(random_rotation(rng), rng.uniform(0.35, 0.9), rng.uniform(-0.25, 0.25, 3)))
    return joined(*parts)


def about(axis: int, angle: float) -> NDArray[np.float64]:
    """(3, 3) rotation about the x (0), y (1) or z (2) axis."""
    first, second = [place for place in range(3) if place != axis]
    rotation = np.eye(3)
    rotation[first, first] = rotation[second, second] = np.cos(angle)
    rotation[first, second], rotation[second, first] = -np.sin(angle), np.sin(angle)
    return rotation


def random_rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """(3, 3) rotation, uniform (QR of a Gaussian matrix)."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return np.asarray(q if np.linalg.det(q) > 0 else -q)


Family = Callable[[np.random.Generator], Mesh]
OPAQUE_FAMILIES: tuple[Family, ...] = (box, vessel, bowl, tumbler, superquadric, blob, torus, prism, mug, assembly)
GLASS_FAMILIES: tuple[Family, ...] = (
    tumbler, lambda rng: vessel(rng, wall=0.025), bowl, vessel, superquadric, lambda rng: tumbler(rng, wall=0.012)
)  # fmt: skip

CLEAR_FAMILIES: tuple[Family, ...] = (
    *GLASS_FAMILIES, bottle, bottle, fluted, fluted, lambda rng: tumbler(rng, wall=0.006)
)  # fmt: skip
"""What stands on tables of glass; apart from :data:`GLASS_FAMILIES`, which other sets and the demo are drawn from."""


def random_shape(rng: np.random.Generator, families: tuple[Family, ...] = OPAQUE_FAMILIES) -> Mesh:
    """A shape of any family, standing on z = 0, upright three times in four, longest side 1."""
    mesh = families[int(rng.integers(len(families)))](rng).standing()
    if rng.random() < 0.25:
        mesh = mesh.moved(random_rotation(rng), 1.0, np.zeros(3)).standing()
    turn = rng.uniform(0, 2 * np.pi)
    spin = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    return mesh.moved(spin, 1.0, np.zeros(3)).standing()
