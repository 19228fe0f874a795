"""The things of a real scene that can be hidden: their masks, what is known of their depth, and what they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.scenes import RealScene
from depth_prompt_ros.evaluation.hidden.box_masks import masks_in_boxes
from depth_prompt_ros.stages.boxes import targets_in

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_MEASURED = 0.5
"""A thing is hidden if at least this share of it is known."""

_SMALL = 200
"""Pixels; what is smaller is left out."""


@dataclass(frozen=True, eq=False)
class Thing:
    """One thing of one scene.

    Attributes:
        number: its own in ``labels.png``, or its box's place in ``boxes.json``, or that of its part of ``tom.png``.
        mask: (H, W) bool.
        truth: (H, W) float32 metres, NaN = unknown: what was measured on it, or of glass the scene's truth.
        glass: it is transparent or mirror.
        kind: what it is, "" = not said.
    """

    number: int
    mask: Mask
    truth: Float32
    glass: bool
    kind: str


def things_of(scene: RealScene, measured: Float32) -> list[Thing]:
    """Each thing of ``labels.png``; without it, what stands in each box, and each connected part of ``tom.png``.

    Left out are things that ``classes.json`` says so of, things of less than 200 pixels or known on less than half of
    them, and those that are partly transparent or mirror, or are so in a scene without truth.

    Args:
        measured: (H, W) metres, NaN = no value.
    """
    tom = np.zeros(measured.shape, np.bool_) if scene.tom is None else scene.tom
    found = []
    for number, mask in _masks(scene, measured):
        glass = bool((mask & tom).any())
        truth = scene.truth if glass else measured
        whole = not glass or not (mask & ~tom).any()
        kind = scene.classes.get(number, "")
        if kind is None or truth is None or not whole or mask.sum() < _SMALL:
            continue
        if np.count_nonzero(mask & (truth > 0)) >= _MEASURED * mask.sum():
            found.append(Thing(number, mask, truth, glass, kind))
    return found


def _masks(scene: RealScene, measured: Float32) -> Iterator[tuple[int, Mask]]:
    labels, last = scene.labels, 0
    if labels is None and scene.boxes is not None:
        for last, mask in masks_in_boxes(scene.image, scene.camera, measured, scene.boxes):
            yield last, mask
        last = len(scene.boxes)
    if labels is None:
        labels = scene.things
    for target in [] if labels is None else targets_in(labels):
        yield last + target.label, np.asarray(labels == target.label)
