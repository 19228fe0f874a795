"""Sequences of the TUM RGB-D benchmark (Sturm et al., IROS 2012), and numbered pictures beside a calibration file."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np

from depth_prompt_ros.bag.layouts.write import FRAME_ID, LayoutFrame, read_depth
from depth_prompt_ros.bag.sync import pair
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.picture_file import read_picture
from depth_prompt_ros.data.readers.sample import read_json
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame

CAMERAS = {
    "freiburg1": (517.3, 516.5, 318.6, 255.3),
    "freiburg2": (520.9, 521.0, 325.1, 249.7),
    "freiburg3": (535.4, 539.2, 320.1, 247.6),
}
"""fx, fy, cx, cy of the benchmark's page ("Intrinsic Camera Calibration of the Kinect"); distortion is left out."""

_COUNTS = 5000.0
_TOLERANCE = 20_000_000
_NUMBERED_PERIOD = 33_333_333


def read_tum(folder: Path) -> Iterator[LayoutFrame]:
    """Every picture that has a depth image, in order.

    As published: ``rgb.txt`` and ``depth.txt`` with ``STAMP FILE`` a line, depth in 5000ths of a metre, paired within
    20 ms; the camera is in ``calib.json`` or told by freiburg1, 2 or 3 in the folder's name. Without the lists:
    ``rgb/NAME.jpg`` or ``.png`` and ``depth/NAME.png``, and ``calib.json`` with fx, fy, cx, cy and ``depth_units``
    "mm" or "m/5000"; then pictures are a thirtieth of a second apart.

    Raises:
        BadInput: no such sequence, no camera, or a file that cannot be read or is of another size.
    """
    lists = folder / "rgb.txt", folder / "depth.txt"
    if all(path.is_file() for path in lists):
        pairs, counts = _listed(folder), _COUNTS
    else:
        pairs, counts = _numbered(folder), _counts(folder)
    if not pairs:
        raise BadInput(
            f"{folder} is no TUM sequence: it has neither rgb.txt and depth.txt nor rgb/N.png with depth/N.png"
        )
    fx, fy, cx, cy = _intrinsics(folder)
    camera: CameraModel | None = None
    for stamp, picture, depth in pairs:
        image, metres = read_picture(picture), read_depth(depth, counts)
        camera = camera or CameraModel(image.shape[1], image.shape[0], fx, fy, cx, cy)
        if image.shape[:2] != (camera.height, camera.width):
            raise BadInput(
                f"{picture} is {image.shape[1]}x{image.shape[0]}, those before {camera.width}x{camera.height}"
            )
        yield LayoutFrame(Frame(stamp, FRAME_ID, image, camera, depth=metres), source=str(depth))


def _listed(folder: Path) -> list[tuple[int, Path, Path]]:
    pictures, depths = _list(folder, "rgb.txt"), _list(folder, "depth.txt")
    here, there = (np.array([stamp for stamp, _ in each], np.int64) for each in (pictures, depths))
    partners = pair(here, there, _TOLERANCE)
    return [(*pictures[n], depths[partner][1]) for n, partner in enumerate(partners) if partner >= 0]


def _list(folder: Path, name: str) -> list[tuple[int, Path]]:
    found = []
    for number, line in enumerate((folder / name).read_text().splitlines(), 1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        try:
            found.append((int(Decimal(words[0]) * 10**9), folder / words[1]))
        except (InvalidOperation, IndexError, ValueError, OverflowError) as error:
            raise BadInput(f"line {number} of {folder / name} is not STAMP FILE: {line!r}") from error
    return found


def _numbered(folder: Path) -> list[tuple[int, Path, Path]]:
    pictures = sorted(path for ending in ("jpg", "png") for path in (folder / "rgb").glob(f"*.{ending}"))
    depths = {path.stem: path for path in (folder / "depth").glob("*.png")}
    both = sorted((path for path in pictures if path.stem in depths), key=lambda path: path.stem)
    return [(10**9 + n * _NUMBERED_PERIOD, path, depths[path.stem]) for n, path in enumerate(both)]


def _counts(folder: Path) -> float:
    """Counts of a metre that ``calib.json`` says."""
    if not (folder / "calib.json").is_file():
        return _COUNTS
    unit = read_json(folder / "calib.json").get("depth_units", "m/5000")
    if unit not in ("mm", "m/5000"):
        raise BadInput(f"{folder / 'calib.json'} has depth_units {unit!r}: give mm or m/5000")
    return 1000.0 if unit == "mm" else _COUNTS


def _intrinsics(folder: Path) -> tuple[float, float, float, float]:
    path = folder / "calib.json"
    if path.is_file():
        said = read_json(path)
        try:
            fx, fy, cx, cy = (float(said[name]) for name in ("fx", "fy", "cx", "cy"))
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"{path} does not say fx, fy, cx and cy in pixels ({error})") from error
        if not np.isfinite([fx, fy, cx, cy]).all() or min(fx, fy) <= 0:
            raise BadInput(f"{path} has a focal length that is not positive, or a value that is not finite")
        return fx, fy, cx, cy
    for name, camera in CAMERAS.items():
        if name in folder.resolve().name:
            return camera
    raise BadInput(f"{path} is not there and {folder.name} names none of {', '.join(CAMERAS)}: give fx, fy, cx, cy")
