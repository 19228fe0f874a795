"""Depth cameras over tables: TransCG, GraspNet-1Billion, HAMMER; each picture a second apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.layouts.write import FRAME_ID, SECOND, LayoutFrame, read_depth
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.picture_file import read_picture, read_unchanged
from depth_prompt_ros.data.readers.sample import read_json, read_matrix
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame

_MM = 1000.0
_TRANSCG = {"D435": (1, _MM, "1-camIntrinsics-D435.npy"), "L515": (2, 4000.0, "2-camIntrinsics-L515.npy")}
"""Number in file names, counts of a metre, intrinsics; as the data set's own loader has them."""


def read_transcg(folder: Path, camera: str) -> Iterator[LayoutFrame]:
    """TransCG (2202.08471): ``sceneN/VIEW/{rgb,depth}C.png``, ``depthC-gt.png``, ``depthC-gt-mask.png``, C the camera.

    ``camera_intrinsics`` in the folder or above it; of views that ``sceneN/metadata.json`` calls invalid none is read.
    The mask is of the transparent things. Counts of a metre: D435 1000, L515 4000.

    Args:
        folder: the data set, or one scene of it.
        camera: "D435" or "L515".
    """
    number, counts, name = _TRANSCG[camera]
    views = sorted(folder.rglob(f"rgb{number}.png"), key=lambda path: _natural(path.parent))
    K = _matrix(_above(folder, f"camera_intrinsics/{name}"))
    kept = [path.parent for path in views if _valid(path.parent, camera)]

    def read(view: Path) -> LayoutFrame:
        image, depth = read_picture(view / f"rgb{number}.png"), read_depth(view / f"depth{number}.png", counts)
        tom = _labels(view / f"depth{number}-gt-mask.png") > 0
        truth = read_depth(view / f"depth{number}-gt.png", counts)
        return LayoutFrame(Frame(0, FRAME_ID, image, _camera(image, K), depth=depth, tom=tom), truth)

    return _numbered(kept, read, f"{folder} is no TransCG: it has no sceneN/VIEW/rgb{number}.png of the {camera}")


def read_graspnet(folder: Path, camera: str) -> Iterator[LayoutFrame]:
    """GraspNet-1Billion: ``scene_NNNN/CAMERA/{rgb,depth,label}/NNNN.png`` and ``camK.npy``; depth in mm, no true depth.

    Labels are the objects' numbers from 1 on, 0 is background.

    Args:
        folder: the data set, its ``scenes``, or one scene of it.
        camera: "realsense" or "kinect".
    """

    def read(path: Path) -> LayoutFrame:
        view = path.parents[1]
        image, depth = read_picture(path), read_depth(view / "depth" / path.name, _MM)
        labels = _labels(view / "label" / path.name)
        model = _camera(image, _matrix(view / "camK.npy"))
        return LayoutFrame(Frame(0, FRAME_ID, image, model, depth=depth, labels=labels))

    pictures = sorted(folder.rglob(f"{camera}/rgb/*.png"))
    return _numbered(pictures, read, f"{folder} is no GraspNet-1Billion: it has no scene_NNNN/{camera}/rgb/NNNN.png")


def read_hammer(folder: Path, camera: str) -> Iterator[LayoutFrame]:
    """HAMMER (2303.14840): ``SEQUENCE/polarization/{rgb,depth_CAMERA,_gt}/N.png`` and ``intrinsics.txt``; mm.

    Args:
        folder: the data set, or one sequence of it.
        camera: "d435" (active stereo), "l515" (direct time of flight) or "tof" (indirect), warped to the picture.
    """

    def read(path: Path) -> LayoutFrame:
        view = path.parents[1]
        image, depth = read_picture(path), read_depth(view / f"depth_{camera}" / path.name, _MM)
        model = _camera(image, _matrix(view / "intrinsics.txt"))
        return LayoutFrame(Frame(0, FRAME_ID, image, model, depth=depth), read_depth(view / "_gt" / path.name, _MM))

    pictures = sorted(folder.rglob("polarization/rgb/*.png"), key=_natural)
    return _numbered(pictures, read, f"{folder} is no HAMMER: it has no SEQUENCE/polarization/rgb/N.png")


def _numbered(paths: list[Path], read: Callable[[Path], LayoutFrame], missing: str) -> Iterator[LayoutFrame]:
    """What is read of each, stamped 1, 2, ... seconds; raises BadInput with ``missing`` if there is none."""
    if not paths:
        raise BadInput(missing)
    for number, path in enumerate(paths, 1):
        found = read(path)
        yield LayoutFrame(replace(found.frame, stamp_ns=number * SECOND), found.truth, str(path))


def _natural(path: Path) -> list[tuple[str, int]]:
    """The order of names with numbers: scene2 before scene10."""
    words = [(part.rstrip("0123456789"), part) for part in path.with_suffix("").parts]
    return [(word, int(part[len(word) :] or 0)) for word, part in words]


def _valid(view: Path, camera: str) -> bool:
    """Whether the scene's metadata list the view; all are valid where there are no metadata."""
    path = view.parent / "metadata.json"
    listed = read_json(path).get(f"{camera}_valid_perspective_list") if path.is_file() else None
    return not isinstance(listed, list) or view.name in {str(each) for each in listed}


def _above(folder: Path, name: str) -> Path:
    resolved = folder.resolve()
    return next((each / name for each in [resolved, *resolved.parents] if (each / name).is_file()), folder / name)


def _matrix(path: Path) -> NDArray[np.float64]:
    load = partial(np.load, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt
    try:
        return read_matrix(load(path), path)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"there is no camera file {path}, or it holds no 3x3 matrix") from error


def _camera(image: NDArray[np.uint8], intrinsics: NDArray[np.float64]) -> CameraModel:
    return CameraModel(image.shape[1], image.shape[0], *(float(each) for each in intrinsics))


def _labels(path: Path) -> NDArray[np.uint16]:
    found = read_unchanged(path, "the labels")
    return np.asarray(found if found.ndim == 2 else found[..., 0], np.uint16)
