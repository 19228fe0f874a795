"""Scanned objects: a folder of textured meshes, as bodies for the renderer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.bodies.shapes import Mesh
from depth_prompt_ros.data.rendering.looks.textures import Texture, plain
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.open3d_library import load_open3d

Float32 = NDArray[np.float32]
_SUFFIXES = (".gltf", ".glb", ".obj", ".ply", ".stl")
_Y_UP = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32)
"""Rotation of meshes with y up to z up."""


@dataclass(frozen=True, eq=False)
class ScannedObject:
    """A mesh standing on z = 0 with its longest side 1, and its colours in the same coordinates."""

    name: str
    mesh: Mesh
    texture: Texture


def scanned_files(folder: Path) -> list[Path]:
    """Mesh files below ``folder``, sorted.

    Raises:
        BadInput: no such folder, or no mesh in it.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise BadInput(f"{folder} holds no mesh ({', '.join(_SUFFIXES)}): give a folder of scanned objects")
    return files


def folder_digest(folder: Path) -> str:
    """Sixteen hexadecimal digits of the names and sizes of all files below ``folder``: which objects a set shows.

    Raises:
        BadInput: no such folder, or no mesh in it.
    """
    scanned_files(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = "\n".join(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}" for path in files)
    return hashlib.sha256(listing.encode()).hexdigest()[:16]


def read_scanned(path: Path) -> ScannedObject:
    """One mesh file with its picture texture; grey where it has none. glTF has y up, all others z.

    A texture that the file names but that is not beside it is looked for by its name in ``derived_textures`` folders
    above (with a trailing resolution, "name_1024.jpg").

    Raises:
        BadInput: unreadable, or without triangles.
    """
    import trimesh

    try:
        scene = trimesh.load_scene(path)
        mesh = scene.to_mesh() if scene.geometry else None
    except Exception as error:  # the readers of its many formats raise many kinds
        raise BadInput(f"cannot read mesh {path} ({str(error).splitlines()[0]})") from error
    if mesh is None or len(mesh.faces) == 0:
        raise BadInput(f"mesh {path} has no triangles")
    vertices = np.asarray(mesh.vertices, np.float32)
    shape = Mesh.of(vertices, np.asarray(mesh.faces))
    if path.suffix.lower() in (".gltf", ".glb"):
        shape = shape.moved(_Y_UP, 1.0, np.zeros(3))
    shape = shape.standing()
    return ScannedObject(path.stem, shape, _texture(mesh, shape, path))


@cache
def read_shape(path: Path) -> Mesh:
    """The shape of one mesh file alone, standing on z = 0 with its longest side 1; y is taken for up, of STL z.

    Raises:
        BadInput: unreadable, or without triangles.
    """
    shape = load_mesh(path)
    if path.suffix.lower() != ".stl":
        shape = shape.moved(_Y_UP, 1.0, np.zeros(3))
    return shape.standing()


def load_mesh(path: Path) -> Mesh:
    """The shape of one mesh file in its own coordinates.

    Raises:
        BadInput: unreadable, or without triangles.
    """
    import trimesh

    try:
        mesh = trimesh.load(path, force="mesh", process=False)
    except Exception as error:  # the readers of its many formats raise many kinds
        raise BadInput(f"cannot read mesh {path} ({str(error).splitlines()[0]})") from error
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        raise BadInput(f"mesh {path} has no triangles")
    return Mesh.of(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces))


def _texture(mesh: object, shape: Mesh, path: Path) -> Texture:
    visual = getattr(mesh, "visual", None)
    uv = getattr(visual, "uv", None)
    picture = _picture(visual, path)
    if uv is None or picture is None or len(uv) != len(shape.vertices):
        return plain(np.full(3, 0.6, np.float32))
    return UnwrappedTexture(shape, np.asarray(uv, np.float32), picture)


def _picture(visual: object, path: Path) -> NDArray[np.uint8] | None:
    """(H, W, 3) uint8 RGB of the material, or of a derived texture beside the mesh's folder."""
    material = getattr(visual, "material", None)
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if image is not None:
        return np.asarray(image.convert("RGB"), np.uint8)
    for folder in path.parents[:3]:
        for candidate in sorted((folder / "derived_textures").glob("*")):
            if path.stem.lower() in candidate.stem.lower():
                read = cv2.imread(str(candidate), cv2.IMREAD_COLOR)
                return None if read is None else np.ascontiguousarray(read[..., ::-1])
    return None


class UnwrappedTexture:
    """A picture wrapped around a mesh: the colour of the surface point that is nearest to the asked one."""

    def __init__(self, mesh: Mesh, uv: Float32, picture: NDArray[np.uint8]) -> None:
        open3d = load_open3d("reading scanned objects")
        self._tensor = open3d.core.Tensor
        self._surface = open3d.t.geometry.RaycastingScene()
        self._surface.add_triangles(self._tensor(mesh.vertices), self._tensor(mesh.triangles))
        self._corners = uv[mesh.triangles.astype(np.int64)]
        self._picture = picture.astype(np.float32) / 255

    def __call__(self, points: Float32) -> Float32:
        """(N, 3) points on the mesh -> (N, 3) albedo in [0.02, 1]."""
        found = self._surface.compute_closest_points(self._tensor(np.ascontiguousarray(points, np.float32)))
        corner = self._corners[found["primitive_ids"].numpy().astype(np.int64)]
        second, third = found["primitive_uvs"].numpy().T
        place = corner[:, 0] + second[:, None] * (corner[:, 1] - corner[:, 0])
        place = (place + third[:, None] * (corner[:, 2] - corner[:, 0])) % 1
        height, width = self._picture.shape[:2]
        column = np.minimum((place[:, 0] * width).astype(np.int64), width - 1)
        row = np.minimum(((1 - place[:, 1]) * height).astype(np.int64), height - 1)
        return np.clip(self._picture[row, column], 0.02, 1)
