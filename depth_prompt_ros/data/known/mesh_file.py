"""The YAML file that says which meshes stand where: shape, label, transparent or not, and whence their poses."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from depth_prompt_ros.data.known.solids import Rigid, Solid
from depth_prompt_ros.data.rendering.bodies.scanned import load_mesh
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.yaml_file import faults, read_yaml

Pose = Annotated[tuple[float, ...], Field(min_length=7, max_length=7)]
"""x, y, z in metres and the quaternion x, y, z, w."""

_SOURCES = ("frame", "topic", "poses", "pose")


class KnownMesh(BaseModel):
    """One mesh and where its poses come from: exactly one of ``frame``, ``topic``, ``poses`` and ``pose``.

    Attributes:
        file: glTF, OBJ, PLY or STL, in its own coordinates; beside the YAML file if relative.
        label: 1..n; 0 for surroundings; None: its place in the list, from 1.
        unit: metres of one unit of the file.
        tom: transparent or mirror.
        frame: tf frame of the mesh.
        topic: PoseStamped, PoseWithCovarianceStamped or TransformStamped.
        poses: file with a line ``stamp x y z qx qy qz qw`` a moment (TUM's form), stamps in seconds.
        pose: the one pose.
        parent: tf frame that ``pose`` and ``poses`` are in; without it the frame of the file's ``camera``, or else the
            left camera's optical frame.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    label: int | None = Field(None, ge=0, le=65535)
    unit: float = Field(1.0, gt=0, allow_inf_nan=False)
    tom: bool = False
    frame: str = ""
    topic: str = ""
    poses: str = ""
    pose: Pose | None = None
    parent: str = ""

    @model_validator(mode="after")
    def _one_source(self) -> KnownMesh:
        if sum(bool(getattr(self, name)) for name in _SOURCES) != 1:
            raise ValueError(f"give exactly one of {', '.join(_SOURCES)}")
        if self.parent and not (self.pose or self.poses):
            raise ValueError("parent belongs to pose or poses: frame and topic say it themselves")
        return self


class MeshFile(BaseModel):
    """The whole file.

    Attributes:
        meshes: at least one.
        camera: file of the left camera's optical frame's poses, as ``poses``, in the frame that the meshes' are in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    meshes: Annotated[tuple[KnownMesh, ...], Field(min_length=1)]
    camera: str = ""


def read_mesh_file(path: Path) -> MeshFile:
    """Read it; the meshes themselves are not looked at.

    Raises:
        BadInput: not such a file, with what is wrong with it.
    """
    content = read_yaml(path, "known meshes")
    try:
        return MeshFile.model_validate(content)
    except ValidationError as error:
        raise BadInput(f"cannot read known meshes from {path}: {faults(error)}") from error


def files_of(path: Path) -> list[Path]:
    """The YAML file and every file that it names.

    Raises:
        BadInput: as :func:`read_mesh_file`.
    """
    content = read_mesh_file(path)
    names = [name for mesh in content.meshes for name in (mesh.file, mesh.poses) if name]
    return [path, *(path.parent / name for name in dict.fromkeys([*names, content.camera]) if name)]


def read_solid(mesh: KnownMesh, folder: Path, place: int) -> Rigid:
    """Read one mesh.

    Args:
        folder: of the YAML file.
        place: in its list, from 1.

    Raises:
        BadInput: it is not there, unreadable, or without triangles.
    """
    shape = load_mesh(folder / mesh.file)
    scaled = shape.moved(np.eye(3), mesh.unit, np.zeros(3))
    return Rigid([Solid(scaled, place if mesh.label is None else mesh.label, mesh.tom)])


def read_poses(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Read a file with a line ``stamp x y z qx qy qz qw`` a moment, ``#`` before remarks.

    Returns:
        (N,) nanoseconds in rising order and (N, 7) poses.

    Raises:
        BadInput: unreadable, empty, or a line that is no pose.
    """
    stamps, poses = [], []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read poses from {path}: {getattr(error, 'strerror', None) or error}") from error
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            stamp, values = Decimal(words[0]), [float(word) for word in words[1:]]
            if not stamp.is_finite() or len(values) != 7 or not np.isfinite(values).all():
                raise ValueError
        except (InvalidOperation, ValueError) as error:
            raise BadInput(
                f"cannot read poses from {path}: line {number} is not 'stamp x y z qx qy qz qw' in numbers"
            ) from error
        stamps.append(int(stamp * 10**9))
        poses.append(values)
    if not stamps:
        raise BadInput(f"cannot read poses from {path}: it has none")
    order = np.argsort(stamps, kind="stable")
    return np.array(stamps, np.int64)[order], np.array(poses, np.float64)[order]
