"""Targets of rendered tables, hidden as sensors and hands hide them, through the pipeline's own anchors and crops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.scenes import OBJECT_FOCAL
from depth_prompt_ros.data.rendering.tables import TableClass
from depth_prompt_ros.data.sets.chunks import ALL_CORES, open_or_draw
from depth_prompt_ros.data.sets.crop_set import KNOWN, CropSet
from depth_prompt_ros.data.sets.table_set import TableSet
from depth_prompt_ros.data.simulated_sensor import SeenTable, simulated_depth, smooth_noise
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import PromptedDepthParameters, ScaleParameters, TomParameters
from depth_prompt_ros.stages.belief import Masks, believe
from depth_prompt_ros.stages.metric_inputs import Around, metric_inputs
from depth_prompt_ros.stages.prompted_depth import cut_out
from depth_prompt_ros.stages.target_shapes import anchor_targets
from depth_prompt_ros.work.run import Where

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
Rng = np.random.Generator

WAYS = ("whole", "side", "blobs", "few", "as measured")
"""How a target is hidden: all of it, one side, discs, all but a few pixels, or as the sensor left it."""

_SHARES = (0.42, 0.2, 0.18, 0.08, 0.12)
_SMALL, _SEEN = 220, 0.35
"""Pixels that a target has, and the share of its box's area that they are, at least."""

_OFF, _KEPT = 0.3, 0.35
"""Of crops whose block is more than 0.3 of the target's width off, so large a share is kept: things in heaps, fallen or
seen from straight above are rarer on users' tables than on those that finding things is learned from."""

_CUT_OFF = 0.25
"""Of so large a share of the targets the picture's rim hides 5 to 50 %, above half of the time."""

_CHUNK, _TRIES = 40, 30


@dataclass(frozen=True, eq=False)
class Sample:
    """One target's crop.

    Attributes:
        inputs: the graph's, one row.
        truth: (S, S) float32 1/m of the target's own surface, 0 elsewhere.
        way: how it was hidden, a place in :data:`WAYS`.
    """

    inputs: dict[str, NDArray[np.float32]]
    truth: Float32
    way: int

    @property
    def off(self) -> float:
        """RMSE of its block's depth in widths of the target; infinite without one."""
        block = self.inputs["block"][0, 0]
        both = (block > 0) & (self.truth > 0)
        if not both.any():
            return np.inf
        depth, truth = 1 / block[both], 1 / self.truth[both]
        width = PromptedDepthParameters().fill * float(self.inputs["relief"][0]) / OBJECT_FOCAL
        return float(np.sqrt(np.mean((depth - truth) ** 2)) / (width * truth.mean()))


def open_or_cut(
    folder: Path,
    tables: Sequence[Path],
    count: int,
    size: int,
    seed: int,
    done: Callable[[int], None] | None = None,
    where: Where = ALL_CORES,
) -> CropSet:
    """The set in ``folder``, cut out of the tables first if it is not there; crop ``i`` depends on (seed, i) alone.

    Args:
        tables: folders of rendered tables, which are used in turn.
        size: of the crops, pixels.

    Raises:
        BadInput: a folder holds no tables, or another set of crops.
    """
    counts = {str(folder): len(TableSet.open(folder)) for folder in tables}
    settings: dict[str, object] = {
        "version": 5, "kind": "crops", "count": count, "size": size, "seed": seed, "tables": counts,
    }  # fmt: skip
    draw = partial(_draw, tuple(tables), seed, size)
    return open_or_draw(folder, CropSet, settings, count, (size, size), draw, _CHUNK, where, done)


@cache
def _places(folders: tuple[Path, ...]) -> list[tuple[TableSet, int]]:
    return [(tables, place) for tables in map(TableSet.open, folders) for place in range(len(tables))]


def _draw(folders: tuple[Path, ...], seed: int, size: int, crops: CropSet, row: int, index: int) -> None:
    """Cut crop ``index`` into row ``row``."""
    places = _places(folders)
    for attempt in range(_TRIES):
        rng = np.random.default_rng([seed, index, attempt])
        tables, place = places[(index + attempt * 7919) % len(places)]
        found = cut(rng, tables, place, size)
        if found is None or (found.off > _OFF and rng.random() > _KEPT):
            continue
        inputs = found.inputs
        crops.images[row] = np.rint(inputs["image"][0].transpose(1, 2, 0) * 255).astype(np.uint8)
        crops.masks[row] = inputs["mask"][0, 0] > 0
        for name in KNOWN:
            getattr(crops, name)[row] = np.minimum(inputs[name][0, 0], 60000)
        crops.truth[row] = found.truth
        crops.scalars[row] = inputs["relief"][0], inputs["free_shift"][0], found.way
        return
    raise BadInput("no target to cut out of these tables: render others")


