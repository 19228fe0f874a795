"""Driving sequences as published: KITTI raw (Geiger et al. 2013) and Cityscapes (Cordts et al. 2016)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.picture_file import read_picture
from depth_prompt_ros.data.sets.video import VideoFrame
from depth_prompt_ros.errors import BadInput

_CITYSCAPES_NS = 1_000_000_000 // 17
_LEFT, _RIGHT = "_leftImg8bit.png", "_rightImg8bit.png"


class KittiDrive:
    """One drive of KITTI raw, synchronised and rectified: ``DATE/DATE_drive_NNNN_sync``.

    Pictures of the left colour camera (``image_02``), the right one's (``image_03``) where asked for and there,
    stamps, and for checks the depth of Velodyne points (``velodyne_points``), the nearest at a pixel.

    Attributes:
        name: the drive's folder.
    """

    def __init__(self, drive: Path, pair: bool = False) -> None:
        """Read the calibration beside the drive and list the pictures.

        Args:
            pair: give frames their right picture.

        Raises:
            BadInput: no pictures, or no calibration in the folder above.
        """
        self.name = str(drive)
        self._drive, self._pair = drive, pair
        self._files = sorted((drive / "image_02" / "data").glob("*.png")) or sorted(
            (drive / "image_02" / "data").glob("*.jpg")
        )
        if not self._files:
            raise BadInput(
                f"{drive / 'image_02' / 'data'} holds no picture: give a drive of KITTI raw, DATE_drive_NNNN_sync"
            )
        self._cameras = kitti_numbers(drive.parent / "calib_cam_to_cam.txt")
        self._lidar = kitti_numbers(drive.parent / "calib_velo_to_cam.txt")
        self._stamps = _kitti_stamps(drive / "image_02" / "timestamps.txt", len(self._files))

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[VideoFrame]:
        """Read.

        Raises:
            BadInput: a damaged picture.
        """
        projection = self._cameras["P_rect_02"].reshape(3, 4)
        right = self._cameras["P_rect_03"].reshape(3, 4)
        baseline = float(projection[0, 3] / projection[0, 0] - right[0, 3] / right[0, 0])
        for path, stamp in zip(self._files, self._stamps, strict=True):
            image = read_picture(path)
            height, width = image.shape[:2]
            fx, fy, cx, cy = projection[0, 0], projection[1, 1], projection[0, 2], projection[1, 2]
            other = self._drive / "image_03" / "data" / path.name
            beside = read_picture(other) if self._pair and other.is_file() else None
            camera = CameraModel(
                width, height, float(fx), float(fy), float(cx), float(cy), baseline if beside is not None else 0.0
            )  # fmt: skip
            yield VideoFrame(
                path.stem, stamp, image, camera, right=beside, depth=self._depth(path.stem, projection, (height, width))
            )  # fmt: skip

    def _depth(
        self, name: str, projection: NDArray[np.float64], size: tuple[int, int]
    ) -> NDArray[np.float32] | None:  # fmt: skip
        path = self._drive / "velodyne_points" / "data" / f"{name}.bin"
        if not path.is_file():
            return None
        points = np.fromfile(path, np.float32).reshape(-1, 4)[:, :3].astype(np.float64)
        rectified, laser = np.eye(4), np.eye(4)
        rectified[:3, :3] = self._cameras["R_rect_00"].reshape(3, 3)
        laser[:3, :3], laser[:3, 3] = self._lidar["R"].reshape(3, 3), self._lidar["T"]
        seen = np.column_stack([points, np.ones(len(points))]) @ (projection @ rectified @ laser).T
        seen = seen[seen[:, 2] > 0]
        z = seen[:, 2]
        column, row = np.rint(seen[:, 0] / z).astype(int), np.rint(seen[:, 1] / z).astype(int)
        inside = (column >= 0) & (column < size[1]) & (row >= 0) & (row < size[0])
        nearest = np.full(size, np.inf, np.float32)
        np.minimum.at(nearest, (row[inside], column[inside]), z[inside].astype(np.float32))
        return np.where(np.isfinite(nearest), nearest, np.float32(np.nan))


class CityscapesSequences:
    """All snippets of a folder of ``leftImg8bit_sequence``: ``.../SPLIT/CITY``.

    The calibration is in the folder ``camera`` of the same split and city, beside ``leftImg8bit_sequence``, one file a
    snippet of 30 pictures; right pictures in ``rightImg8bit_sequence``. 17 pictures a second; snippets are minutes
    apart.

    Attributes:
        name: the folder.
    """

    def __init__(self, folder: Path, pair: bool = False) -> None:
        """List the pictures.

        Raises:
            BadInput: no pictures of that kind.
        """
        self.name = str(folder)
        self._folder, self._pair = folder, pair
        self._files = sorted(folder.glob(f"*{_LEFT}"))
        if not self._files:
            raise BadInput(f"{folder} holds no picture of a name that ends with {_LEFT}")

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[VideoFrame]:
        """Read; pictures without a calibration have no camera.

        Raises:
            BadInput: a damaged picture.
        """
        cameras = self._cameras()
        snippet, before = 0, -2
        for path in self._files:
            name = path.name.removesuffix(_LEFT)
            city, sequence, number = name.rsplit("_", 2)
            if int(number) != before + 1:
                snippet += 1
            before = int(number)
            stamp = snippet * 600 * 10**9 + int(number) * _CITYSCAPES_NS
            image = read_picture(path)
            # A snippet's calibration is that of its annotated picture, the 20th.
            camera = cameras.get((city, sequence, _annotated(cameras, city, sequence, int(number))))
            other = self._beside("rightImg8bit_sequence", name + _RIGHT)
            right = read_picture(other) if self._pair and other.is_file() and camera is not None else None
            if camera is not None:
                camera = camera.scaled(image.shape[1], image.shape[0])
                if right is None:
                    camera = replace(camera, baseline=0.0)
            yield VideoFrame(name, stamp, image, camera, right=right)

    def _beside(self, kind: str, name: str) -> Path:
        split, city = self._folder.parent.name, self._folder.name
        return self._folder.parents[2] / kind / split / city / name

    def _cameras(self) -> dict[tuple[str, str, int], CameraModel]:
        found = {}
        for path in sorted(self._beside("camera", "x").parent.glob("*_camera.json")):
            city, sequence, number = path.name.removesuffix("_camera.json").rsplit("_", 2)
            found[city, sequence, int(number)] = _cityscapes_camera(path)
        return found


def _annotated(cameras: Mapping[tuple[str, str, int], CameraModel], city: str, sequence: str, number: int) -> int:
    """Number of the picture whose calibration is a snippet's: pictures 19 before to 10 behind it; -1 = none."""
    near = [key[2] for key in cameras if key[:2] == (city, sequence) and -10 <= key[2] - number <= 19]
    return min(near, key=lambda each: abs(each - number)) if near else -1


