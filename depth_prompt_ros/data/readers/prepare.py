"""From a published data set to a picture set: cut to a square, resize, keep the camera in step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from depth_prompt_ros.data.picture_set import PictureSet, open_or_make
from depth_prompt_ros.data.readers.layouts import LAYOUTS
from depth_prompt_ros.data.readers.sample import Sample
from depth_prompt_ros.errors import BadInput


@dataclass(frozen=True)
class Prepared:
    """A prepared set.

    Attributes:
        pictures: the set.
        skipped: reasons why samples were left out, with how often.
    """

    pictures: PictureSet
    skipped: dict[str, int]


def prepare(
    layout: str, folder: Path, out: Path, size: int, limit: int = 0, done: Callable[[int, int], None] | None = None
) -> Prepared:
    """Read every usable sample, cut the square around its object, resize it and write the set.

    Args:
        layout: name of the layout.
        size: side of the pictures.
        limit: at most so many samples, spread over the data set; 0 = all.
        done: called with samples looked at, and in all.

    Raises:
        BadInput: no such layout, a folder of another layout, no usable sample, or the set cannot be written.
    """
    if layout not in LAYOUTS:
        raise BadInput(f"no layout named {layout!r}; there are: {', '.join(LAYOUTS)}")
    reader = LAYOUTS[layout]
    paths = reader.samples(folder) if folder.is_dir() else []
    if not paths:
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) if folder.is_dir() else "no folder"
        raise BadInput(f"{folder} is not {layout}: expected {reader.expects}, found {found or 'nothing'}")
    if limit and limit < len(paths):
        paths = [paths[index] for index in np.linspace(0, len(paths) - 1, limit).astype(int)]
    usable, reasons = [], Counter[str]()
    for number, path in enumerate(paths, start=1):
        try:
            reader.read(path)
            usable.append(path)
        except BadInput as error:
            reasons[_reason(str(error), path)] += 1
            last = error
        if done:
            done(number, len(paths))
    if not usable:
        raise BadInput(f"none of the {len(paths)} samples in {folder} can be used; the last: {last}")

    def fill(aside: Path) -> None:
        pictures = PictureSet.open(aside, mode="r+")
        for index, path in enumerate(usable):
            sample = squared(reader.read(path), size)
            pictures.images[index], pictures.depths[index], pictures.masks[index] = (
                sample.image,
                sample.depth,
                sample.mask,
            )
            pictures.intrinsics[index] = sample.intrinsics

    settings = {"layout": layout, "folder": str(folder.resolve()), "limit": limit, "count": len(usable), "size": size}
    return Prepared(open_or_make(out, settings, len(usable), size, fill), dict(reasons))


def squared(sample: Sample, size: int) -> Sample:
    """The largest square whose middle is as near to the object's as the picture allows, resized to ``size``.

    Colours are averaged, depth and mask looked up at the nearest pixel. Pixel centres are at whole coordinates.
    """
    height, width = sample.mask.shape
    side = min(height, width)
    rows, columns = np.nonzero(sample.mask)
    top = int(np.clip(round((rows.min() + rows.max() + 1 - side) / 2), 0, height - side))
    left = int(np.clip(round((columns.min() + columns.max() + 1 - side) / 2), 0, width - side))
    window = (slice(top, top + side), slice(left, left + side))
    scale = size / side
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    nearest = np.minimum(((np.arange(size) + 0.5) / scale).astype(int), side - 1)
    image = cv2.resize(np.ascontiguousarray(sample.image[window]), (size, size), interpolation=smooth)
    depth, mask = sample.depth[window][np.ix_(nearest, nearest)], sample.mask[window][np.ix_(nearest, nearest)]
    fx, fy, cx, cy = sample.intrinsics
    intrinsics = np.array([fx * scale, fy * scale, (cx - left + 0.5) * scale - 0.5, (cy - top + 0.5) * scale - 0.5])
    return Sample(np.asarray(image, np.uint8), depth, mask, intrinsics)


def _reason(message: str, path: Path) -> str:
    """The same text for the same fault of other files."""
    return " ".join(word for word in message.split() if str(path.parent) not in word and path.name not in word)
