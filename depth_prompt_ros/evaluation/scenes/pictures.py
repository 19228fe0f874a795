"""Small pictures of a scene: things and boxes, what was measured and answered, what was moved; one row a scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.scenes import RealScene
from depth_prompt_ros.data.titles import PAPER, text_row, title_row
from depth_prompt_ros.evaluation.pictures import Picture, depth_scale, overlay
from depth_prompt_ros.evaluation.scenes.methods import OURS_TOLD, Answer
from depth_prompt_ros.evaluation.scenes.scores import moved_pixels

Float32 = NDArray[np.float32]

_TILE, _GAP = 192, 4
_BOX, _MOVED = (255, 214, 0), (225, 0, 0)


@dataclass(frozen=True, eq=False)
class Shown:
    """A scene's tiles by title, each of one width."""

    tiles: dict[str, Picture]


def show(scene: RealScene, measured: Float32, found: Mapping[str, Answer], main: str) -> Shown:
    """The tiles of one scene.

    Things are tinted, those taken for transparent or mirror are hatched, boxes of ``boxes.json`` are yellow. All depths
    are on one scale, that of the measurement and the truth. Measured pixels that the answer moves by more than 10 mm,
    or loses, are red.

    Args:
        measured: (H, W) metres, NaN = no value.
        found: by row.
        main: the row that is shown.
    """
    answer = found[main]
    assert answer.labels is not None and answer.tom is not None
    painted = overlay(scene.image, answer.labels, answer.tom & (answer.labels > 0))
    for box in [] if scene.boxes is None else np.round(scene.boxes).astype(int).tolist():
        cv2.rectangle(painted, box[:2], box[2:], _BOX, max(2, scene.image.shape[1] // 200))
    scale = depth_scale([measured] if scene.truth is None else [measured, scene.truth])
    moved = cv2.cvtColor(cv2.cvtColor(scene.image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    moved[moved_pixels(answer.depth, measured)] = _MOVED
    tiles = {
        "things found, boxes": small(painted),
        "measured": small(scale.colour(measured)),
        "answered": small(scale.colour(answer.depth)),
        "moved": small(moved),
    }
    if scene.truth is not None:
        tiles["truth"] = small(scale.colour(scene.truth))
    if OURS_TOLD.name in found and main != OURS_TOLD.name:
        tiles["answered, glass given"] = small(scale.colour(found[OURS_TOLD.name].depth))
    return Shown(tiles)


def scene_sheet(shown: Mapping[str, Shown]) -> Picture:
    """One row a scene, by its line of text above it; titles above all rows."""
    titles = list(dict.fromkeys(title for each in shown.values() for title in each.tiles))
    rows: list[Picture] = [title_row(titles, _TILE + _GAP)]
    for line, each in shown.items():
        rows += [text_row([line], rows[0].shape[1]), _row(each, titles)]
    return np.vstack(rows)


def _row(shown: Shown, titles: Sequence[str]) -> Picture:
    height = max(tile.shape[0] for tile in shown.tiles.values())
    empty = np.full((height, _TILE, 3), PAPER, np.uint8)
    tiles = [shown.tiles.get(title, empty) for title in titles]
    return np.hstack([cv2.copyMakeBorder(tile, 0, _GAP, 0, _GAP, cv2.BORDER_CONSTANT, value=PAPER) for tile in tiles])


def small(picture: Picture) -> Picture:
    """The picture as a tile of 192 pixels width."""
    size = (_TILE, round(_TILE * picture.shape[0] / picture.shape[1]))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
