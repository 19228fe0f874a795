"""A small ray tracer on Open3D's RaycastingScene: opaque, glass and mirror surfaces, exact depth and labels.

Whitted (1980): opaque surfaces are shaded, mirrors reflect, glass reflects and refracts by Fresnel's equations,
so that a stereo pair of it shows what a camera sees: through the glass, into the mirror.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.bodies.shapes import Mesh
from depth_prompt_ros.data.rendering.looks.textures import Texture
from depth_prompt_ros.open3d_library import load_open3d

Float32 = NDArray[np.float32]


class Surface(IntEnum):
    """How light leaves a surface."""

    OPAQUE = 0
    GLASS = 1
    MIRROR = 2


@dataclass(frozen=True, eq=False)
class Body:
    """One thing in the scene.

    Attributes:
        mesh: in world coordinates, metres.
        texture: albedo of opaque surfaces; tint of mirrors and glass.
        surface: how light leaves it.
        label: 0 for surroundings, 1..n for objects.
        gloss: strength of the highlight, [0, 1].
        coat: share in [0, 1] of a clear coat's Fresnel reflection on an opaque surface: varnish, glaze, wet.
        glow: light that the surface itself gives, times its texture; not lit by others.
        absorption: (3,) of glass, 1/m: light inside fades by exp(-absorption * metres) (Beer-Lambert).
        ripple: unevenness of the normals as a function of texture coordinates, (N, 3) -> (N, 3), about 0.
        to_texture: (3, 4) world to texture coordinates, so that the texture moves with its object.
    """

    mesh: Mesh
    texture: Texture
    surface: Surface = Surface.OPAQUE
    label: int = 0
    gloss: float = 0.0
    coat: float = 0.0
    glow: float = 0.0
    absorption: Float32 = field(default_factory=lambda: np.zeros(3, np.float32))
    ripple: Texture | None = None
    to_texture: NDArray[np.float32] = field(default_factory=lambda: np.eye(3, 4, dtype=np.float32))


@dataclass(frozen=True, eq=False)
class Light:
    """A point light: position in metres, colour and strength (3,), reaching 1/(1 + (r/reach)^2)."""

    position: Float32
    colour: Float32
    reach: float = 3.0


@dataclass(frozen=True, eq=False)
class View:
    """A rendered picture and its truth.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        depth: (H, W) float32 metres along +z of the first surface hit, NaN = none.
        labels: (H, W) uint16.
        tom: (H, W) bool, transparent or mirror.
    """

    image: NDArray[np.uint8]
    depth: Float32
    labels: NDArray[np.uint16]
    tom: NDArray[np.bool_]


IOR = 1.5  # crown glass
_BOUNCES = 7
_NUDGE = np.float32(2e-5)  # metres that a new ray starts off the surface it leaves


class Scene:
    """Bodies and lights, ready to be looked at from any pose."""

    def __init__(
        self, bodies: list[Body], lights: list[Light], ambient: Float32, sky: Float32 | Callable[[Float32], Float32]
    ) -> None:
        """Build the scene.

        Args:
            ambient: (3,) light from everywhere.
            sky: (3,) radiance of what hits nothing, or a function from (N, 3) directions to (N, 3) radiance.
        """
        open3d = load_open3d("rendering")
        self._tensor = open3d.core.Tensor
        self._scene: Any = open3d.t.geometry.RaycastingScene()
        self._bodies, self._lights, self._ambient, self._sky = bodies, lights, ambient, sky
        for body in bodies:
            self._scene.add_triangles(self._tensor(body.mesh.vertices), self._tensor(body.mesh.triangles))
        self._first = np.cumsum([0] + [len(body.mesh.triangles) for body in bodies])
        self._corner_normals = np.concatenate([body.mesh.normals[body.mesh.triangles] for body in bodies])
        self._surface = np.array([body.surface for body in bodies] + [Surface.OPAQUE])
        self._coat = np.array([body.coat for body in bodies] + [0], np.float32)
        self._absorption = np.stack([body.absorption for body in bodies] + [np.zeros(3, np.float32)])
        self._label = np.array([body.label for body in bodies] + [0], np.uint16)

    def view(self, camera: CameraModel, pose: NDArray[np.floating], threads: int = 0) -> View:
        """Render from ``pose``, (4, 4) optical frame (z forward, y down) to world."""
        rotation, position = pose[:3, :3].astype(np.float32), pose[:3, 3].astype(np.float32)
        rays = camera.rays.reshape(-1, 3)
        length = np.linalg.norm(rays, axis=1)
        direction = (rays / length[:, None]) @ rotation.T
        origin = np.broadcast_to(position, direction.shape)
        colour, distance, body = self._trace(origin, direction, threads)
        shape = (camera.height, camera.width)
        depth = np.where(np.isfinite(distance), distance / length, np.float32(np.nan)).astype(np.float32)
        return View(
            image=(255 * np.clip(colour, 0, 1) ** np.float32(1 / 2.2) + 0.5).astype(np.uint8).reshape(*shape, 3),
            depth=depth.reshape(shape),
            labels=self._label[body].reshape(shape),
            tom=(self._surface[body] != Surface.OPAQUE).reshape(shape),
        )

    def depth(self, camera: CameraModel, pose: NDArray[np.floating], threads: int = 0) -> Float32:
        """(H, W) float32 metres along +z of the first surface, NaN = none, from ``pose`` as in :meth:`view`."""
        rays = camera.rays.reshape(-1, 3)
        length = np.linalg.norm(rays, axis=1)
        direction = (rays / length[:, None]) @ pose[:3, :3].astype(np.float32).T
        origin = np.broadcast_to(pose[:3, 3].astype(np.float32), direction.shape)
        distance = self._cast(origin, direction, threads).distance
        depth = np.where(np.isfinite(distance), distance / length, np.float32(np.nan))
        return depth.astype(np.float32).reshape(camera.height, camera.width)

    def _trace(self, origin: Float32, direction: Float32, threads: int) -> tuple[Float32, Float32, NDArray[np.int64]]:
        """Linear colour, distance to the first hit and its body (len(bodies) = none) of each ray."""
        colour = np.zeros_like(direction)
        pixel = np.arange(len(direction))
        weight = np.ones_like(direction)
        first_distance, first_body = None, None
        for bounce in range(_BOUNCES):
            hit = self._cast(origin, direction, threads)
            if first_distance is None or first_body is None:
                first_distance, first_body = hit.distance, hit.body
            surface = self._surface[hit.body]
            passed = (surface == Surface.GLASS) & ((hit.normal * direction).sum(1) > 0)
            weight[passed] *= np.exp(-self._absorption[hit.body[passed]] * hit.distance[passed, None])
            ends = (surface == Surface.OPAQUE) | (bounce == _BOUNCES - 1)
            shaded = self._shade(hit, direction, ends & (hit.body < len(self._bodies)), threads)
            lost = hit.body == len(self._bodies)
            shaded[lost] = self._sky(direction[lost]) if callable(self._sky) else self._sky
            coat = self._coat[hit.body] * (surface == Surface.OPAQUE) * (bounce == 0)
            reflected, reflected_weight, refracted, refracted_weight = _split(hit, direction, surface, shaded, coat)
            under_coat = np.where((coat > 0)[:, None], 1 - reflected_weight, np.float32(1))
            np.add.at(colour, pixel[ends], (weight * shaded * under_coat)[ends])
            grows = ~ends
            # The reflection at the first glass surface is followed; inside, only refraction (or total reflection) is.
            keep_reflected = grows & ((surface == Surface.MIRROR) | ((surface == Surface.GLASS) & (bounce == 0)))
            keep_reflected |= coat > 0
            keep_refracted = grows & (surface == Surface.GLASS)
            if not (keep_reflected.any() or keep_refracted.any()):
                break
            side = np.sign((hit.normal * direction).sum(1, keepdims=True)).astype(np.float32)
            outside, inside = hit.point - _NUDGE * side * hit.normal, hit.point + _NUDGE * side * hit.normal
            total = (refracted_weight[:, :1] == 0) & keep_refracted[:, None]
            next_direction = np.where(total, reflected, refracted)
            next_origin = np.where(total, outside, inside)
            next_weight = np.where(total, np.float32(1), refracted_weight if bounce == 0 else np.float32(1))
            origin = np.concatenate([outside[keep_reflected], next_origin[keep_refracted]])
            direction = np.concatenate([reflected[keep_reflected], next_direction[keep_refracted]])
            weight = np.concatenate(
                [(weight * reflected_weight)[keep_reflected], (weight * next_weight * _tint(shaded))[keep_refracted]]
            )
            pixel = np.concatenate([pixel[keep_reflected], pixel[keep_refracted]])
        assert first_distance is not None and first_body is not None
        return colour, first_distance, first_body

    def _cast(self, origin: Float32, direction: Float32, threads: int) -> _Hit:
        rays = np.concatenate([origin, direction], 1).astype(np.float32)
        answer = self._scene.cast_rays(self._tensor(rays), nthreads=threads)
        distance = answer["t_hit"].numpy()
        body = np.minimum(answer["geometry_ids"].numpy().astype(np.int64), len(self._bodies))
        inside = body < len(self._bodies)
        triangle = self._first[np.where(inside, body, 0)] + np.where(inside, answer["primitive_ids"].numpy(), 0)
        uv = answer["primitive_uvs"].numpy()[:, :, None]
        corner = self._corner_normals[triangle]
        normal = corner[:, 0] * (1 - uv[:, 0] - uv[:, 1]) + corner[:, 1] * uv[:, 0] + corner[:, 2] * uv[:, 1]
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        point = origin + np.where(np.isfinite(distance), distance, 0)[:, None] * direction
        for index, bent in enumerate(self._bodies):
            if bent.ripple is not None and len(chosen := np.flatnonzero(body == index)):
                uneven = normal[chosen] + bent.ripple(_local(bent, point[chosen].astype(np.float32)))
                normal[chosen] = uneven / np.maximum(np.linalg.norm(uneven, axis=1, keepdims=True), 1e-9)
        return _Hit(distance, body, point.astype(np.float32), normal.astype(np.float32))

    def _shade(self, hit: _Hit, direction: Float32, opaque: NDArray[np.bool_], threads: int) -> Float32:
        """Albedo of every hit, lit where ``opaque``: Lambert and Blinn-Phong, the first light with shadows."""
        colour = np.zeros_like(direction)
        gloss = np.zeros(len(direction), np.float32)
        glows = np.zeros(len(direction), np.bool_)
        for index, body in enumerate(self._bodies):
            chosen = np.flatnonzero(hit.body == index)
            if len(chosen):
                colour[chosen] = body.texture(_local(body, hit.point[chosen])) * (body.glow or 1)
                gloss[chosen], glows[chosen] = body.gloss, body.glow > 0
        lit = np.flatnonzero(opaque & ~glows)
        point, normal, view = hit.point[lit], hit.normal[lit], -direction[lit]
        normal = normal * np.where((normal * view).sum(1, keepdims=True) < 0, np.float32(-1), np.float32(1))
        albedo = colour[lit] ** 2.2
        light_sum = np.broadcast_to(self._ambient * (0.75 + 0.25 * normal[:, 2:]), albedo.shape).copy()
        shine = np.zeros_like(albedo)
        for number, light in enumerate(self._lights):
            towards = light.position - point
            distance = np.linalg.norm(towards, axis=1, keepdims=True)
            towards /= distance
            facing = np.maximum((normal * towards).sum(1, keepdims=True), 0)
            strength = light.colour / (1 + (distance / light.reach) ** 2)
            if number == 0:
                strength = strength * self._visibility(point + 20 * _NUDGE * normal, towards, distance, threads)
            half = towards + view
            half /= np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-9)
            light_sum += facing * strength
            shine += np.maximum((normal * half).sum(1, keepdims=True), 0) ** 60 * strength * (facing > 0)
        colour[lit] = albedo * light_sum + gloss[lit, None] * shine
        return colour

    def _visibility(self, point: Float32, towards: Float32, distance: Float32, threads: int) -> Float32:
        """(N, 1) share of the light that arrives: 1 free, 0.75 if only something blocks it that may be glass, 0.15."""
        rays = np.concatenate([point, towards], 1).astype(np.float32)
        answer = self._scene.cast_rays(self._tensor(rays), nthreads=threads)
        blocked = answer["t_hit"].numpy() < distance[:, 0]
        body = np.minimum(answer["geometry_ids"].numpy().astype(np.int64), len(self._bodies))
        glass = self._surface[body] == Surface.GLASS
        return np.where(blocked, np.where(glass, 0.75, 0.15), 1.0).astype(np.float32)[:, None]


@dataclass(frozen=True, eq=False)
class _Hit:
    distance: Float32
    body: NDArray[np.int64]
    point: Float32
    normal: Float32


def _local(body: Body, points: Float32) -> Float32:
    """World to texture coordinates."""
    return np.asarray(points @ body.to_texture[:, :3].T + body.to_texture[:, 3], np.float32)


def _tint(albedo: Float32) -> Float32:
    """Glass is nearly clear: a tenth of its texture's colour per surface."""
    return np.float32(0.9) + np.float32(0.1) * albedo


