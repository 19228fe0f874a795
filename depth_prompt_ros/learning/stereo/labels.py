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

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.written_aside import write_picture

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
Plane = NDArray[np.float64]
"""(3,): disparity is ``p[0] * x + p[1] * y + p[2]``, x and y in widths of the picture."""

_STEP = 256
"""Levels of a pixel of disparity in KITTI's format, which labels are kept in."""

_FEW, _FEW_FEET = 40, 4
_NEAR, _FAR = (0.004, 0.016), (0.045, 0.07)
"""Inner and outer border of the rings around a surface that are looked at, in widths of the picture."""
_FRAMED, _GOES_ON, _SUPPORTED = 0.88, 0.75, 0.4
_MOST_RELIEF = 0.6
_TRIALS, _MOST_POINTS = 200, 2000


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
    stereo: Float32,
    mono: Float32,
    tom: Mask,
    camera: CameraModel,
    parts: NDArray[np.integer] | None = None,
    anchored: bool = True,
) -> Float32:
    """(H, W) float32 disparity to learn, NaN = none: stereo outside ToM, and on each ToM surface what must be so.

    1. The plane of what frames it or what it lies in, where that ends soon beyond it (a window, a mirror) [ours].
    2. Else the plane upright on what it stands on, through its foot, where stereo sees that [ours].
    3. Else the fitted mono disparity (2307.15052).

    Args:
        stereo: (H, W) disparity, pixels, NaN = none.
        mono: (H, W) virtual relative disparity of the same picture, larger = nearer, any scale.
        tom: (H, W), any value but 0 is ToM.
        camera: of the picture.
        parts: (H, W) each thing its own number; what is connected if None.
        anchored: False for 2307.15052's merge: 3 everywhere.

    Raises:
        BadInput: nothing to fit to.
    """
    tom = np.asarray(tom) != 0
    merged = np.where(tom, fit_mono(mono, stereo, tom), stereo).astype(np.float32)
    if not anchored:
        return merged
    trusted = np.isfinite(stereo) & ~tom
    if parts is None:
        parts = np.asarray(cv2.connectedComponents(tom.astype(np.uint8))[1])
    numbered = np.where(tom, parts, 0)
    for number in np.unique(numbered[numbered > 0]):
        part = numbered == number
        plane = _plane_around(part, stereo, trusted)
        if plane is None:
            plane = _upright_plane(part, stereo, trusted, camera)
        if plane is not None:
            merged[part] = plane[part]
    return merged


def _plane_around(part: Mask, stereo: Float32, trusted: Mask) -> Float32 | None:
    """(H, W) disparity of the plane that all but few pixels close around the part are on, if it does not go on far."""
    near, far = (_ring(part, *borders) & trusted for borders in (_NEAR, _FAR))
    found = _plane(near, stereo)
    if found is None or found[1] < _FRAMED:
        return None
    plane = _values(found[0], part.shape)
    goes_on = np.abs(plane[far] - stereo[far]) < _tolerance(part) if far.any() else np.zeros(1)
    return plane if np.mean(goes_on) < _GOES_ON else None


def _upright_plane(part: Mask, stereo: Float32, trusted: Mask, camera: CameraModel) -> Float32 | None:
    """(H, W) disparity of the plane at a right angle to the support, through the part's foot.

    Disparity of a plane is ``M . ray``, linear in the pixel's ray (x, y, 1); M of the support and of what is upright on
    it are at right angles. A straight foot says how the plane is turned; else it faces the camera.
    """
    support = _support(part, stereo, trusted)
    x, y, straight = _foot(part)
    below = y + max(2, round(0.0125 * part.shape[1]))
    seen = below < part.shape[0]
    if support is None or np.mean(seen) < 0.5:
        return None
    x, y, below = x[seen], y[seen], below[seen]
    seen = trusted[below, x]
    if seen.sum() < _FEW_FEET:
        return None
    x, y, below = x[seen], y[seen], below[seen]
    width = part.shape[1]
    on_support, seen_below = _values(support, part.shape), stereo[below, x]
    # A frame below a pane is in the pane's own plane; the support goes on below and is where it stands at its foot.
    rests = np.abs(seen_below - on_support[below, x]) < 1.5 * _tolerance(part)
    foot = np.where(rests, on_support[y, x], seen_below) + camera.cx_offset
    rays = np.stack([(x - camera.cx) / camera.fx, (y + 0.5 - camera.cy) / camera.fy, np.ones(len(x))], 1)
    sideways, down, offset = support / width
    normal = np.array([sideways * camera.fx, down * camera.fy, 0.0])
    normal[2] = offset * width + camera.cx_offset + sideways * camera.cx + down * camera.cy
    facing = np.array([[np.sqrt((1e-3 if straight else 1.0) * len(x)), 0, 0]])
    rows = np.concatenate([rays, 1e3 * normal[None] / np.linalg.norm(normal), facing])
    upright = np.linalg.lstsq(rows, np.concatenate([foot, [0.0, 0.0]]), rcond=None)[0]
    v, u = np.mgrid[: part.shape[0], :width]
    plane = upright[0] * (u - camera.cx) / camera.fx + upright[1] * (v - camera.cy) / camera.fy + upright[2]
    plane = (plane - camera.cx_offset).astype(np.float32)
    if np.ptp(plane[part]) > _MOST_RELIEF * float(np.median(foot)):
        return None
    return plane


