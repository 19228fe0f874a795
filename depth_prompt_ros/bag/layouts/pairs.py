"""Stereo pairs with true disparity: Booster, Middlebury 2014 and 2021, KITTI 2012 and 2015; each a second apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.layouts.write import FRAME_ID, SECOND, LayoutFrame
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.picture_file import read_picture, read_png16, read_unchanged
from depth_prompt_ros.data.readers.booster import list_booster
from depth_prompt_ros.data.readers.driving import kitti_numbers
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame

_KITTI_PAIRS = (
    ("image_2", "image_3", "disp_occ_0", "calib_cam_to_cam", "P_rect_02", "P_rect_03"),
    ("colored_0", "colored_1", "disp_occ", "calib", "P2", "P3"),
)
"""Left, right, truth, calibration and its two projections in ``training`` of KITTI 2015 and 2012."""


def read_booster_pairs(folder: Path) -> Iterator[LayoutFrame]:
    """Every lighting of every balanced scene, see :mod:`depth_prompt_ros.data.readers.booster`."""
    number = 0
    for scene in list_booster(folder):
        truth = scene.camera.depth_from_disparity(scene.disparity)
        for path in scene.lefts:
            number += 1
            frame = Frame(
                number * SECOND, FRAME_ID, scene.left(path), scene.camera, right=scene.right(path), tom=scene.tom
            )
            yield LayoutFrame(frame, truth, str(path))


def read_middlebury(folder: Path) -> Iterator[LayoutFrame]:
    """``SCENE/im0.png``, ``im1.png``, ``disp0.pfm`` (pixels, inf = unknown) and ``calib.txt``.

    ``calib.txt`` has ``cam0=[f 0 cx; 0 f cy; 0 0 1]``, ``doffs`` (cx right - cx left, pixels) and ``baseline`` (mm), as
    in the sets of 2014 (Scharstein et al., GCPR 2014) and 2021. Scenes without ``disp0.pfm`` have no truth.

    Raises:
        BadInput: no scene, or a file that cannot be read.
    """
    scenes = sorted(path.parent for path in folder.rglob("calib.txt") if (path.parent / "im0.png").is_file())
    if not scenes:
        raise BadInput(f"{folder} is no Middlebury set: it has no SCENE/calib.txt with im0.png")
    for number, scene in enumerate(scenes, 1):
        left, right = read_picture(scene / "im0.png"), read_picture(scene / "im1.png")
        camera = _middlebury_camera(scene / "calib.txt", left)
        disparity = _read_pfm(scene / "disp0.pfm")
        truth = None if disparity is None else camera.depth_from_disparity(disparity)
        yield LayoutFrame(Frame(number * SECOND, FRAME_ID, left, camera, right=right), truth, str(scene))


def read_kitti_pairs(folder: Path) -> Iterator[LayoutFrame]:
    """``training`` of KITTI's stereo benchmarks: pictures ``NNNNNN_10.png``, disparity in 256ths of a pixel, 0 unknown.

    2015: ``image_2``, ``image_3``, ``disp_occ_0``, ``calib_cam_to_cam/NNNNNN.txt``; 2012: ``colored_0``, ``colored_1``,
    ``disp_occ``, ``calib/NNNNNN.txt``.

    Raises:
        BadInput: neither of them, or a file that cannot be read.
    """
    for root in (folder, folder / "training"):
        for left, right, truth, calibration, one, two in _KITTI_PAIRS:
            pictures = sorted((root / left).glob("*_10.png"))
            for number, path in enumerate(pictures, 1):
                said = kitti_numbers(root / calibration / f"{path.stem.removesuffix('_10')}.txt")
                image = read_picture(path)
                camera = kitti_camera(said, one, two, image)
                counts = read_png16(root / truth / path.name)
                disparity = np.where(counts > 0, counts / np.float32(256), np.nan).astype(np.float32)
                frame = Frame(number * SECOND, FRAME_ID, image, camera, right=read_picture(root / right / path.name))
                yield LayoutFrame(frame, camera.depth_from_disparity(disparity), str(path))
            if pictures:
                return
    raise BadInput(
        f"{folder} is no KITTI set: give a drive with image_02/data, or the folder with training/image_2 or colored_0"
    )


def kitti_camera(said: dict[str, NDArray[np.float64]], left: str, right: str, image: NDArray[np.uint8]) -> CameraModel:
    """The left camera of two projections (3x4, in pixels and metres).

    Raises:
        BadInput: one is missing.
    """
    try:
        one, two = said[left].reshape(3, 4), said[right].reshape(3, 4)
    except (KeyError, ValueError) as error:
        raise BadInput(f"the calibration has no {left} and {right} of 12 numbers") from error
    baseline = float(one[0, 3] / one[0, 0] - two[0, 3] / two[0, 0])
    height, width = image.shape[:2]
    return CameraModel(
        width, height, float(one[0, 0]), float(one[1, 1]), float(one[0, 2]), float(one[1, 2]), baseline,
        float(two[0, 2] - one[0, 2]),
    )  # fmt: skip


def _middlebury_camera(path: Path, image: NDArray[np.uint8]) -> CameraModel:
    said = dict(re.findall(r"(\w+)\s*=\s*(.+)", path.read_text(errors="replace")))
    try:
        matrix = np.array([float(each) for each in re.split(r"[;\s]+", said["cam0"].strip(" []"))]).reshape(3, 3)
        baseline, offset = float(said["baseline"]) / 1000, float(said["doffs"])
    except (KeyError, ValueError) as error:
        raise BadInput(f"{path} does not say cam0=[f 0 cx; 0 f cy; 0 0 1], baseline and doffs ({error})") from error
    if not np.isfinite([*matrix.ravel(), baseline, offset]).all() or min(matrix[0, 0], matrix[1, 1], baseline) <= 0:
        raise BadInput(f"{path} has a focal length or baseline that is not above 0, or a value that is not finite")
    height, width = image.shape[:2]
    fx, fy, cx, cy = (float(matrix[row, column]) for row, column in ((0, 0), (1, 1), (0, 2), (1, 2)))
    return CameraModel(width, height, fx, fy, cx, cy, baseline, offset)


def _read_pfm(path: Path) -> NDArray[np.float32] | None:
    if not path.exists():
        return None
    found = read_unchanged(path, "the disparity")
    if found.ndim != 2:
        raise BadInput(f"cannot read the disparity {path}: it has more than one channel")
    return np.where(np.isfinite(found) & (found > 0), found, np.float32(np.nan)).astype(np.float32)
