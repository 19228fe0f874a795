"""Real scenes in a plain layout: a folder each with a picture, depth or a right picture, and what is known of it.

- ``image.png`` or ``image.jpg``: the (left) picture.
- ``camera.json``: ``{"fx", "fy", "cx", "cy"}`` in pixels; of pairs also ``"baseline"`` in metres and, where the
  principal points of the eyes differ, ``"cx_offset"``, cx right - cx left.
- ``depth.png``: 16-bit millimetres, 0 = nothing, aligned to the picture; or ``depth.npy``, float metres.
- ``right.png`` or ``right.jpg``, in place of a depth: the right picture of a rectified pair.
- ``boxes.json``: ``[[x0, y0, x1, y1], ...]``, pixels around each thing, x0 < x1 and y0 < y1.
- ``labels.png``: 8 or 16 bits, 0 = no thing, each thing its own number.
- ``tom.png``: transparent or mirror pixels, any value but 0; all 0: there are none.
- ``classes.json``: ``{"1": "bowl", ...}``, what things are, by their numbers in ``labels.png`` or, without it, by their
  boxes' places in ``boxes.json``, counted from 1; null: it is left out where things are hidden.
- ``truth.png`` or ``truth.npy``: the true depth, as ``depth``.

Picture and camera are needed, and depth or a right picture; the rest is used where it is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.picture_file import read_picture, read_png16, read_unchanged
from depth_prompt_ros.data.readers.cleargrasp import label_objects
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import Frame

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RealScene:
    """One real scene.

    Attributes:
        name: of its folder.
        image: (H, W, 3) uint8 RGB.
        camera: of the picture; with the baseline of a pair.
        depth: (H, W) float32 metres, NaN = nothing; all NaN where there is a right picture instead.
        right: (H, W, 3) uint8 RGB of a pair.
        boxes: (N, 4) float32 x0, y0, x1, y1 of every thing.
        labels: (H, W) uint16.
        tom: (H, W) bool.
        truth: (H, W) float32 metres, NaN = unknown.
        classes: names of what things are, by number; None: to be left out where things are hidden.
    """

    name: str
    image: NDArray[np.uint8]
    camera: CameraModel
    depth: Float32
    right: NDArray[np.uint8] | None = None
    boxes: Float32 | None = None
    labels: NDArray[np.uint16] | None = None
    tom: NDArray[np.bool_] | None = None
    truth: Float32 | None = None
    classes: Mapping[int, str | None] = field(default_factory=dict)

    @property
    def things(self) -> NDArray[np.uint16] | None:
        """(H, W) uint16 labels; without ``labels.png`` the connected parts of ``tom.png``; None: neither says any."""
        if self.labels is not None:
            return self.labels
        return label_objects(self.tom) if self.tom is not None and self.tom.any() else None

    def frame(self, labels: bool = False, tom: bool = False) -> Frame:
        """The input of the pipeline; with its things and ToM mask as somebody would give them from outside."""
        return Frame(
            0, "camera", self.image, self.camera, self.right, None if self.right is not None else self.depth,
            self.things if labels else None, self.tom if tom else None,
        )  # fmt: skip


def list_scenes(folder: Path) -> list[Path]:
    """The scenes' folders below ``folder``, sorted, or ``folder`` itself if it is one.

    Raises:
        BadInput: there is none.
    """
    found = sorted(path.parent for path in folder.rglob("camera.json"))
    if not found:
        raise BadInput(f"{folder} holds no scene: expected SCENE/camera.json, SCENE/image.png and SCENE/depth.png")
    return found


def read_scene(folder: Path) -> RealScene:
    """The scene in ``folder``, in the layout above.

    Raises:
        BadInput: what is needed is missing or unreadable, or sizes differ; the message names the file.
    """
    image = _picture(folder, "image")
    if image is None:
        raise BadInput(f"{folder} has no image.png or image.jpg")
    height, width = image.shape[:2]
    camera = _camera(folder / "camera.json", width, height)
    right, depth = _picture(folder, "right"), _metres(folder, "depth")
    if right is None and depth is None:
        raise BadInput(f"{folder} has neither depth.png, depth.npy nor right.png")
    if right is not None and camera.baseline <= 0:
        raise BadInput(f"{folder / 'camera.json'} has no baseline: a pair needs it, in metres")
    boxes, labels, tom = _boxes(folder / "boxes.json"), _mask(folder / "labels.png"), _mask(folder / "tom.png")
    truth = _metres(folder, "truth")
    planes = {"right": right, "depth": depth, "labels": labels, "tom": tom, "truth": truth}
    for name, plane in planes.items():
        if plane is not None and plane.shape[:2] != (height, width):
            raise BadInput(f"{folder}: {name} is {plane.shape[1]}x{plane.shape[0]} but the picture is {width}x{height}")
    return RealScene(
        folder.name, image, camera, np.full((height, width), np.nan, np.float32) if depth is None else depth, right,
        boxes, None if labels is None else labels.astype(np.uint16), None if tom is None else tom > 0, truth,
        _classes(folder / "classes.json"),
    )  # fmt: skip


def _picture(folder: Path, name: str) -> NDArray[np.uint8] | None:
    for path in (folder / f"{name}.png", folder / f"{name}.jpg"):
        if path.is_file():
            return read_picture(path)
    return None


def _metres(folder: Path, name: str) -> Float32 | None:
    array, picture = folder / f"{name}.npy", folder / f"{name}.png"
    if array.is_file():
        try:
            depth = np.load(array).astype(np.float32)
        except (OSError, ValueError, TypeError, EOFError) as error:
            raise BadInput(f"cannot read {array}: {error}") from error
    elif picture.is_file():
        depth = read_png16(picture).astype(np.float32) / 1000
    else:
        return None
    if depth.ndim != 2:
        raise BadInput(f"{array} has the shape {depth.shape}, expected height x width")
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(np.nan)).astype(np.float32)


def _mask(path: Path) -> NDArray[np.uint16] | None:
    if not path.is_file():
        return None
    read = read_unchanged(path, "the mask")
    if read.ndim != 2:
        raise BadInput(f"{path} is no picture of one channel")
    return np.asarray(read, np.uint16)


def _boxes(path: Path) -> Float32 | None:
    if not path.is_file():
        return None
    try:
        boxes = np.asarray(json.loads(path.read_text()), np.float32)
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{path} is no list of [x0, y0, x1, y1]: {error}") from error
    if not boxes.size:
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise BadInput(f"{path} is no list of [x0, y0, x1, y1]: its shape is {boxes.shape}")
    empty = ~((boxes[:, 0] < boxes[:, 2]) & (boxes[:, 1] < boxes[:, 3]) & np.isfinite(boxes).all(1))
    if empty.any():
        raise BadInput(f"{path} has the box {boxes[empty][0].tolist()}: boxes are [x0, y0, x1, y1], x0 < x1, y0 < y1")
    return boxes


def _classes(path: Path) -> dict[int, str | None]:
    if not path.is_file():
        return {}
    try:
        said = json.loads(path.read_text()).items()
        return {int(number): None if name is None else str(name) for number, name in said}
    except (OSError, ValueError, AttributeError) as error:
        raise BadInput(f'{path} does not say what things are, {{"1": "bowl", ...}}: {error}') from error


def _camera(path: Path, width: int, height: int) -> CameraModel:
    try:
        said = json.loads(path.read_text())
        values = {name: float(said[name]) for name in ("fx", "fy", "cx", "cy")}
        more = {name: float(said[name]) for name in ("baseline", "cx_offset") if name in said}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadInput(f"{path} does not say fx, fy, cx and cy in pixels ({error})") from error
    if not all(np.isfinite([*values.values(), *more.values()])) or min(values["fx"], values["fy"]) <= 0:
        raise BadInput(f"{path} has a focal length that is not positive, or a value that is not finite")
    return CameraModel(width, height, **values, **more)
