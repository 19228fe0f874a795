"""The layouts of published pictures with metric depth, and the part of them that their protocols measure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.picture_file import read_picture, read_png16
from depth_prompt_ros.data.readers.sample import Layout
from depth_prompt_ros.errors import BadInput

NYU_FILE, NYU_SPLITS = "nyu_depth_v2_labeled.mat", "splits.mat"
EIGEN_ROWS, EIGEN_COLUMNS = slice(45, 471), slice(41, 601)
"""What is measured of NYU's 640x480 pictures (1406.2283)."""
GARG = (0.40810811, 0.99189189, 0.03594771, 0.96405229)
"""Top, bottom, left, right of what is measured of KITTI's pictures, shares of height and width (1603.04992)."""
KITTI_SIZE = (352, 1216)
"""Height and width that all of KITTI's pictures are cut to, the bottom in the middle, as the benchmark does."""
_FAR = 1e4


@dataclass(frozen=True, eq=False)
class MetricSample:
    """A picture with its depth.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        depth: (H, W) float32 metres along the optical axis, NaN = unknown, or not measured by the protocol.
    """

    image: NDArray[np.uint8]
    depth: NDArray[np.float32]


@dataclass(frozen=True)
class MetricLayout(Layout[MetricSample]):
    """A layout and the shape of its pictures.

    Attributes:
        width_over_height: of all its pictures.
    """

    width_over_height: float = 4 / 3


def _nyu_samples(folder: Path, part: str) -> list[Path]:
    """``FILE/NUMBER`` of the labelled pictures of one part."""
    file, splits = folder / NYU_FILE, folder / NYU_SPLITS
    if not file.is_file() or not splits.is_file():
        return []
    from scipy.io import loadmat

    try:
        numbers = loadmat(splits)[f"{part}Ndxs"].ravel().astype(int) - 1
    except Exception as error:  # a damaged file raises many kinds
        raise BadInput(f"cannot read {splits}: it is damaged, or has no {part}Ndxs") from error
    return [file / f"{number:04d}" for number in sorted(numbers.tolist())]


@cache
def nyu_file(path: Path) -> Any:
    """The opened HDF5 file of NYU's labelled pictures.

    Raises:
        BadInput: h5py is not installed, or the file is damaged.
    """
    try:
        import h5py
    except ImportError as error:
        raise BadInput(f"{path} is an HDF5 file: pip install h5py") from error
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise BadInput(f"cannot read {path}: it is damaged or not all there") from error


def _read_nyu(path: Path) -> MetricSample:
    """NYU Depth v2, labelled: ``images`` (N, 3, W, H) uint8 and ``depths`` (N, W, H) metres, holes filled by them."""
    stored, number = nyu_file(path.parent), int(path.name)
    try:
        image, depth = np.asarray(stored["images"][number]), np.asarray(stored["depths"][number])
    except (KeyError, OSError, ValueError, IndexError) as error:
        raise BadInput(f"cannot read picture {number} of {path.parent}: {error}") from error
    return _checked(path, np.ascontiguousarray(image.transpose(2, 1, 0)), np.ascontiguousarray(depth.T), 1.0)


def _read_nyu_test(path: Path) -> MetricSample:
    return _only(_read_nyu(path), EIGEN_ROWS, EIGEN_COLUMNS)


def _nyu_png_samples(folder: Path) -> list[Path]:
    return sorted(folder.glob("**/rgb_*.jpg"))


def _read_nyu_png(path: Path) -> MetricSample:
    """NYU's raw pictures as BTS (1907.10326) published them: ``SCENE/rgb_N.jpg``, ``SCENE/sync_depth_N.png`` in mm."""
    number = path.stem.removeprefix("rgb_")
    return _checked(path, read_picture(path), read_png16(path.with_name(f"sync_depth_{number}.png")), 1000.0)


