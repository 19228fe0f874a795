"""Every method on a set of stereo pairs with truth: on ToM and other pixels, with worse masks, on traps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.sets.array_folder import settings_of
from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.data.worse_masks import AMOUNTS, CHANGES
from depth_prompt_ros.evaluation.tom.mask_quality import degraded
from depth_prompt_ros.evaluation.tom.methods import (
    BASE,
    CONSTANT,
    MERGED,
    RING,
    ROW_FILLED,
    STEREO,
    TUNED,
    UPRIGHT,
    Mono,
    Pipelines,
    frame_of,
    network_free,
)
from depth_prompt_ros.evaluation.tom.scores import RegionScores
from depth_prompt_ros.frame import Frame

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
Done = Callable[[int, int], None]

RIVALS = (STEREO, ROW_FILLED, CONSTANT, UPRIGHT, RING)
"""What every way of merging is compared with on the pixels that both answer."""

ALL_KINDS = "all"

_SHOWN_WAYS = 2


@dataclass
class Regions:
    """Scores on the two regions of a picture.

    Attributes:
        inside: ToM pixels, or what a trap tempts one to take for ToM.
        outside: all others.
    """

    inside: RegionScores
    outside: RegionScores

    @classmethod
    def comparing(cls, pairs: Sequence[tuple[str, str]]) -> Regions:
        """Empty, with the methods to be compared."""
        return cls(RegionScores(pairs), RegionScores(pairs))


@dataclass(frozen=True, eq=False)
class Shown:
    """A scene's pictures for the page.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) targets.
        tom: (H, W) bool.
        truth: (H, W) metres, NaN = unknown.
        depths: (H, W) metres by title.
        errors: titles of the depths whose error is shown too.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint16]
    tom: NDArray[np.bool_]
    truth: Float32
    depths: Mapping[str, Float32]
    errors: Sequence[str]


@dataclass
class SetScores:
    """What came out on a set with ToM things.

    Attributes:
        pictures: of the set.
        methods: every method over all pictures.
        sweep: the pipeline with worse masks (:func:`sweep_name`), and every way, over some of the pictures.
        swept: how many.
        refused: pictures by way in which it found no target.
        shown: scenes to be looked at.
    """

    pictures: int
    methods: Regions
    sweep: Regions
    swept: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)


def sweep_name(change: str, amount: float) -> str:
    """A row of the sweep."""
    return f"{change} by {100 * amount:g} %"


def evaluate_set(
    pairs: StereoSet,
    pipelines: Pipelines,
    monos: Mapping[str, Mono],
    sweep_every: int = 3,
    show: int = 0,
    done: Done | None = None,
) -> SetScores:
    """Run everything on every pair.

    Args:
        pipelines: the ways to merge; worse masks are given to :data:`MERGED`.
        monos: whole-picture networks by row, :data:`BASE` and :data:`TUNED` among them.
        sweep_every: worse masks are tried on every so-many-th pair, 0 = on none.
        show: so many scenes, spread over the set, are kept to be looked at.
        done: called with the pairs finished, and in all.
    """
    against = [(way, rival) for way in pipelines.names for rival in (*RIVALS, *monos)]
    kept = set(np.linspace(0, len(pairs) - 1, min(show, len(pairs))).astype(int).tolist())
    worse = {sweep_name(change, amount): (change, amount) for change in CHANGES for amount in AMOUNTS}
    scores = SetScores(
        len(pairs),
        Regions.comparing([*against, (TUNED, BASE)]),
        Regions.comparing([(name, STEREO) for name in (*pipelines.names, *worse)]),
        refused=pipelines.refused,
    )
    for index in range(len(pairs)):
        frame, truth = frame_of(pairs, index), np.asarray(pairs.depths[index])
        tom = np.asarray(pairs.tom[index])
        answers = network_free(frame, pipelines.measure(frame))
        answers |= {name: mono(frame, truth) for name, mono in monos.items()}
        answers |= {name: pipelines.depth(name, frame) for name in pipelines.names}
        _add(scores.methods, frame.camera, truth, tom, answers)
        if index in kept:
            titles = (STEREO, *list(monos)[-1:], *pipelines.names[:_SHOWN_WAYS])
            scores.shown.append(_shown(frame, truth, {title: answers[title] for title in titles}))
        if sweep_every and index % sweep_every == 0 and MERGED.name in pipelines.names:
            swept = {name: answers[name] for name in (STEREO, *pipelines.names)}
            for name, (change, amount) in worse.items():
                swept[name] = pipelines.depth(MERGED.name, degraded(frame, change, amount))
            _add(scores.sweep, frame.camera, truth, tom, swept)
            scores.swept += 1
        if done:
            done(index + 1, len(pairs))
    return scores


