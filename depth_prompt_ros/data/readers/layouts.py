"""The layouts of published object data sets; where facts come from, and what is assumed.

What 2306.05428 learned from and tested on is read as its published code reads it: ABO, HM3D-ABO, HNDR and Nerfies. That
code is silent on two things: their depth is taken for metres, and pixel centres are taken to be at whole coordinates of
their camera matrices [assumed]. Neither changes an error that is up to scale by more than half a pixel's slant.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.picture_file import read_mask, read_picture, read_unchanged
from depth_prompt_ros.data.readers.exr import read_exr
from depth_prompt_ros.data.readers.sample import (
    FAR,
    Layout,
    Sample,
    Square,
    read_array_if_there,
    read_arrays,
    read_json,
    read_matrix,
)
from depth_prompt_ros.data.readers.splits import abo_split, hm3d_split
from depth_prompt_ros.data.sets.surface import normals_of
from depth_prompt_ros.errors import BadInput

_LEAST_FOREGROUND = 0.05
"""Share of a picture of Nerfies; with less, the published code leaves it out."""


def _abo_samples(folder: Path) -> list[Path]:
    found = folder.glob("**/render/*/render_*.jpg")
    return sorted((path for path in found if path.stem.removeprefix("render_").isdecimal()), key=_by_number)


def _read_abo(path: Path) -> Sample:
    """ABO renders: ``OBJECT/render/SCENE/render_K.jpg``, ``OBJECT/depth/depth_K.exr``, ``OBJECT/metadata.json``.

    Depth is along the axis, the object is where something was hit; ``views[K]["K"]`` is the camera, or that of
    the first view, which all share. True normals are the published ones, ``OBJECT/normal/normal_K.png``, x right, y up,
    z towards the camera, where there are any.
    """
    thing, number = path.parents[2], int(path.stem.removeprefix("render_"))
    depth = read_exr(thing / "depth" / f"depth_{number}.exr")
    where = thing / "metadata.json"
    try:
        views = read_json(where)["views"]
        matrix = views[number if number < len(views) else 0]["K"]
    except (KeyError, IndexError, TypeError) as error:
        raise BadInput(f"{where} has no list of views, each with a camera matrix K") from error
    mask = np.isfinite(depth) & (depth < FAR)
    drawn = thing / "normal" / f"normal_{number}.png"
    normals = _drawn_normals(drawn, mask) if drawn.is_file() else None
    return _of(path, depth, mask, read_matrix(matrix, where), normals)


def _drawn_normals(path: Path, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(H, W, 3) float32 of length 1 in the mask: y down, z forward, of a picture with y up and z to the camera."""
    colours = read_picture(path)
    if colours.shape[:2] != mask.shape:
        raise BadInput(f"normals {path} are {colours.shape[:2]}, the picture's mask is {mask.shape}")
    vectors = (colours.astype(np.float32) / 127.5 - 1) * np.array([1, -1, -1], np.float32)
    return np.where(mask[..., None], vectors / np.linalg.norm(vectors, axis=2, keepdims=True).clip(1e-6), np.float32(0))


def _hm3d_samples(folder: Path) -> list[Path]:
    return sorted((folder / "scenes").glob("*/rgb/*.jpg"))


def _read_hm3d(path: Path) -> Sample:
    """HM3D-ABO: ``scenes/SCENE/{rgb/*.jpg,depth/*.exr,mask/*.png,intrinsic.txt}``; the object is 255 in the mask.

    The square is in the middle.
    """
    scene = path.parents[1]
    matrix = scene / "intrinsic.txt"
    try:
        values = np.loadtxt(matrix)
    except (OSError, ValueError) as error:
        raise BadInput(f"there is no camera file {matrix}, or it holds no numbers") from error
    depth = read_exr(scene / "depth" / f"{path.stem}.exr")
    mask = read_mask(scene / "mask" / f"{path.stem}.png", level=255)
    return _of(path, depth, mask, read_matrix(values, matrix), square="middle")


def _gso_samples(folder: Path) -> list[Path]:
    return sorted(folder.glob("**/rgba_*.png"))


