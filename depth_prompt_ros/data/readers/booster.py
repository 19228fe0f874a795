"""Reader of Booster (Zama Ramirez et al., CVPR 2022, TPAMI 2024): real stereo pairs with transparent and mirror things.

``train/balanced/SCENE`` as its archive unpacks: ``camera_00/im*.png`` and ``camera_02/im*.png`` (left and right, one
pair a lighting), ``disp_00.npy`` (left disparity, pixels, 0 = unknown), ``mask_cat.png`` (0 to 3, opaque to clear; the
published evaluation takes 2 and 3 for ToM), ``calib_00-02.xml`` (OpenCV's: ``proj_matL``, ``baselineLR`` in mm).
``train/unbalanced/SCENE`` has a smaller right picture in ``camera_01`` and ``calib_00-01.xml``. ``mask_00.png`` (0 =
occluded) is not used: the published evaluation of depth takes every pixel with truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.picture_file import read_picture, read_unchanged
from depth_prompt_ros.errors import BadInput

_TRUTH = "disp_00.npy"
_LEFT, _RIGHTS = "camera_00", ("camera_02", "camera_01")
_BELOW = (".", "balanced", "train/balanced")
_TOM_CATEGORIES = (2, 3)


@dataclass(frozen=True)
class BoosterScene:
    """One scene; pictures are read when they are asked for.

    Attributes:
        folder: of the scene.
        lefts: its left pictures, one a lighting.
    """

    folder: Path
    lefts: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The scene's name, "Bottle"."""
        return self.folder.name

    @cached_property
    def disparity(self) -> NDArray[np.float32]:
        """(H, W) float32 pixels, NaN = unknown.

        Raises:
            BadInput: it cannot be read or is no picture.
        """
        try:
            values = np.load(self.folder / _TRUTH)
        except (OSError, ValueError) as error:
            raise BadInput(f"cannot read the disparity {self.folder / _TRUTH}: {error}") from error
        if values.ndim != 2 or values.dtype.kind not in "fiu":
            raise BadInput(f"{self.folder / _TRUTH} is {values.dtype} {values.shape}, expected numbers (H, W)")
        return np.where(np.isfinite(values) & (values > 0), values, np.nan).astype(np.float32)

    @cached_property
    def categories(self) -> NDArray[np.uint8] | None:
        """(H, W) uint8 0 to 3, opaque to clear; None where the scene comes without.

        Raises:
            BadInput: it cannot be read or has another size than the disparity.
        """
        path = self.folder / "mask_cat.png"
        if not path.exists():
            return None
        mask = read_unchanged(path, "the categories")
        mask = mask if mask.ndim == 2 else mask[..., 0]
        if mask.shape != self.disparity.shape:
            raise BadInput(f"{path} is {mask.shape}, but the disparity beside it {self.disparity.shape}")
        return np.asarray(mask, np.uint8)

    @property
    def tom(self) -> NDArray[np.bool_] | None:
        """(H, W) bool, transparent or mirror; None where the scene comes without categories."""
        return None if self.categories is None else np.isin(self.categories, _TOM_CATEGORIES)

    @cached_property
    def camera(self) -> CameraModel:
        """The left camera at full resolution, with its baseline in metres.

        Raises:
            BadInput: the calibration is missing or has no proj_matL and baselineLR.
        """
        found = sorted(self.folder.glob("calib_00-0?.xml"))
        if not found:
            raise BadInput(f"{self.folder} has no calib_00-02.xml")
        try:
            storage = cv2.FileStorage(str(found[0]), cv2.FILE_STORAGE_READ)
            matrix, node = storage.getNode("proj_matL").mat(), storage.getNode("baselineLR")
            baseline = node.real() if node.isReal() or node.isInt() else 0.0
            storage.release()
        except (cv2.error, SystemError) as error:
            raise BadInput(f"cannot read the calibration {found[0]}: {error}") from error
        if matrix is None or matrix.shape[0] != 3 or not baseline > 0 or not matrix[0, 0] > 0:
            raise BadInput(f"{found[0]} has no proj_matL (3 rows) and baselineLR (mm) above 0")
        height, width = self.disparity.shape
        fx, fy, cx, cy = (float(matrix[row, column]) for row, column in ((0, 0), (1, 1), (0, 2), (1, 2)))
        return CameraModel(width, height, fx, fy, cx, cy, baseline=float(baseline) / 1000)

    def left(self, path: Path) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB of one of ``lefts``; raises BadInput."""
        return read_picture(path)

    def right(self, path: Path) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB, the right picture of the same lighting; smaller in the unbalanced set.

        Raises:
            BadInput: there is none.
        """
        for camera in _RIGHTS:
            if (other := self.folder / camera / path.name).exists():
                return read_picture(other)
        raise BadInput(f"there is no right picture to {path}, neither in {' nor in '.join(_RIGHTS)}")


def list_booster(folder: Path) -> list[BoosterScene]:
    """The scenes below a folder, by name: the data set's own, its ``train`` or one that holds scenes.

    Raises:
        BadInput: there is none with truth, or one without pictures.
    """
    for below in _BELOW:
        truths = sorted((folder / below).glob(f"*/{_TRUTH}"))
        if truths:
            break
    else:
        raise BadInput(f"no Booster scene with truth in {folder}: it should hold train/balanced/SCENE/{_TRUTH}")
    scenes = []
    for truth in truths:
        lefts = tuple(sorted((truth.parent / _LEFT).glob("*.png")))
        if not lefts:
            raise BadInput(f"the scene {truth.parent} has no picture {_LEFT}/*.png")
        scenes.append(BoosterScene(truth.parent, lefts))
    return scenes
