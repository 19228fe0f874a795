"""True depth or disparity in files that are named by their stamp."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.sync import pair
from depth_prompt_ros.bag.truth.overlap import no_overlap
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.picture_file import read_unchanged
from depth_prompt_ros.data.readers.exr import read_exr
from depth_prompt_ros.errors import BadInput

Float32 = NDArray[np.float32]

_ENDINGS = (".png", ".npy", ".exr", ".pfm", ".tif", ".tiff")
_NANOSECONDS = 10**15
"""Whole numbers from here on are nanoseconds: as seconds they would be 30 million years."""
_DISPARITY_STEPS = 256.0
"""16-bit disparities are in 256ths of a pixel (KITTI's development kit)."""


class StampedFolder:
    """Files beside the frames: ``1305031453.359684.png`` in seconds, or ``1305031453359684000.npy`` in nanoseconds.

    Whole numbers (``.png``, ``.tif``) of depth are counts of the unit, of disparity 256ths of a pixel, 0 = not known;
    numbers with a fraction (``.npy``, ``.exr``, ``.pfm``, ``.tif``) are metres or pixels.

    Attributes:
        matched: number of left images with a file.
    """

    def __init__(
        self, folder: Path, stamps: NDArray[np.int64], tolerance: float, unit: float = 0.001, disparity: bool = False
    ) -> None:
        """List the files and pair their stamps with those of the left images, the closest first.

        Args:
            folder: what else is in it is left alone.
            stamps: (N,) of the left images, nanoseconds.
            tolerance: seconds.
            unit: metres of one count of whole numbers.
            disparity: the files hold disparity.

        Raises:
            BadInput: no such folder, no file named by a stamp, or not one near a left image's.
        """
        if not folder.is_dir():
            raise BadInput(f"there is no folder {folder} with the truth")
        files = {path: stamp for path in sorted(folder.iterdir()) if (stamp := file_stamp(path)) is not None}
        if not files:
            raise BadInput(f"{folder} holds no file named by its stamp, such as 1305031453.359684.png ({_endings()})")
        self._files, theirs = list(files), np.array(list(files.values()), np.int64)
        self._partners = pair(stamps, theirs, round(tolerance * 1e9))
        if not (self._partners >= 0).any():
            raise BadInput(no_overlap(str(folder), stamps, theirs, tolerance))
        self.matched = int((self._partners >= 0).sum())
        self._unit, self._disparity = unit, disparity

    def __call__(self, frame: int, camera: CameraModel) -> Float32 | None:
        """(H, W) float32 metres, NaN = not known, of the left image with this number; None where it has no file.

        Raises:
            BadInput: the file cannot be read, is of another size, or disparity meets a camera without baseline.
        """
        if self._partners[frame] < 0:
            return None
        path = self._files[self._partners[frame]]
        values = _read(path, 1 / _DISPARITY_STEPS if self._disparity else self._unit)
        if values.shape != (camera.height, camera.width):
            raise BadInput(
                f"the truth {path} is {values.shape[1]}x{values.shape[0]} but the picture is "
                f"{camera.width}x{camera.height}: give truth of the picture's size"
            )
        if not self._disparity:
            return values
        if camera.baseline <= 0:
            raise BadInput(f"the truth {path} is disparity, but the camera has no baseline: give depth")
        return camera.depth_from_disparity(values)


def file_stamp(path: Path) -> int | None:
    """Nanoseconds that a file's name says, None where it says none or is no file of numbers."""
    if path.suffix.lower() not in _ENDINGS:
        return None
    try:
        number = Decimal(path.stem)
    except InvalidOperation:
        return None
    if not number.is_finite() or number < 0:
        return None
    return int(number) if number >= _NANOSECONDS and "." not in path.stem else int(number * 10**9)


def _read(path: Path, unit: float) -> Float32:
    if path.suffix.lower() == ".exr":
        return read_exr(path)
    if path.suffix.lower() == ".npy":
        try:
            values = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BadInput(f"cannot read the truth {path}: {error}") from error
    else:
        values = read_unchanged(path, "the truth")
    if values.ndim != 2 or values.dtype.kind not in "fu" or values.dtype == np.uint8:
        raise BadInput(f"the truth {path} is {values.dtype} {values.shape}, expected one channel of 16 bits or floats")
    metres = values.astype(np.float32) * np.float32(unit if values.dtype.kind == "u" else 1)
    return np.where(np.isfinite(metres) & (metres > 0), metres, np.float32(np.nan)).astype(np.float32)


def _endings() -> str:
    return ", ".join(_ENDINGS)