def _read_gso(path: Path) -> Sample:
    """Google Scanned Objects rendered by Kubric: ``{rgba,segmentation}_N.png``, ``depth_N.tiff``, ``metadata.json``.

    There is no one published set of renders with depth; Kubric's own output is taken [assumed]. Its depth is the
    distance to the camera's centre, here turned into depth along the axis. Segments are colours of a palette, nothing
    is its first, black; the object is the largest segment [ours].
    The camera: ``camera.focal_length`` and ``camera.sensor_width``, in the same unit, principal point in the middle
    [assumed].
    """
    number = path.stem.removeprefix("rgba_")
    camera = read_json(path.with_name("metadata.json")).get("camera", {})
    image = read_picture(path)
    height, width = image.shape[:2]
    try:
        focal = width * float(camera["focal_length"]) / float(camera["sensor_width"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise BadInput(f"{path.with_name('metadata.json')} has no camera focal_length and sensor_width") from error
    distance = np.asarray(read_unchanged(path.with_name(f"depth_{number}.tiff"), "depth"), np.float32)
    mask = _largest(read_unchanged(path.with_name(f"segmentation_{number}.png"), "mask"))
    if distance.shape[:2] != (height, width):
        raise BadInput(f"depth and picture of {path} differ in size: {distance.shape[:2]} and {(height, width)}")
    x = (np.arange(width) - (width - 1) / 2) / focal
    y = (np.arange(height)[:, None] - (height - 1) / 2) / focal
    depth = (distance.reshape(height, width) / np.sqrt(x**2 + y**2 + 1)).astype(np.float32)
    return _of(path, depth, mask, np.array([focal, focal, (width - 1) / 2, (height - 1) / 2]))


def _hndr_samples(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.npz"))


def _read_hndr(path: Path) -> Sample:
    """HNDR, ten hand-held phone scenes, as 2306.05428 computed them: one ``SCENE.npz`` each, or ``SCENE_zero_pad.npz``.

    Arrays: image (3, H, W) uint8, refined_depth, foreground_mask (H, W), intrinsics (3, 3), and lidar_depth (H, W),
    which the true normals are of where it is there. The raw bundles hold pickles and a network of their own, which are
    not read. Pictures are padded to squares; one that is square already was padded by the published code, which gives
    both coordinates of the principal point the narrow side's, and keeps its camera.
    """
    image, depth, mask, matrix = read_arrays(path, ("image", "refined_depth", "foreground_mask", "intrinsics"))
    picture = np.ascontiguousarray(np.moveaxis(image, 0, -1), np.uint8)
    intrinsics = read_matrix(matrix, path)
    lidar = read_array_if_there(path, "lidar_depth")
    normals = None if lidar is None else normals_of(lidar.astype(np.float32), intrinsics)
    return _checked(path, picture, depth.astype(np.float32), mask > 0, intrinsics, normals, "padded")


def _nerfies_samples(folder: Path) -> list[Path]:
    return sorted((folder / "nerfies_depths").glob("*/*.npz"))


def _read_nerfies(path: Path) -> Sample:
    """Nerfies with depth as 2306.05428 rendered it: ``nerfies_depths/SCENE/N.npz`` and the same foreground below.

    Arrays: rgb (3, H, W) in [0, 1], depth (H, W), K (3, 3); ``nerfies_foreground_segmentations/SCENE/N.npz`` (the
    published code makes it with one more s at the folder's end, which is found, too):
    foreground (H, W). The captures themselves hold no depth; it is in the scene's own unit, taken for metres [assumed].
    The square is in the middle; pictures with at most 5 % of foreground are left out.
    """
    image, depth, matrix = read_arrays(path, ("rgb", "depth", "K"))
    masks = path.parents[2] / "nerfies_foreground_segmentations" / path.parent.name / path.name
    if not masks.is_file():
        masks = path.parents[2] / "nerfies_foreground_segmentationss" / path.parent.name / path.name
    (mask,) = read_arrays(masks, ("foreground",))
    if np.mean(mask > 0) <= _LEAST_FOREGROUND:
        raise BadInput(f"at most 5 % of {path} is foreground")
    picture = np.ascontiguousarray(np.moveaxis(255 * np.clip(image, 0, 1) + 0.5, 0, -1).astype(np.uint8))
    return _checked(path, picture, depth.astype(np.float32), mask > 0, read_matrix(matrix, path), square="middle")


LAYOUTS: dict[str, Layout[Sample]] = {
    layout.name: layout
    for layout in (
        Layout("abo", "OBJECT/render/SCENE/render_K.jpg", _abo_samples, _read_abo, split_of=abo_split),
        Layout("hm3d-abo", "scenes/SCENE/rgb/*.jpg", _hm3d_samples, _read_hm3d, split_of=hm3d_split),
        Layout("gso", "rgba_N.png, as Kubric writes them", _gso_samples, _read_gso),
        Layout("hndr", "SCENE.npz", _hndr_samples, _read_hndr),
        Layout("nerfies", "nerfies_depths/SCENE/N.npz", _nerfies_samples, _read_nerfies),
    )
}


def _largest(segments: NDArray[np.generic]) -> NDArray[np.bool_]:
    """(H, W) bool, the largest segment that is not 0; segments are numbers, or colours, which OpenCV makes of them."""
    planes = segments.reshape(*segments.shape[:2], -1).astype(np.int64)[..., :3]
    codes = (planes << 16 * np.arange(planes.shape[-1])).sum(-1)
    values, counts = np.unique(codes[codes > 0], return_counts=True)
    return np.asarray(codes == values[counts.argmax()]) if len(values) else np.zeros(codes.shape, bool)


def _of(
    path: Path,
    depth: NDArray[np.float32],
    mask: NDArray[np.bool_],
    intrinsics: NDArray[np.float64],
    normals: NDArray[np.float32] | None = None,
    square: Square = "object",
) -> Sample:
    return _checked(path, read_picture(path), depth, mask, intrinsics, normals, square)


def _checked(
    path: Path,
    image: NDArray[np.uint8],
    depth: NDArray[np.float32],
    mask: NDArray[np.bool_],
    intrinsics: NDArray[np.float64],
    normals: NDArray[np.float32] | None = None,
    square: Square = "object",
) -> Sample:
    """One size, a mask with an object, depth on it; raises BadInput otherwise.

    Without normals of its own a sample has those of its depth, at the depth's own size.
    """
    if not image.shape[:2] == depth.shape == mask.shape:
        raise BadInput(
            f"picture, depth and mask of {path} differ in size: {image.shape[:2]}, {depth.shape} and {mask.shape}"
        )
    known = np.where(np.isfinite(depth) & (depth > 0) & (depth < FAR), depth, np.float32(np.nan))
    if not mask.any():
        raise BadInput(f"the mask of {path} is empty")
    if not np.isfinite(known[mask]).any():
        raise BadInput(f"{path} has no valid depth on its object")
    if normals is not None and normals.shape != image.shape:
        raise BadInput(f"picture and normals of {path} differ in size: {image.shape} and {normals.shape}")
    known = known.astype(np.float32)
    normals = normals_of(known, intrinsics) if normals is None else normals
    return Sample(image, known, mask, intrinsics, normals, square)


def _by_number(path: Path) -> tuple[str, int]:
    return str(path.parent), int(path.stem.removeprefix("render_"))