def _support(part: Mask, stereo: Float32, trusted: Mask) -> Plane | None:
    """The plane that most of what is around and below the part's lower end is on, if it comes nearer downwards."""
    width = part.shape[1]
    rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
    around = np.zeros_like(part)
    top, left = max(0, rows[-1] - round(0.05 * width)), max(0, columns[0] - round(0.1 * width))
    around[top : rows[-1] + round(0.2 * width), left : columns[-1] + round(0.1 * width)] = True
    found = _plane(around & trusted, stereo)
    return found[0] if found is not None and found[1] > _SUPPORTED and found[0][1] > 0 else None


def _foot(part: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
    """Columns and rows of the lower border, and whether it is one straight line; if not, its lowest pixels alone."""
    columns = np.flatnonzero(part.any(0))
    lowest = part.shape[0] - 1 - part[::-1, columns].argmax(0)
    line, kept = np.stack([columns, np.ones(len(columns))], 1), np.ones(len(columns), bool)
    for _ in range(4):
        error = np.abs(lowest - line @ np.linalg.lstsq(line[kept], lowest[kept], rcond=None)[0])
        kept = error <= max(1.5, 1.5 * float(np.median(error)))
    on_line = error < 2
    straight = bool(on_line.mean() > 0.75 and len(columns) > 0.12 * part.shape[1])
    used = on_line if straight else lowest >= np.percentile(lowest, 60)
    return columns[used], lowest[used], straight


def _plane(pixels: Mask, stereo: Float32) -> tuple[Plane, float] | None:
    """The plane that most of these pixels are on, and their share; None for few pixels (RANSAC, seeded)."""
    if pixels.sum() < _FEW:
        return None
    rng, width = np.random.default_rng(0), pixels.shape[1]
    y, x = np.nonzero(pixels)
    if len(x) > _MOST_POINTS:
        y, x = (each[np.linspace(0, len(each) - 1, _MOST_POINTS).astype(int)] for each in (y, x))
    points, values = np.stack([x / width, y / width, np.ones(len(x))], 1), stereo[y, x].astype(np.float64)
    chosen = rng.integers(0, len(values), (_TRIALS, 3))
    spread = np.abs(np.linalg.det(points[chosen])) > 1e-4
    if not spread.any():
        return None
    candidates = np.linalg.solve(points[chosen[spread]], values[chosen[spread]][..., None])[..., 0]
    best = candidates[(np.abs(candidates @ points.T - values) < _tolerance(pixels)).sum(1).argmax()]
    for _ in range(2):
        fits = np.abs(points @ best - values) < _tolerance(pixels)
        best = np.linalg.lstsq(points[fits], values[fits], rcond=None)[0]
    return best, float(np.mean(np.abs(points @ best - values) < _tolerance(pixels)))


def _values(plane: Plane, shape: tuple[int, ...]) -> Float32:
    y, x = np.mgrid[: shape[0], : shape[1]] / shape[1]
    return np.asarray(plane[0] * x + plane[1] * y + plane[2], np.float32)


def _tolerance(picture: Mask) -> float:
    """How far from a plane a pixel may be, pixels of disparity."""
    return 0.002 * picture.shape[1]


def _ring(part: Mask, inner: float, outer: float) -> Mask:
    """What is between these distances from the part, in widths of the picture."""
    distance = cv2.distanceTransform((~part).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray((distance > inner * part.shape[1]) & (distance <= outer * part.shape[1]))


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
                write_picture(path, np.clip(levels, 0, 65535).astype(np.uint16))
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
