"""Video as a folder of pictures: our own plain layout, and that of the RGB-D benchmark's copies."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.picture_file import read_picture, read_unchanged
from depth_prompt_ros.data.sets.video import VideoFrame
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.rotation import rotation_matrix

_ENDINGS = (".png", ".jpg", ".jpeg")
_CALIBRATION, _TABLE = "calib.json", "frames.csv"
_POSE = ("tx", "ty", "tz", "qx", "qy", "qz", "qw")


@dataclass(frozen=True)
class Part:
    """Which of a folder's frames are meant: those from ``start`` to ``stop``, shares of all in [0, 1]."""

    start: float = 0.0
    stop: float = 1.0

    @classmethod
    def parsed(cls, text: str) -> Part:
        """Of "0:0.67".

        Raises:
            BadInput: anything else.
        """
        try:
            start, stop = (float(each) for each in text.split(":"))
        except ValueError:
            raise BadInput(f"part {text!r} is not START:STOP with shares in [0, 1], such as 0:0.67") from None
        if not 0 <= start < stop <= 1:
            raise BadInput(f"part {text!r} is empty: give START:STOP with 0 <= START < STOP <= 1")
        return cls(start, stop)


class VideoFolder:
    """A folder with ``calib.json``, pictures, and what else there is.

    ``calib.json``: width, height, fx, fy, cx, cy in pixels, of pictures of that size, ``baseline`` in metres where
    there are right pictures, and ``dist_k1k2p1p2k3`` (Brown and Conrady) where pictures are not rectified: they are,
    here. Pictures are in ``images`` (or ``rgb320``, ``rgb``), of the same names in ``right``, ``moving`` (masks, any
    value but 0 moves) and ``depth`` (or ``depth320``; 16-bit PNG, millimetres). ``own.png`` is a mask of the robot
    itself, in all pictures. ``frames.csv`` has a line a picture, in order of the names: ``t_rgb`` or ``t``, seconds,
    and the camera's pose, ``tx ty tz`` metres and ``qx qy qz qw``; without it pictures are 1/30 s apart.

    Attributes:
        name: the folder.
    """

    def __init__(self, folder: Path, part: Part | None = None, poses: bool = True) -> None:
        """List the frames.

        Args:
            part: of the frames; None: all.
            poses: give frames the poses that are there.

        Raises:
            BadInput: no calibration, no pictures, or a table of another length.
        """
        self.name = str(folder)
        self._folder, self._poses = folder, poses
        self._pictures = _subfolder(folder, ("images", "rgb320", "rgb"))
        files = sorted(path for path in self._pictures.iterdir() if path.suffix.lower() in _ENDINGS)
        if not files:
            raise BadInput(f"{self._pictures} holds no picture ({', '.join(_ENDINGS)})")
        self._calibration = _calibration(folder / _CALIBRATION)
        self._rows = _table(folder / _TABLE)
        if self._rows and len(self._rows) != len(files):
            raise BadInput(f"{folder / _TABLE} has {len(self._rows)} lines for {len(files)} pictures")
        part = part or Part()
        self._range = range(round(part.start * len(files)), round(part.stop * len(files)))
        self._files = files
        self._maps: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def __len__(self) -> int:
        return len(self._range)

    def __iter__(self) -> Iterator[VideoFrame]:
        """Read them.

        Raises:
            BadInput: a picture that is damaged or of another size than the first.
        """
        own = _read_optional(self._folder / "own.png")
        for number in self._range:
            path = self._files[number]
            image = self._picture(path)
            camera = self._camera(image)
            beside = {name: self._beside(path, name) for name in ("right", "moving", "depth320", "depth")}
            depth = beside["depth"] if beside["depth320"] is None else beside["depth320"]
            right, moving = beside["right"], beside["moving"]
            yield VideoFrame(
                path.stem,
                self._stamp(number),
                image,
                camera,
                self._pose(number) if self._poses else None,
                None if right is None else np.ascontiguousarray(right[..., ::-1]),
                self._unseen(None if own is None else _any(own), image.shape[:2]),
                None if moving is None else self._rectified(_any(moving), cv2.INTER_NEAREST) > 0,
                None if depth is None else self._metres(depth),
            )

    def _picture(self, path: Path) -> NDArray[np.uint8]:
        return np.asarray(self._rectified(read_picture(path, as_stored=True), cv2.INTER_LINEAR), np.uint8)

    def _camera(self, image: NDArray[np.uint8]) -> CameraModel:
        c = self._calibration
        camera = CameraModel(
            int(c["width"]), int(c["height"]), c["fx"], c["fy"], c["cx"], c["cy"], float(c.get("baseline", 0.0))
        )  # fmt: skip
        return camera.scaled(image.shape[1], image.shape[0])

    def _rectified(self, picture: NDArray[Any], way: int) -> NDArray[Any]:
        distortion = self._calibration.get("dist_k1k2p1p2k3")
        if not distortion or not any(distortion):
            return picture
        height, width = picture.shape[:2]
        if self._maps is None or self._maps[0].shape != (height, width):
            K = self._camera(np.empty((height, width, 3), np.uint8)).K
            maps = cv2.initUndistortRectifyMap(K, np.array(distortion), np.eye(3), K, (width, height), cv2.CV_32FC1)
            self._maps = np.asarray(maps[0], np.float32), np.asarray(maps[1], np.float32)
        return np.asarray(cv2.remap(picture, *self._maps, interpolation=way))

    def _unseen(self, own: NDArray[np.uint8] | None, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
        """The robot's own pixels, and those that rectifying leaves without a picture."""
        distorted = any(self._calibration.get("dist_k1k2p1p2k3") or ())
        if not distorted:
            return None if own is None else own > 0
        empty = self._rectified(np.ones(shape, np.uint8), cv2.INTER_NEAREST) == 0
        kernel = np.ones((5, 5), np.uint8)  # interpolation darkens what borders on it
        unseen = np.asarray(cv2.dilate(empty.view(np.uint8), kernel) > 0)
        return unseen if own is None else unseen | (self._rectified(own, cv2.INTER_NEAREST) > 0)

    def _beside(self, path: Path, name: str) -> NDArray[Any] | None:
        folder = self._folder / name
        if not folder.is_dir():
            return None
        for ending in (path.suffix, ".png"):
            if (folder / f"{path.stem}{ending}").is_file():
                return _read_optional(folder / f"{path.stem}{ending}")
        return None

    def _metres(self, depth: NDArray[Any]) -> NDArray[np.float32]:
        depth = self._rectified(depth, cv2.INTER_NEAREST)
        return np.where(depth > 0, depth.astype(np.float32) / 1000, np.float32(np.nan))

    def _stamp(self, number: int) -> int:
        row = self._rows[number] if self._rows else {}
        text = row.get("t_rgb") or row.get("t")
        return round(1e9 * float(text)) if text else round(1e9 * number / 30)

    def _pose(self, number: int) -> NDArray[np.float64] | None:
        row = self._rows[number] if self._rows else {}
        if any(not row.get(name) for name in _POSE):
            return None
        x, y, z, *quaternion = (float(row[name]) for name in _POSE)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = rotation_matrix(*quaternion), (x, y, z)
        return pose


def _subfolder(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_dir():
            return folder / name
    raise BadInput(f"{folder} is no video: give a recording, or a folder with {names[0]}/ and {_CALIBRATION}")


def _calibration(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
        lengths = [float(content[name]) for name in ("width", "height", "fx", "fy", "cx", "cy")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"cannot read {path}: it holds width, height, fx, fy, cx, cy in pixels") from error
    if not all(np.isfinite(lengths)) or min(lengths[:4]) <= 0:
        raise BadInput(f"{path} has sizes or focal lengths that are not above 0")
    return dict(content)


def _table(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="") as content:
        return list(csv.DictReader(content))


def _read_optional(path: Path) -> NDArray[Any] | None:
    return read_unchanged(path) if path.exists() else None


def _any(mask: NDArray[Any]) -> NDArray[np.uint8]:
    """(H, W) 1 where any channel but alpha is not 0."""
    return (mask if mask.ndim == 2 else mask[..., :3].max(2)).astype(bool).astype(np.uint8)