def _cityscapes_camera(path: Path) -> CameraModel:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        inner, outer = content["intrinsic"], content["extrinsic"]
        return CameraModel(
            2048, 1024, float(inner["fx"]), float(inner["fy"]), float(inner["u0"]), float(inner["v0"]),
            float(outer["baseline"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"cannot read the camera {path}: {error}") from error


def kitti_numbers(path: Path) -> dict[str, NDArray[np.float64]]:
    """The file's lines ``NAME: number number ...``."""
    found = {}
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise BadInput(f"cannot read KITTI's calibration {path}: {error.strerror}") from error
    for line in lines:
        name, _, rest = line.partition(":")
        try:
            found[name.strip()] = np.array([float(each) for each in rest.split()])
        except ValueError:  # dates
            continue
    return found


def _kitti_stamps(path: Path, count: int) -> list[int]:
    """Nanoseconds of each picture; a tenth of a second apart where there is no list."""
    if not path.is_file():
        return [number * 100_000_000 for number in range(count)]
    stamps = []
    for line in path.read_text().split("\n"):
        if line.strip():
            whole, _, rest = line.strip().partition(".")
            second = datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
            stamps.append(int(second.timestamp()) * 10**9 + int((rest + "000000000")[:9]))
    if len(stamps) != count:
        raise BadInput(f"{path} has {len(stamps)} stamps for {count} pictures")
    return stamps