def _split(
    hit: _Hit, direction: Float32, surface: NDArray[Any], albedo: Float32, coat: Float32
) -> tuple[Float32, Float32, Float32, Float32]:
    """Reflected and refracted directions with their weights (Snell's law, Fresnel's equations, unpolarised)."""
    cosine = (direction * hit.normal).sum(1, keepdims=True)
    normal = np.where(cosine > 0, -hit.normal, hit.normal)
    eta = np.where(cosine > 0, np.float32(IOR), np.float32(1 / IOR))
    cosine = np.abs(cosine)
    reflected = direction + 2 * cosine * normal
    under = 1 - eta**2 * (1 - cosine**2)
    bent = np.sqrt(np.maximum(under, 0))
    refracted = eta * direction + (eta * cosine - bent) * normal
    refracted /= np.maximum(np.linalg.norm(refracted, axis=1, keepdims=True), 1e-9)
    parallel = ((cosine - eta * bent) / np.maximum(cosine + eta * bent, 1e-9)) ** 2
    across = ((eta * cosine - bent) / np.maximum(eta * cosine + bent, 1e-9)) ** 2
    fresnel = np.where(under > 0, (parallel + across) / 2, 1.0).astype(np.float32)
    mirror = (surface == Surface.MIRROR)[:, None]
    coated = np.where((coat > 0)[:, None], coat[:, None] * fresnel, fresnel)
    reflected_weight = np.where(mirror, np.float32(0.85) * (0.7 + 0.3 * albedo), coated).astype(np.float32)
    refracted_weight = np.broadcast_to(1 - fresnel, direction.shape)
    return reflected.astype(np.float32), reflected_weight, refracted.astype(np.float32), refracted_weight
