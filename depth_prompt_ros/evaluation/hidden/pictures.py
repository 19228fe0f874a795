"""Small pictures of a hidden thing: what is hidden, the truth, answers and the error of ours."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.scenes import RealScene
from depth_prompt_ros.data.titles import PAPER
from depth_prompt_ros.evaluation.hidden.rows import BLOCK, MEAN, OURS, OWN_PIXELS
from depth_prompt_ros.evaluation.hidden.things import Thing
from depth_prompt_ros.evaluation.pictures import Picture, depth_scale, error_scale, overlay
from depth_prompt_ros.evaluation.scenes.pictures import Shown, small

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_MARGIN = 0.15
WORST = 50.0
"""Millimetres at the bright end of the errors."""


def show(scene: RealScene, thing: Thing, hidden: Mask, found: Mapping[str, Float32]) -> Shown:
    """The tiles of one thing.

    Args:
        hidden: (H, W) bool, hatched.
        found: (H, W) metres by row.
    """
    left, top, width, height = cv2.boundingRect(thing.mask.view(np.uint8))
    margin = round(_MARGIN * max(width, height))
    around = np.s_[max(top - margin, 0) : top + height + margin, max(left - margin, 0) : left + width + margin]
    tinted = overlay(scene.image, thing.mask.astype(np.uint16), hidden)
    truth = np.where(thing.mask, thing.truth, np.float32(np.nan))
    scale = depth_scale([truth], margin=0.5)
    depths = {"truth": truth, "ours": found[OURS.name], MEAN: found[MEAN]}
    depths |= {BLOCK: found[BLOCK]} if hidden[thing.mask].all() else {OWN_PIXELS: found[OWN_PIXELS]}
    error = np.where(hidden, 1000 * np.abs(found[OURS.name] - truth), np.float32(np.nan))
    tiles = {"hidden": tinted[around]}
    for name, depth in depths.items():
        tiles[name] = scale.colour(np.where(thing.mask, depth, np.float32(np.nan))[around])
    tiles[f"error of ours, to {WORST:.0f} mm"] = error_scale(WORST, "mm").colour(error[around])
    return Shown({name: small(_square(tile)) for name, tile in tiles.items()})


def _square(picture: Picture) -> Picture:
    """The picture on a square of paper."""
    height, width = picture.shape[:2]
    across, down = max(height - width, 0), max(width - height, 0)
    return np.asarray(
        cv2.copyMakeBorder(
            picture, down // 2, down - down // 2, across // 2, across - across // 2, cv2.BORDER_CONSTANT, value=PAPER
        ),
        np.uint8,
    )
