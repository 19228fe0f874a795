"""Real pairs with true disparity: five of Middlebury's 2003 to 2006 sets from a folder, and the motorcycle.

The folder holds one of each NAME: NAME/left.png, right.png and disp_left_x64.png (16 bit, disparity in 64ths of a
pixel, 0 = unknown), of Scharstein and Szeliski 2003, Scharstein and Pal 2007, Hirschmueller and Scharstein 2007. Aloe,
in full size, is halved.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.demo.motorcycle import motorcycle_pair
from depth_prompt_ros.frame import Frame

Float32 = NDArray[np.float32]

CHOSEN_ON, JUDGED_BY = ("Teddy", "Laundry", "motorcycle"), ("Dolls", "Books", "Aloe")

_LENS = {"Teddy": (900.0, 0.0), "Aloe": (1870.0, 135.0)}
_THIRD_SIZE = (1246.7, 67.0)
"""Focal length and what disparities lack to that of infinity at 0, pixels: where not published, near enough to say how
deep a shape is for its size. Errors are in pixels of disparity and do not depend on them."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A frame, its true disparity (H, W) float32 pixels with NaN where unknown, and how many to search."""

    name: str
    frame: Frame
    truth: Float32
    disparities: int


def read_pair(folder: Path, name: str) -> Pair:
    if name == "motorcycle":
        pair = motorcycle_pair()
        frame = Frame(pair.stamp_ns, "left", pair.left, pair.camera, pair.right)
        return Pair(name, frame, pair.camera.disparity_from_depth(pair.depth), 80)
    left, right = (cv2.imread(str(folder / name / f"{side}.png"))[..., ::-1].copy() for side in ("left", "right"))
    truth = cv2.imread(str(folder / name / "disp_left_x64.png"), cv2.IMREAD_UNCHANGED).astype(np.float32) / 64
    truth[truth == 0] = np.nan
    if name == "Aloe":
        size = left.shape[1] // 2, left.shape[0] // 2
        left, right = (cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in (left, right))
        truth = cv2.resize(truth, size, interpolation=cv2.INTER_NEAREST) / 2
    height, width = truth.shape
    focal, offset = _LENS.get(name, _THIRD_SIZE)
    camera = CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2, 0.16, offset)
    return Pair(name, Frame(0, "left", left, camera, right), truth, 128 if name == "Aloe" else 96)