def cut(rng: Rng, tables: TableSet, place: int, size: int) -> Sample | None:
    """One target of one table, hidden at random; None where the draw has none that is large enough and anchored."""
    whole = np.array(tables.labels[place])
    numbers = _numbers(whole)
    if not numbers:
        return None
    number = int(rng.choice(numbers))
    window = target_window(rng, whole == number)
    image, first, behind, stereo, classes, labels = (
        np.ascontiguousarray(part[place][window])
        for part in (
            tables.images, tables.depths, tables.behind, tables.stereo, tables.classes, tables.labels,
        )
    )  # fmt: skip
    numbers = _numbers(labels)
    if number not in numbers:
        return None
    seen = SeenTable(image, first, behind, stereo, classes, labels, tables.camera(place).within(window))
    depth, true_mask = simulated_depth(rng, seen), labels == number
    glass = bool((classes[true_mask] == TableClass.TOM_THING).mean() > 0.5)
    way = 0 if glass and rng.random() < 0.8 else int(rng.choice(len(WAYS), p=_SHARES))
    mask = _as_told(rng, true_mask)
    if np.count_nonzero(mask) < _SMALL // 2:
        return None
    hidden = _hidden(rng, mask, WAYS[way])
    depth[hidden] = np.nan
    tom = hidden if way == 0 else np.zeros_like(hidden)
    named = mask.astype(np.uint16)
    if rng.random() < 0.5:  # others are named, too
        for other in numbers:
            if other != number and rng.random() < 0.7:
                named[(labels == other) & (named == 0)] = other + 1
    measurement = DepthMeasurement(depth, np.isfinite(depth).astype(np.float32))
    camera = replace(seen.camera, baseline=0.0)
    frame = Frame(0, "table", image, camera, depth=depth)
    scale, fill = ScaleParameters(), PromptedDepthParameters().fill
    belief = believe(frame, measurement, named, tom, Masks(tom_told=way == 0 or not glass), TomParameters())
    masks, anchors = anchor_targets(frame, measurement, belief, scale, blocks=True)
    chosen = next((row for row, target in enumerate(belief.targets) if target.label == 1), None)
    if chosen is None or anchors[chosen].kind == "refused":
        return None
    only, around = [masks[chosen]], Around.of(measurement, belief, scale.trust_confidence)
    crops = cut_out(image, camera, only, [anchors[chosen]], size, fill, OBJECT_FOCAL)
    around = Around([around.supports[chosen]], around.believed)
    inputs = {**crops.inputs, **metric_inputs(crops.views, [anchors[chosen]], around)}
    known = true_mask & (first > 0)
    inverse = np.divide(1, first, out=np.zeros_like(first), where=known)
    return Sample(inputs, crops.views[0].warp_inverse_depth(inverse), way)


def _numbers(labels: NDArray[np.uint8]) -> list[int]:
    """Of the things that are large enough and not mostly hidden."""
    areas = np.bincount(labels.ravel(), minlength=256)
    large = (np.flatnonzero(areas[1:] >= _SMALL) + 1).tolist()
    return [number for number in large if _shows(labels == number)]


def target_window(rng: Rng, mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of the picture that are kept, for some so that its rim cuts off a part of the target.

    Args:
        mask: (H, W) bool, the target.
    """
    height, width = mask.shape
    left, top, wide, high = cv2.boundingRect(mask.view(np.uint8))
    if rng.random() > _CUT_OFF:
        return np.s_[0:height, 0:width]
    share, side = rng.uniform(0.05, 0.5), rng.random()
    if side < 0.5:
        return np.s_[top + round(share * high) : height, 0:width]
    if side < 0.7:
        return np.s_[0:height, left + round(share * wide) : width]
    if side < 0.9:
        return np.s_[0:height, 0 : left + wide - round(share * wide)]
    return np.s_[0 : top + high - round(share * high), 0:width]


def _shows(mask: Mask) -> bool:
    _, _, width, height = cv2.boundingRect(mask.view(np.uint8))
    return bool(np.count_nonzero(mask) > _SEEN * width * height)


def _as_told(rng: Rng, mask: Mask) -> Mask:
    """The mask as segmenters give it: as it is, grown or shrunk by up to two pixels, or with a ragged rim."""
    draw, rough = rng.random(), mask.astype(np.uint8)
    if draw < 0.35:
        return mask
    reach = 2 * int(rng.integers(1, 3)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    if draw < 0.55:
        return cv2.dilate(rough, kernel).astype(bool)
    if draw < 0.7:
        return cv2.erode(rough, kernel).astype(bool)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5)
    ragged = soft + 0.15 * smooth_noise(rng, mask.shape, float(rng.uniform(2, 8))) > 0.5
    return np.asarray(ragged & (cv2.dilate(rough, np.ones((5, 5), np.uint8)) > 0))


def _hidden(rng: Rng, mask: Mask, way: str) -> Mask:
    """(H, W) bool, what of the target is hidden."""
    hidden = np.zeros_like(mask)
    rows, columns = np.nonzero(mask)
    if way == "whole":
        return mask.copy()
    if way == "side":
        turn = rng.uniform(0, 2 * np.pi)
        along = np.cos(turn) * columns + np.sin(turn) * rows
        part = along < np.quantile(along, rng.uniform(0.25, 0.8))
        hidden[rows[part], columns[part]] = True
    elif way == "blobs":
        discs, radius, share = np.zeros(mask.shape, np.uint8), rng.uniform(0.06, 0.2), rng.uniform(0.25, 0.8)
        for place in rng.permutation(len(rows))[:400]:
            at = int(columns[place]), int(rows[place])
            cv2.circle(discs, at, max(1, round(radius * np.sqrt(len(rows)))), 1, cv2.FILLED)
            if np.count_nonzero(discs[rows, columns]) > share * len(rows):
                break
        hidden = mask & (discs > 0)
    elif way == "few":
        kept = rng.random(len(rows)) < rng.uniform(0.01, 0.25)
        hidden[rows[~kept], columns[~kept]] = True
    return hidden