def _kitti_samples(folder: Path) -> list[Path]:
    return sorted(folder.glob("**/proj_depth/groundtruth/image_0[23]/*.png"))


def _read_kitti(path: Path) -> MetricSample:
    """KITTI's annotated depth: ``DRIVE/proj_depth/groundtruth/image_0C/N.png``, metres * 256, 0 = unknown.

    The picture is ``DATE/DRIVE/image_0C/data/N.png`` anywhere beside or above it, as the raw data has it, and both are
    cut to :data:`KITTI_SIZE`.
    """
    return _kitti_cut(_kitti_whole(path))


def _read_kitti_test(path: Path) -> MetricSample:
    whole = _kitti_whole(path)
    height, width = whole.depth.shape
    top, bottom, left, right = (
        int(share * side) for share, side in zip(GARG, (height, height, width, width), strict=True)
    )
    return _kitti_cut(_only(whole, slice(top, bottom), slice(left, right)))


def _kitti_whole(path: Path) -> MetricSample:
    drive, camera = path.parents[3].name, path.parent.name
    below = Path(drive[:10]) / drive / camera / "data" / path.name
    found = next((parent / below for parent in path.parents if (parent / below).is_file()), None)
    if found is None:
        raise BadInput(f"there is no picture {below} above {path}")
    return _checked(path, read_picture(found), read_png16(path), 256.0)


def _kitti_cut(sample: MetricSample) -> MetricSample:
    height, width = sample.depth.shape
    if height < KITTI_SIZE[0] or width < KITTI_SIZE[1]:
        raise BadInput(f"a picture of {width}x{height} is smaller than KITTI's {KITTI_SIZE[1]}x{KITTI_SIZE[0]}")
    top, left = height - KITTI_SIZE[0], (width - KITTI_SIZE[1]) // 2
    window = (slice(top, None), slice(left, left + KITTI_SIZE[1]))
    return MetricSample(np.ascontiguousarray(sample.image[window]), np.ascontiguousarray(sample.depth[window]))


def _only(sample: MetricSample, rows: slice, columns: slice) -> MetricSample:
    depth = np.full_like(sample.depth, np.nan)
    depth[rows, columns] = sample.depth[rows, columns]
    return MetricSample(sample.image, depth)


def _checked(path: Path, image: NDArray[np.uint8], depth: NDArray[Any], divisor: float) -> MetricSample:
    if image.shape[:2] != depth.shape:
        raise BadInput(f"picture and depth of {path} differ in size: {image.shape[:2]} and {depth.shape}")
    metres = depth.astype(np.float32) / np.float32(divisor)
    known = np.isfinite(metres) & (metres > 0) & (metres < _FAR)
    if not known.any():
        raise BadInput(f"{path} has no valid depth")
    return MetricSample(image, np.where(known, metres, np.float32(np.nan)))


_NYU = f"{NYU_FILE} and {NYU_SPLITS}"
_KITTI = "DRIVE/proj_depth/groundtruth/image_02/N.png and DATE/DRIVE/image_02/data/N.png"
_KITTI_SHAPE = KITTI_SIZE[1] / KITTI_SIZE[0]
METRIC_LAYOUTS: dict[str, MetricLayout] = {
    layout.name: layout
    for layout in (
        MetricLayout("nyu-train", _NYU, lambda folder: _nyu_samples(folder, "train"), _read_nyu),
        MetricLayout("nyu-test", _NYU, lambda folder: _nyu_samples(folder, "test"), _read_nyu_test),
        MetricLayout("nyu-png", "SCENE/rgb_N.jpg and SCENE/sync_depth_N.png", _nyu_png_samples, _read_nyu_png),
        MetricLayout("kitti", _KITTI, _kitti_samples, _read_kitti, width_over_height=_KITTI_SHAPE),
        MetricLayout("kitti-test", _KITTI, _kitti_samples, _read_kitti_test, width_over_height=_KITTI_SHAPE),
    )
}
