"""Grasps drawn into the picture that they were planned on."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.titles import PAPER, text_row, title_row
from depth_prompt_ros.evaluation.grasps.execute import Outcome
from depth_prompt_ros.evaluation.grasps.gripper import Grasp, Gripper
from depth_prompt_ros.evaluation.grasps.rendered import SHOWN, RenderedScores, ShownScene
from depth_prompt_ros.evaluation.pictures import Colour, Picture

COLOURS: dict[Outcome, Colour] = {
    Outcome.HOLDS: (30, 160, 70), Outcome.SLIPS: (240, 160, 20), Outcome.COLLIDES: (215, 40, 40),
    Outcome.MISSES: (120, 70, 200),
}  # fmt: skip

_TILE, _GAP = 300, 4
_DRAWN = 1


def sheet(scores: RenderedScores, gripper: Gripper) -> Picture:
    """One row a scene, one column a cloud: the best grasp of every target, in the colour of what becomes of it."""
    titles = title_row(SHOWN, _TILE + _GAP)
    rows = [titles, *(_row(scene, gripper) for scene in scores.shown)]
    said = "green: holds, yellow: slips, red: collides, violet: misses"
    return np.vstack([*rows, text_row([f"The best grasp of every target, {said}."], titles.shape[1])])


def _row(scene: ShownScene, gripper: Gripper) -> Picture:
    tiles = []
    for name in SHOWN:
        tile = scene.view.left.copy()
        for tried in scene.tried[name]:
            for grasp, outcome in zip(tried.grasps[:_DRAWN], tried.outcomes[:_DRAWN], strict=True):
                draw_grasp(tile, scene.view.camera, grasp, gripper, COLOURS[outcome])
        size = (_TILE, round(_TILE * tile.shape[0] / tile.shape[1]))
        small = np.asarray(cv2.resize(tile, size, interpolation=cv2.INTER_AREA), np.uint8)
        tiles.append(cv2.copyMakeBorder(small, 0, _GAP, 0, _GAP, cv2.BORDER_CONSTANT, value=PAPER))
    return np.hstack(tiles)


def draw_grasp(picture: Picture, camera: CameraModel, grasp: Grasp, gripper: Gripper, colour: Colour) -> None:
    """Draw the opened hand into an (H, W, 3) picture: its fingers' outer faces seen along the line of sight."""
    half, wide = gripper.opened(grasp.width) / 2, gripper.finger_width / 2
    across = np.cross(grasp.approach, grasp.axis)

    def corners(inner: float, outer: float, side: float) -> list[np.ndarray]:
        return [
            grasp.tip + side * x * grasp.axis + y * across
            for x, y in ((inner, -wide), (outer, -wide), (outer, wide), (inner, wide))
        ]

    for side in (1.0, -1.0):
        _polygon(picture, camera, corners(half, half + gripper.finger_thickness, side), colour)
    ends = _pixels(camera, [grasp.tip - half * grasp.axis, grasp.tip + half * grasp.axis])
    cv2.line(picture, ends[0].tolist(), ends[1].tolist(), colour, 2, cv2.LINE_AA)


def _polygon(picture: Picture, camera: CameraModel, corners: Sequence[np.ndarray], colour: Colour) -> None:
    cv2.fillPoly(picture, [_pixels(camera, corners)], colour, cv2.LINE_AA)


def _pixels(camera: CameraModel, points: Sequence[np.ndarray]) -> np.ndarray:
    seen = np.stack(points) @ camera.K.T
    return np.round(seen[:, :2] / seen[:, 2:]).astype(np.int32)
