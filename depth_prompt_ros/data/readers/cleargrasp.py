"""Reader of ClearGrasp's real scenes (Sajjan et al., ICRA 2020): clear objects, and the same ones spray-painted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.picture_file import read_picture, read_unchanged
from depth_prompt_ros.data.readers.exr import read_exr
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame

_IMAGE = "-transparent-rgb-img.jpg"
_FRAGMENT = 0.01


@dataclass(frozen=True, eq=False)
class ClearGraspScene:
    """One real scene.

    Attributes:
        name: the scene's number, "000000080".
        frame: what the RGB-D camera saw of the clear objects; labels are the mask's objects, ToM pixels the mask.
        true_depth: (H, W) float32 metres of the same scene with the objects painted, NaN where unknown.
    """

    name: str
    frame: Frame
    true_depth: NDArray[np.float32]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W) bool, the clear objects."""
        assert self.frame.tom is not None
        return self.frame.tom


def read_cleargrasp(folder: Path) -> Iterator[ClearGraspScene]:
    """Read every scene of a folder, in the order of their numbers.

    A scene is ``N-transparent-rgb-img.jpg``, ``N-transparent-depth-img.exr``, ``N-opaque-depth-img.exr`` (metres) and
    ``N-mask.png`` (0 and not 0); ``camera_intrinsics.yaml`` lies beside them.

    Raises:
        BadInput: no scene, a file that is missing or cannot be read, sizes that differ, or no OpenEXR library.
    """
    pictures = sorted(folder.glob(f"*{_IMAGE}"))
    if not pictures:
        raise BadInput(f"no ClearGrasp scene in {folder}: it should hold files named N{_IMAGE}")
    camera = _read_camera(folder / "camera_intrinsics.yaml")
    for number, picture in enumerate(pictures):
        name = picture.name[: -len(_IMAGE)]
        image = read_picture(picture)
        mask = read_unchanged(folder / f"{name}-mask.png", "the mask", cv2.IMREAD_GRAYSCALE)
        depth = read_exr(folder / f"{name}-transparent-depth-img.exr")
        truth = read_exr(folder / f"{name}-opaque-depth-img.exr")
        size = (camera.height, camera.width)
        if any(array.shape[:2] != size for array in (image, mask, depth, truth)):
            raise BadInput(f"scene {name} in {folder}: picture, mask, depth and intrinsics differ in size")
        tom = mask > 0
        if not tom.any():
            raise BadInput(f"scene {name} in {folder}: its mask is empty")
        frame = Frame(
            stamp_ns=number,
            frame_id=f"cleargrasp_{name}",
            image=image,
            camera=camera,
            depth=depth,
            labels=label_objects(tom),
            tom=tom,
        )
        yield ClearGraspScene(name, frame, truth)


def label_objects(mask: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """(H, W) uint16: each connected part of an (H, W) bool mask is an object, 1..n, left to right.

    Fragments below 1 % of the largest part belong to the part nearest to them.
    """
    _, parts, statistics, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
    areas = statistics[1:, cv2.CC_STAT_AREA]
    objects = [
        part + 1 for part in np.argsort(statistics[1:, cv2.CC_STAT_LEFT]) if areas[part] >= _FRAGMENT * areas.max()
    ]
    labels = np.zeros(mask.shape, np.uint16)
    for label, part in enumerate(objects, start=1):
        labels[parts == part] = label
    fragments = mask & (labels == 0)
    if fragments.any():
        distances = [
            cv2.distanceTransform((labels != label).view(np.uint8), cv2.DIST_L2, 5)
            for label in range(1, len(objects) + 1)
        ]
        labels[fragments] = np.argmin([distance[fragments] for distance in distances], axis=0) + 1
    return labels


def _read_camera(path: Path) -> CameraModel:
    try:
        values = yaml.safe_load(path.read_text())
        return CameraModel(
            int(values["xres"]), int(values["yres"]),
            *(float(values[name]) for name in ("fx", "fy", "cx", "cy")),
        )  # fmt: skip
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"cannot read the camera's xres, yres, fx, fy, cx, cy from {path}: {error}") from error
