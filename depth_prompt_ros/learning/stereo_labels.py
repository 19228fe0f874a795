"""Disparity labels for transparent and mirror (ToM) surfaces: stereo where it is believed, elsewhere what must be so.

2307.15052 fits virtual monocular depth to stereo disparity and puts it on ToM surfaces. A small monocular network is
too coarse for that: what stereo sees around each surface says more, and goes first here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_STEP = 256
"""Levels of a pixel of disparity in KITTI's format, which labels are kept in."""

_FEW = 40
_NEAR, _FAR = (0.004, 0.016), (0.045, 0.07)
"""Inner and outer border of the rings around a surface that are looked at, in widths of the picture."""
_FRAMED, _GOES_ON = 0.88, 0.75
_TRIALS = 200


def fit_mono(mono: Float32, stereo: Float32, tom: Mask) -> Float32:
    """``a * mono + b`` closest to stereo disparity in least squares outside ToM (2307.15052), (H, W) float32 pixels.

    Twice repeated without what is wrong by more than 2.5 times the median error [ours]: outliers of either.

    Args:
        mono: (H, W) relative disparity, any scale.
        stereo: (H, W) disparity, pixels, NaN = none.
        tom: (H, W), any value but 0 is ToM.

    Raises:
        BadInput: fewer than 40 pixels to fit to.
    """
    usable = np.isfinite(stereo) & np.isfinite(mono) & (np.asarray(tom) == 0)
    if usable.sum() < _FEW:
        raise BadInput(f"only {int(usable.sum())} pixels with stereo outside ToM: nothing to fit mono depth to")
    low, high = float(mono[usable].min()), float(mono[usable].max())
    relative = (mono - low) / max(high - low, 1e-6)
    x, y = relative[usable].astype(np.float64), stereo[usable].astype(np.float64)
    kept = np.ones(len(x), bool)
    for _ in range(3):
        slope, offset = np.linalg.lstsq(np.stack([x[kept], np.ones(kept.sum())], 1), y[kept], rcond=None)[0]
        error = np.abs(slope * x + offset - y)
        kept = error <= max(2.5 * float(np.median(error)), 1e-3)
    return np.asarray(slope * relative + offset, np.float32)


def merge(
    stereo: Float32, mono: Float32, tom: Mask, parts: NDArray[np.integer] | None = None, anchored: bool = True
) -> Float32:
    """(H, W) float32 disparity to learn, NaN = none: stereo outside ToM, and on each ToM surface what must be so.

    1. The plane of what frames it or what it lies in, where that ends soon beyond it (a window, a mirror) [ours];
    2. Else, where it stands on something that stereo sees, half of the fitted mono relief over its foot [ours];
    3. Else the fitted mono disparity (2307.15052).

    Args:
        stereo: (H, W) disparity, pixels, NaN = none.
        mono: (H, W) virtual relative disparity of the same picture, larger = nearer, any scale.
        tom: (H, W), any value but 0 is ToM.
        parts: (H, W) each thing its own number; what is connected if None.
        anchored: False for 2307.15052's merge: 3 everywhere.

    Raises:
        BadInput: nothing to fit to.
    """
    tom = np.asarray(tom) != 0
    fitted = fit_mono(mono, stereo, tom)
    merged = np.where(tom, fitted, stereo).astype(np.float32)
    if not anchored:
        return merged
    trusted = np.isfinite(stereo) & ~tom
    numbered = np.asarray(
        cv2.connectedComponents(tom.astype(np.uint8))[1] if parts is None else np.where(tom, parts, 0)
    )
    for number in np.unique(numbered[numbered > 0]):
        part = numbered == number
        plane = _plane_around(part, stereo, trusted)
        if plane is None:
            foot = _foot(part, stereo, trusted)
            relief = fitted - np.median(fitted[part])
            plane = None if foot is None else foot + relief / 2
        if plane is not None:
            merged[part] = plane[part]
    return merged


