"""From a published data set to a set of objects cut to squares, of ToM masks, or of whole pictures with depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from depth_prompt_ros.data.readers.layouts import LAYOUTS
from depth_prompt_ros.data.readers.metric_layouts import METRIC_LAYOUTS, MetricLayout, MetricSample
from depth_prompt_ros.data.readers.sample import Layout, Sample
from depth_prompt_ros.data.readers.splits import chosen
from depth_prompt_ros.data.readers.squares import squared
from depth_prompt_ros.data.readers.tom_layouts import TOM_LAYOUTS, TomSample
from depth_prompt_ros.data.sets.metric_set import MetricSet, resized, resized_picture
from depth_prompt_ros.data.sets.packed import Packed
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.data.sets.tom_mask_set import TomMaskSet
from depth_prompt_ros.errors import BadInput

S = TypeVar("S")
Done = Callable[[int, int], None]


@dataclass(frozen=True)
class Prepared:
    """A prepared set.

    Attributes:
        pictures: the set.
        skipped: reasons why samples were left out, with how often.
    """

    pictures: PictureSet | TomMaskSet | MetricSet
    skipped: dict[str, int]


def prepare(
    layout: str, folder: Path, out: Path, size: int, limit: int = 0, done: Done | None = None, split: str = ""
) -> Prepared:
    """Read every usable sample, resize it and write the set.

    Of objects a square is cut out (:func:`squared`), and the set is a packed :class:`PictureSet`, read and written in
    one pass. Pictures with masks of transparent things or mirrors are kept whole, squeezed to 4:3 as the pipeline
    squeezes them, and make a :class:`TomMaskSet`. Whole pictures with metric depth make a :class:`MetricSet`; their
    depth outside of what the test protocols measure is unknown in ``nyu-test`` and ``kitti-test``.

    Args:
        layout: name of the layout.
        size: height of the pictures.
        limit: at most so many samples, spread over the data set; 0 = all.
        done: called with samples looked at, and in all.
        split: "train", "test" or "all" of a published split (:func:`chosen`).

    Raises:
        BadInput: no such layout, a folder of another layout, no usable sample, or the set cannot be written.
    """
    settings: dict[str, Any] = {"layout": layout, "folder": str(folder.resolve()), "limit": limit, "size": size}
    if split and layout not in LAYOUTS:
        raise BadInput(f"{layout} has no split: leave --split out")
    if layout in TOM_LAYOUTS:
        return _prepare_masks(TOM_LAYOUTS[layout], folder, out, settings, done)
    if layout in METRIC_LAYOUTS:
        return _prepare_metric(METRIC_LAYOUTS[layout], folder, out, settings, done)
    if layout not in LAYOUTS:
        known = ", ".join((*LAYOUTS, *TOM_LAYOUTS, *METRIC_LAYOUTS))
        raise BadInput(f"no layout named {layout!r}; there are: {known}")
    return _prepare_objects(LAYOUTS[layout], folder, out, settings | {"split": split}, done)


def _prepare_objects(
    reader: Layout[Sample], folder: Path, out: Path, settings: dict[str, Any], done: Done | None
) -> Prepared:
    reasons = Counter[str]()

    def pictures() -> Iterator[Packed]:
        paths = _listed(reader, folder, settings["limit"], settings["split"])
        count, last = 0, BadInput("")
        for number, path in enumerate(paths, start=1):
            try:
                picture = squared(reader.read(path), settings["size"])
            except BadInput as error:
                reasons[_reason(str(error), path)] += 1
                last = error
            else:
                count += 1
                yield picture
            if done:
                done(number, len(paths))
        if not count:
            raise BadInput(f"none of the {len(paths)} samples in {folder} can be used; the last: {last}")

    return Prepared(PictureSet.open_or_pack(out, settings, pictures()), dict(reasons))


def _prepare_masks(
    reader: Layout[TomSample], folder: Path, out: Path, settings: dict[str, Any], done: Done | None
) -> Prepared:
    usable, reasons = _usable(reader, folder, settings["limit"], done)
    height = settings["size"]
    width = height * 4 // 3

    def fill(aside: Path) -> None:
        pictures = TomMaskSet.open(aside, mode="r+")
        for index, path in enumerate(usable):
            sample = reader.read(path)
            pictures.pictures[index] = resized_picture(sample.image, height, width)
            pictures.tom[index] = resized_picture(255 * sample.tom.astype(np.uint8), height, width) > 127

    settings["count"] = len(usable)
    return Prepared(TomMaskSet.open_or_make(out, settings, len(usable), (height, width), fill), reasons)


def _prepare_metric(
    reader: MetricLayout, folder: Path, out: Path, settings: dict[str, Any], done: Done | None
) -> Prepared:
    usable, reasons = _usable(reader, folder, settings["limit"], done)
    height = settings["size"]
    return Prepared(
        write_metric_set(
            out, settings, (reader.read(path) for path in usable), len(usable),
            (height, round(height * reader.width_over_height)),
        ),
        reasons,
    )  # fmt: skip


def write_metric_set(
    out: Path, settings: dict[str, Any], samples: Iterable[MetricSample], count: int, size: tuple[int, int]
) -> MetricSet:
    """Write so many samples, resized, as a set; where it is there already, nothing is read.

    Raises:
        BadInput: the folder holds a set made with other settings, or it cannot be written.
    """

    def fill(aside: Path) -> None:
        pictures = MetricSet.open(aside, mode="r+")
        for index, sample in zip(range(count), samples, strict=False):
            pictures.images[index], pictures.depths[index] = resized(sample.image, sample.depth, size)

    return MetricSet.open_or_make(out, {**settings, "count": count}, count, size, fill)


def _usable(reader: Layout[S], folder: Path, limit: int, done: Done | None) -> tuple[list[Path], dict[str, int]]:
    """Samples that can be read, and why the others cannot, with how often.

    Raises:
        BadInput: a folder of another layout, or no usable sample.
    """
    paths = _listed(reader, folder, limit)
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
    return usable, dict(reasons)


def _listed(reader: Layout[S], folder: Path, limit: int, split: str = "") -> list[Path]:
    """The samples of a folder that are in that part of its split, at most ``limit`` of them, spread.

    Raises:
        BadInput: a folder of another layout, no such part, or nothing in it.
    """
    paths = reader.samples(folder) if folder.is_dir() else []
    if not paths:
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) if folder.is_dir() else "no folder"
        raise BadInput(f"{folder} is not {reader.name}: expected {reader.expects}, found {found or 'nothing'}")
    wanted = chosen(reader.split_of, folder, split)
    listed = [path for path in paths if wanted(path)]
    if not listed:
        raise BadInput(f"none of the {len(paths)} samples in {folder} is in the part {split or 'train'} of its split")
    if limit and limit < len(listed):
        listed = [listed[index] for index in np.linspace(0, len(listed) - 1, limit).astype(int)]
    return listed


def _reason(message: str, path: Path) -> str:
    """The same text for the same fault of other files."""
    return " ".join(word for word in message.split() if str(path.parent) not in word and path.name not in word)
