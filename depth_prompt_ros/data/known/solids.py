"""Meshes at known poses before a camera: what it sees of them, what any ray hits, how far a point is from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.bodies.shapes import Mesh
from depth_prompt_ros.open3d_library import load_open3d

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

NOTHING = -1
"""Label of what no ray hits; 0 are surroundings."""


@dataclass(frozen=True, eq=False)
class Solid:
    """One mesh.

    Attributes:
        mesh: metres.
        label: 1..n for things, 0 for surroundings.
        tom: transparent or mirror.
    """

    mesh: Mesh
    label: int
    tom: bool = False


class Rigid:
    """Solids that keep their place to each other, ready for rays; made once, posed often."""

    def __init__(self, solids: Sequence[Solid]) -> None:
        """Build the search tree (Open3D's RaycastingScene)."""
        open3d = load_open3d("truth from meshes")
        self.tensor = open3d.core.Tensor
        self.scene: Any = open3d.t.geometry.RaycastingScene()
        self._surfaces: dict[int, Any] = {}
        for solid in solids:
            self.scene.add_triangles(self.tensor(solid.mesh.vertices), self.tensor(solid.mesh.triangles))
        self.labels = np.array([solid.label for solid in solids] + [NOTHING], np.int64)
        self.tom = np.array([solid.tom for solid in solids] + [False])
        self._solids, self._open3d = solids, open3d

    def surface(self, label: int) -> Any | None:
        """The search tree of the solids with this label alone; None where there is none."""
        if label not in self._surfaces:
            meshes = [solid.mesh for solid in self._solids if solid.label == label]
            scene: Any = self._open3d.t.geometry.RaycastingScene() if meshes else None
            for mesh in meshes:
                scene.add_triangles(self.tensor(mesh.vertices), self.tensor(mesh.triangles))
            self._surfaces[label] = scene
        return self._surfaces[label]


@dataclass(frozen=True, eq=False)
class Hits:
    """What N rays hit first.

    Attributes:
        distance: (N,) float32 in lengths of the ray's direction, infinite where nothing is hit.
        label: (N,), :data:`NOTHING` where nothing is hit.
        tom: (N,) bool.
        normal: (N, 3) float32 unit normals of the triangles, towards the rays' beginnings.
    """

    distance: Float32
    label: NDArray[np.int64]
    tom: NDArray[np.bool_]
    normal: Float32


@dataclass(frozen=True, eq=False)
class SeenSolids:
    """A camera's view of them; (H, W) each: depth in metres, NaN = nothing, labels, transparent or mirror."""

    depth: Float32
    labels: NDArray[np.uint16]
    tom: NDArray[np.bool_]


class PosedSolids:
    """Solids at one moment, in the camera's optical frame."""

    def __init__(self, parts: Sequence[tuple[Rigid, NDArray[np.floating]]]) -> None:
        """Take them.

        Args:
            parts: each with its (4, 4) pose, from its own coordinates to the camera's optical frame.
        """
        self._parts = [(rigid, np.asarray(pose, np.float64)) for rigid, pose in parts]

    @property
    def labels(self) -> list[int]:
        """Of the things, sorted."""
        return sorted({int(label) for rigid, _ in self._parts for label in rigid.labels if label > 0})

    def cast(self, origins: NDArray[np.floating], directions: NDArray[np.floating]) -> Hits:
        """Follow (N, 3) rays to the first surface of any part."""
        count = len(origins)
        best = Hits(
            np.full(count, np.inf, np.float32), np.full(count, NOTHING), np.zeros(count, np.bool_),
            np.zeros((count, 3), np.float32),
        )  # fmt: skip
        for rigid, pose in self._parts:
            rotation = pose[:3, :3]
            rays = np.concatenate([(origins - pose[:3, 3]) @ rotation, directions @ rotation], 1).astype(np.float32)
            found = rigid.scene.cast_rays(rigid.tensor(np.ascontiguousarray(rays)))
            distance = found["t_hit"].numpy()
            nearer = np.flatnonzero(distance < best.distance)
            body = np.minimum(found["geometry_ids"].numpy()[nearer].astype(np.int64), len(rigid.labels) - 1)
            best.distance[nearer] = distance[nearer]
            best.label[nearer], best.tom[nearer] = rigid.labels[body], rigid.tom[body]
            best.normal[nearer] = found["primitive_normals"].numpy()[nearer] @ rotation.T.astype(np.float32)
        away = (best.normal * directions).sum(1) > 0
        best.normal[away] *= -1
        return best

    def seen(self, camera: CameraModel) -> SeenSolids:
        """What the camera sees: the first surface of every pixel's ray."""
        rays = camera.rays.reshape(-1, 3)
        hits = self.cast(np.zeros_like(rays), rays)
        shape = (camera.height, camera.width)
        depth = np.where(np.isfinite(hits.distance), hits.distance, np.float32(np.nan))
        return SeenSolids(
            depth.reshape(shape), np.maximum(hits.label, 0).astype(np.uint16).reshape(shape), hits.tom.reshape(shape)
        )

    def distance(self, points: NDArray[np.floating], label: int) -> Float64:
        """(N,) metres from (N, 3) points to the nearest surface of one thing; infinite where there is no such thing."""
        least = np.full(len(points), np.inf)
        for rigid, pose in self._parts:
            surface = rigid.surface(label)
            if surface is not None:
                local = np.ascontiguousarray((points - pose[:3, 3]) @ pose[:3, :3], np.float32)
                least = np.minimum(least, surface.compute_distance(rigid.tensor(local)).numpy())
        return least