def _plane_around(part: Mask, stereo: Float32, trusted: Mask) -> Float32 | None:
    """(H, W) disparity of the plane that all but few pixels close around the part are on, if it does not go on far."""
    near, far = (_ring(part, *borders) & trusted for borders in (_NEAR, _FAR))
    if near.sum() < _FEW:
        return None
    height, width = part.shape
    y, x = np.mgrid[:height, :width].astype(np.float64) / width
    plane = np.stack([x, y, np.ones_like(x)], 2)
    points, values, tolerance = plane[near], stereo[near].astype(np.float64), 0.002 * width
    chosen = np.random.default_rng(0).integers(0, len(values), (_TRIALS, 3))
    spread = np.abs(np.linalg.det(points[chosen])) > 1e-4
    if not spread.any():
        return None
    candidates = np.linalg.solve(points[chosen[spread]], values[chosen[spread]][..., None])[..., 0]
    best = candidates[(np.abs(candidates @ points.T - values) < tolerance).sum(1).argmax()]
    for _ in range(2):
        fits = np.abs(points @ best - values) < tolerance
        best = np.linalg.lstsq(points[fits], values[fits], rcond=None)[0]
    fits = np.abs(points @ best - values) < tolerance
    goes_on = np.mean(np.abs(plane[far] @ best - stereo[far]) < tolerance) if far.any() else 0.0
    framed = fits.mean() > _FRAMED and goes_on < _GOES_ON
    return np.asarray(plane @ best, np.float32) if framed else None


def _ring(part: Mask, inner: float, outer: float) -> Mask:
    """What is between these distances from the part, in widths of the picture."""
    distance = cv2.distanceTransform((~part).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray((distance > inner * part.shape[1]) & (distance <= outer * part.shape[1]))


def _foot(part: Mask, stereo: Float32, trusted: Mask) -> float | None:
    """Median disparity of what is seen just below the lowest pixels of the part; None where that cannot be seen."""
    height, width = part.shape
    columns = np.flatnonzero(part.any(0))
    lowest = height - 1 - part[::-1, columns].argmax(0)
    at_foot = lowest >= np.percentile(lowest, 60)
    below = lowest[at_foot] + max(2, round(0.0125 * width))
    if below.max() >= height:
        return None
    seen = trusted[below, columns[at_foot]]
    return float(np.median(stereo[below, columns[at_foot]][seen])) if seen.sum() > 3 else None


def write_labels(
    folder: Path, count: int, label: Callable[[int], Float32], report: Callable[[int, int], None] | None = None
) -> None:
    """Write ``NNNNNN.png`` of every pair in KITTI's format: uint16, disparity * 256, 0 = none; those there are kept.

    Raises:
        BadInput: the folder cannot be written, or what ``label`` raises.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(count):
            path = _path(folder, index)
            if not path.is_file():
                levels = np.nan_to_num(np.round(label(index) * _STEP), nan=0)
                aside = path.with_suffix(".part.png")
                if not cv2.imwrite(str(aside), np.clip(levels, 0, 65535).astype(np.uint16)):
                    raise OSError(0, "no room, or no such folder")
                aside.replace(path)
            if report:
                report(index + 1, count)
    except OSError as error:
        raise BadInput(f"cannot write labels to {folder} ({error.strerror}): give another folder") from error


def read_label(folder: Path, index: int) -> Float32:
    """(H, W) float32 disparity in pixels, NaN = none, as :func:`write_labels` wrote it.

    Raises:
        BadInput: missing or damaged.
    """
    levels = cv2.imread(str(_path(folder, index)), cv2.IMREAD_UNCHANGED)
    if levels is None or levels.dtype != np.uint16 or levels.ndim != 2:
        raise BadInput(f"{_path(folder, index)} is no disparity label: delete it and make it again")
    return np.where(levels > 0, levels.astype(np.float32) / _STEP, np.float32(np.nan))


def _path(folder: Path, index: int) -> Path:
    return folder / f"{index:06d}.png"
