"""Things of real scenes with their depth hidden: what is made of each, named alone, against what was measured.

Real glass with a truth is rare, opaque things are not. What was measured on a thing is the truth; then it is hidden,
and the thing is named as transparent, so that its depth has to come from its outline, its picture and what is around.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.scenes import RealScene
from depth_prompt_ros.evaluation.bootstrap import drawn, interval
from depth_prompt_ros.evaluation.scenes.methods import OURS_TOLD, answers
from depth_prompt_ros.evaluation.scenes.scores import FOUND_IOU, NO_ERRORS, Errors, Labels, box_iou, corners
from depth_prompt_ros.evaluation.sums import Sums
from depth_prompt_ros.evaluation.tom.methods import Pipelines
from depth_prompt_ros.stages.boxes import targets_in

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_MEASURED = 0.5
"""A thing is hidden if at least this share of it was measured."""


@dataclass(frozen=True)
class HiddenErrors(Sums):
    """One row on one hidden thing, or on several added up.

    Attributes:
        things: how many.
        known, answered: pixels that were measured, and those of them that the row answers.
        own: errors where the row answers.
        shared, ours: errors of the row, and of ours told of thing and glass, on the pixels that both answer.
    """

    things: int = 0
    known: int = 0
    answered: int = 0
    own: Errors = NO_ERRORS
    shared: Errors = NO_ERRORS
    ours: Errors = NO_ERRORS


def real_things(scene: RealScene, found: Labels) -> Iterator[Mask]:
    """(H, W) bool of each thing of ``labels.png``; without it, of each box the label found that fits it best.

    A label that fits no box with an IoU of 0.6 may be anything, and is left out. So is what is transparent or mirror.
    """
    labels = found if scene.labels is None else scene.labels
    targets = targets_in(labels)
    chosen = {target.label for target in targets}
    if scene.labels is None:
        chosen = set()
        for box in [] if scene.boxes is None else scene.boxes.tolist():
            fits = {target.label: box_iou(box, corners(target.box)) for target in targets}
            best = max(fits, key=lambda label: fits[label], default=None)
            if best is not None and fits[best] >= FOUND_IOU:
                chosen.add(best)
    for label in sorted(chosen):
        mask = labels == label
        if scene.tom is None or not (mask & scene.tom).any():
            yield mask


def hidden_errors(
    scene: RealScene, measured: Float32, things: Iterable[Mask], pipelines: Pipelines
) -> list[dict[str, HiddenErrors]]:
    """Each thing's errors by row.

    Args:
        measured: (H, W) metres, NaN = no value.
        things: (H, W) bool each; those of which less than half was measured are left out.
    """
    found = []
    for mask in things:
        known = mask & np.isfinite(measured)
        if known.sum() < _MEASURED * mask.sum():
            continue
        hidden = replace(
            scene,
            image=scene.image.copy(),  # the pipelines remember what they measured by the picture
            depth=np.where(mask, np.float32(np.nan), measured),
            right=None,
            boxes=None,
            labels=mask.astype(np.uint16),
            tom=mask,
            truth=None,
        )
        _, said = answers(hidden, pipelines)
        ours = said[OURS_TOLD.name].depth
        found.append({row: _errors(answer.depth, ours, measured, known) for row, answer in said.items()})
    return found


def pooled_things(things: Iterable[Mapping[str, HiddenErrors]], row: str) -> HiddenErrors:
    """One row over all pixels of the things."""
    return reduce(add, (errors[row] for errors in things), HiddenErrors())


def hidden_figures(things: Sequence[Mapping[str, HiddenErrors]], row: str) -> dict[str, float | None]:
    """By column key: millimetres and percent; ``change`` is that of ours against the row where both answer.

    Its interval, 95 %, is a bootstrap over things.
    """
    together = pooled_things(things, row)
    each = [rmse for errors in things if (rmse := errors[row].own.rmse) is not None]
    figures = {
        "things": together.things,
        "rmse": together.own.rmse,
        "median": float(np.median(each)) if each else None,
        "coverage": 100 * together.answered / together.known if together.known else None,
        "shared": together.shared.rmse,
        "ours": together.ours.rmse,
    }
    if row == OURS_TOLD.name or not together.shared.squares:
        return figures
    squares = np.array([[errors[row].ours.squares, errors[row].shared.squares] for errors in things])
    ours, shared = squares[drawn(len(squares))].sum(1).T
    low, high = interval(100 * (np.sqrt(ours / np.maximum(shared, 1e-9)) - 1))
    change = 100 * float(np.sqrt(together.ours.squares / together.shared.squares) - 1)
    return figures | {"change": change, "low": low, "high": high}


def _errors(depth: Float32, ours: Float32, measured: Float32, known: Mask) -> HiddenErrors:
    both = known & np.isfinite(depth) & np.isfinite(ours)
    return HiddenErrors(
        1, int(known.sum()), int((known & np.isfinite(depth)).sum()), Errors.of(depth, measured, known),
        Errors.of(depth, measured, both), Errors.of(ours, measured, both),
    )  # fmt: skip
