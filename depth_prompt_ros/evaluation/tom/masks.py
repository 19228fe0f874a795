"""How well ToM pixels are found in pictures alone, on sets with truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.cleargrasp import read_cleargrasp
from depth_prompt_ros.data.sets.contact_sheet import write_sheet
from depth_prompt_ros.data.sets.tom_mask_set import TomMaskSet
from depth_prompt_ros.data.titles import caption
from depth_prompt_ros.evaluation.mask_counts import MaskCounts

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Detector = Callable[[Picture], Mask]
"""From an (H, W, 3) uint8 RGB picture to its ToM pixels, (H, W) bool."""

_SHOWN, _WIDTH, _COLUMNS = 24, 320, 4


@dataclass(frozen=True)
class MaskResult:
    """Pictures of one set, or one scene.

    Attributes:
        name: of the set or scene.
        pictures: how many.
        counts: of all their pixels.
        seconds: of all cores, to find the mask of one picture; the median.
    """

    name: str
    pictures: int
    counts: MaskCounts
    seconds: float


def evaluate_tom_masks(folder: Path, detect: Detector, sheet: Path | None = None) -> list[MaskResult]:
    """A stereo set's left pictures, or a set of masks: one result; ClearGrasp's scenes: one each.

    Args:
        sheet: picture to write, .png or .jpg: up to 24 pictures over the set, what was rightly found in green, false
            alarms in red, misses in blue.

    Raises:
        BadInput: the folder is none of these, or the sheet cannot be written; and what ``detect`` raises.
    """
    found_in: dict[str, list[tuple[MaskCounts, float]]] = {}
    shown = []
    if any(folder.glob("*-transparent-rgb-img.jpg")):
        samples: Iterator[tuple[str, Picture, Mask]] = (
            (scene.name, scene.frame.image, scene.mask) for scene in read_cleargrasp(folder)
        )
        count = len(list(folder.glob("*-transparent-rgb-img.jpg")))
    else:
        pictures = TomMaskSet.open(folder)
        count = len(pictures)
        samples = ((folder.name, pictures.pictures[i], np.asarray(pictures.tom[i])) for i in range(count))
    chosen = set(np.linspace(0, count - 1, _SHOWN).astype(int).tolist())
    for index, (name, picture, truth) in enumerate(samples):
        began = time.process_time()
        found = detect(np.ascontiguousarray(picture))
        passed = time.process_time() - began
        found_in.setdefault(name, []).append((MaskCounts.of(found, truth), passed))
        if sheet and index in chosen:
            shown.append(_tile(picture, found, truth))
    if sheet:
        shown += [np.full_like(shown[0], 255)] * (-len(shown) % _COLUMNS)
        rows = [np.hstack(shown[start : start + _COLUMNS]) for start in range(0, len(shown), _COLUMNS)]
        said = "Each picture above what is found in it. Green: rightly, red: false alarm, blue: missed."
        write_sheet(sheet, caption(said, np.vstack(rows)))
    return [
        MaskResult(
            name, len(each), sum((counts for counts, _ in each), MaskCounts()), median(passed for _, passed in each)
        )
        for name, each in found_in.items()
    ]


def _tile(picture: Picture, found: Mask, truth: Mask) -> Picture:
    painted = picture.copy()
    for pixels, colour in ((found & truth, (0, 200, 0)), (found & ~truth, (230, 0, 0)), (truth & ~found, (0, 60, 255))):
        painted[pixels] = painted[pixels] // 2 + np.array(colour, np.uint8) // 2
    height = round(_WIDTH * picture.shape[0] / picture.shape[1])
    halves = [cv2.resize(half, (_WIDTH, height), interpolation=cv2.INTER_AREA) for half in (picture, painted)]
    return np.asarray(
        cv2.copyMakeBorder(np.vstack(halves), 0, 4, 0, 4, cv2.BORDER_CONSTANT, value=(255,) * 3), np.uint8
    )