@dataclass
class TrapScores:
    """What came out on traps.

    Attributes:
        grasped: scores by kind, and over :data:`ALL_KINDS`, where the trap itself is the target.
        beside: the same where the target is something else in the picture.
        shown: scenes to be looked at.
    """

    grasped: dict[str, Regions] = field(default_factory=dict)
    beside: dict[str, Regions] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)


def evaluate_traps(
    folder: Path, pairs: StereoSet, pipelines: Pipelines, show: int = 0, done: Done | None = None
) -> TrapScores:
    """Stereo and every main way of merging on pairs without ToM, by kind of trap and over all.

    What could be taken for ToM (label 1) is given as the ToM mask to ways that take one, as a segmenter that was fooled
    would. Every pair is asked for twice: with that as the target, and with a target elsewhere, a patch that stereo
    measured densely.

    Args:
        folder: of the set; its note says whether its kinds are known.
        show: so many scenes, the set's first, are kept to be looked at.
    """
    found = TrapScores()
    kinds, names = _kinds(folder), pipelines.main_names
    for index in range(len(pairs)):
        frame, truth = frame_of(pairs, index), np.asarray(pairs.depths[index])
        bait = np.asarray(pairs.labels[index]) == 1
        measured = pipelines.measure(frame).depth
        for scores, target in ((found.grasped, bait), (found.beside, _dense_patch(measured, bait))):
            asked = replace(frame, labels=target.astype(np.uint16), tom=bait)
            answers = {STEREO: measured} | {name: pipelines.depth(name, asked) for name in names}
            for kind in (*([kinds[index % len(kinds)]] if kinds else []), ALL_KINDS):
                regions = scores.setdefault(kind, Regions.comparing([(name, STEREO) for name in names]))
                _add(regions, frame.camera, truth, bait, answers)
            if index < show and scores is found.grasped:
                depths = {name: answers[name] for name in (STEREO, *names[:_SHOWN_WAYS])}
                found.shown.append(_shown(asked, truth, depths))
        if done:
            done(index + 1, len(pairs))
    return found


def _dense_patch(depth: Float32, away_from: Mask) -> Mask:
    """(H, W) bool, a square of a twelfth of the picture's height, where most was measured, not in ``away_from``."""
    side = depth.shape[0] // 12
    density = cv2.blur(np.isfinite(depth).astype(np.float32), (2 * side + 1, 2 * side + 1))
    blocked = cv2.dilate(away_from.view(np.uint8), np.ones((2 * side + 1, 2 * side + 1), np.uint8))
    density[blocked > 0] = -1
    density[:side] = density[-side:] = density[:, :side] = density[:, -side:] = -1
    row, column = np.unravel_index(int(np.argmax(density)), density.shape)
    patch = np.zeros(depth.shape, bool)
    patch[row - side // 2 : row + side // 2, column - side // 2 : column + side // 2] = True
    return patch


def _add(regions: Regions, camera: CameraModel, truth: Float32, inside: Mask, answers: Mapping[str, Float32]) -> None:
    regions.inside.add(camera, truth, inside, answers)
    regions.outside.add(camera, truth, ~inside, answers)


def _shown(frame: Frame, truth: Float32, depths: Mapping[str, Float32]) -> Shown:
    assert frame.labels is not None and frame.tom is not None
    errors = [title for title in depths if title not in (BASE, TUNED)]
    return Shown(frame.image, frame.labels, frame.tom, truth, depths, errors)


def _kinds(folder: Path) -> Sequence[str]:
    """The kinds of a rendered set of traps, pair ``i`` being of kind ``i`` modulo their number; else none."""
    from depth_prompt_ros.data.rendering.tom_scenes import TRAPS

    return TRAPS if settings_of(folder).get("kind") == "tom-traps" else ()
