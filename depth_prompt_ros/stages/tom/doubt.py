"""Whether what is measured in a ToM region is a surface after all: a picture of a glass is flat, and stereo sees it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.stages.least_squares import least_squares
from depth_prompt_ros.stages.median import median
from depth_prompt_ros.stages.tom.surroundings import Coarse, Surrounded

Mask = NDArray[np.bool_]

_RIM = 0.03
_RING, _WIDER = 0.25, 0.5
_DEEPER = 0.8
_STANDS_OUT = 0.015
_AS_DENSE = 0.9
_FLAT_DENSITY, _FLAT_SHARE, _FLAT_BEHIND = 0.6, 0.65, 0.35
_DENSITY, _BEHIND = 0.75, 0.15
_ON_PLANE = 0.01
_NOISE_PIXELS = 0.3
_FEW = 20


def measured_surface(camera: CameraModel, surrounded: Surrounded, around: Coarse, certain: bool) -> bool:
    """Whether to believe the measurement in a region that a mask calls ToM.

    Light that comes through glass or from a mirror was last at something behind, bent, mixed with other light: its
    matches are patchy and far behind the surface. So a measurement is believed that is nearly as dense as the one
    around the region, and

    * lies on one plane (65 % within 1 % or 0.3 px), not more than 35 % behind the painted picture's shape: a poster, a
      photograph, a label; or
    * covers 75 % of the region and is not more than 15 % behind that shape: glossy ware.

    On a target, what does not stand out of the plane around it is not believed: it is seen through the target. On no
    target, and unless the mask is certain, only what is deeper than all that is around is not believed: a mirror. An
    empty frame and one with clean glass measure the same, and a patterned box is easily taken for chrome.
    The limits were chosen on rendered glass, mirrors and traps of the generators that are learned from.

    Args:
        certain: masks come from outside, where somebody knows.
    """
    size = float(np.sqrt(surrounded.mask.sum()))
    reach = 2 * max(1, round(_RIM * size)) + 1
    inner = cv2.erode(surrounded.mask.view(np.uint8), np.ones((reach, reach), np.uint8)).view(np.bool_)
    inner = inner if np.count_nonzero(inner) >= _FEW else surrounded.mask
    measured = inner & (around.trusted > 0)
    count = int(np.count_nonzero(measured))
    if count < _FEW:
        return False
    density = count / int(np.count_nonzero(inner))
    away = cv2.distanceTransform((~surrounded.mask).view(np.uint8), cv2.DIST_L2, 3)
    outside = (away > reach // 2) & ~around.tom
    if surrounded.target.label == 0 and not certain:
        beside = outside & (away < max(_WIDER * size, reach)) & (around.trusted > 0)
        deepest = float(np.quantile(around.trusted[beside], 0.1)) if beside.any() else np.inf
        return median(around.trusted[measured]) > _DEEPER * deepest
    ring = outside & (away < max(_RING * size, reach))
    beside = ring & (around.trusted > 0)
    ring_density = int(np.count_nonzero(beside)) / max(int(np.count_nonzero(ring)), 1)
    if density < max(_FLAT_DENSITY, _AS_DENSE * ring_density) or not surrounded.fitted.all():
        return False
    if (
        surrounded.target.label > 0
        and np.count_nonzero(beside) >= _FEW
        and _beyond_plane(camera, around, beside, measured)[1] < _STANDS_OUT
    ):
        return False
    in_front = median(around.trusted[measured] / surrounded.fitted[measured]) - 1
    if density > _DENSITY and in_front > -_BEHIND:
        return True
    return in_front > -_FLAT_BEHIND and _beyond_plane(camera, around, measured, measured)[0] > _FLAT_SHARE


def _beyond_plane(camera: CameraModel, around: Coarse, fitted: Mask, where: Mask) -> tuple[float, float]:
    """Of ``where``, against the plane of most of ``fitted``: share on it, median relative inverse depth over it."""
    y, x = np.nonzero(fitted)
    design, values = _design(x, y, where.shape), around.trusted[fitted].astype(np.float64)
    weight: NDArray[np.float64] = np.ones(len(x))
    for _ in range(8):
        plane = least_squares(design, values, weight)
        weight = 1 / (1 + (np.abs(plane @ design - values) / _allowed(camera, values)) ** 2)
    y, x = np.nonzero(where)
    values = around.trusted[where].astype(np.float64)
    nearer = values - plane @ _design(x, y, where.shape)
    return float(np.mean(np.abs(nearer) < _allowed(camera, values))), median(nearer / values)


def _design(x: NDArray[np.intp], y: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.stack([x / shape[1], y / shape[0], np.ones(len(x))])


def _allowed(camera: CameraModel, values: NDArray[np.float64]) -> NDArray[np.float64]:
    noise = _NOISE_PIXELS / (camera.fx * camera.baseline) if camera.baseline > 0 else 0.0
    return np.maximum(_ON_PLANE * values, noise)
