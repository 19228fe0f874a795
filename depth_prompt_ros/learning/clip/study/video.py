"""How much depth trembles while a camera goes around a table: rendered clips, and one figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.rendering.captioned import NamedTable, square_camera
from depth_prompt_ros.data.sets.captioned_set import CaptionedSet

Float32 = NDArray[np.float32]

CLIPS, FRAMES = 4, 16
_TURN = np.radians(1.0)
"""Between two frames: about a centimetre at the objects' distance."""
_NOISE = 1.2
"""Of the camera, grey levels."""
_SAME = 0.01
"""A point is seen in both frames if the depths say so to this share."""


@dataclass(frozen=True, eq=False)
class Video:
    """Clips of tables, one after the other.

    Attributes:
        frames: pictures with depth; no masks, no words.
        poses: (N, 4, 4) of the camera.
        camera: of all frames.
        length: frames of each clip.
    """

    frames: CaptionedSet
    poses: NDArray[np.float64]
    camera: CameraModel
    length: int


def render_video(side: int, seed: int, clips: int = CLIPS, length: int = FRAMES) -> Video:
    """Clips of ``length`` frames; sensor noise is new in every frame."""
    camera, images, depths, poses = square_camera(side), [], [], []
    for number in range(clips):
        rng = np.random.default_rng([seed, number])
        table = NamedTable(rng)
        for frame in range(length):
            poses.append(table.pose(_TURN * frame))
            view = table.scene.view(camera, poses[-1], threads=1)
            noisy = view.image + rng.normal(scale=_NOISE, size=view.image.shape)
            images.append(np.clip(noisy, 0, 255).astype(np.uint8))
            depths.append(view.depth)
    count = len(images)
    frames = CaptionedSet(
        np.stack(images), np.stack(depths), np.zeros((count, side, side), bool), np.zeros((count, 4, 1, 1), np.uint8)
    )
    return Video(frames, np.stack(poses), camera, length)


def trembling(answers: Sequence[Float32], video: Video) -> float:
    """How much the error of a surface point changes from frame to frame: mean |change of ln(found / true)|.

    A depth that is wrong by the same factor everywhere and always has 0. Points are followed by the true depth and
    the true poses, to the nearest pixel; those that the next frame does not see are left out.

    Args:
        answers: (S, S) metres, of every frame.
    """
    changes = []
    for before in range(len(answers) - 1):
        if (before + 1) % video.length == 0:
            continue
        rows, columns, there_rows, there_columns = _followed(video, before, before + 1)
        first, second = (
            np.log(answers[number][places] / video.frames.depths[number][places])
            for number, places in ((before, (rows, columns)), (before + 1, (there_rows, there_columns)))
        )
        changes.append(np.abs(second - first))
    return float(np.concatenate(changes).mean())


def _followed(video: Video, before: int, after: int) -> tuple[NDArray[np.int64], ...]:
    """Rows and columns of points in one frame, and of the same points in another."""
    camera, depths = video.camera, video.frames.depths
    rows, columns = np.nonzero(np.isfinite(depths[before]))
    z = depths[before][rows, columns]
    points = np.stack([(columns - camera.cx) / camera.fx * z, (rows - camera.cy) / camera.fy * z, z, np.ones_like(z)])
    x, y, z, _ = np.linalg.inv(video.poses[after]) @ video.poses[before] @ points
    there_columns = np.rint(x / z * camera.fx + camera.cx).astype(np.int64)
    there_rows = np.rint(y / z * camera.fy + camera.cy).astype(np.int64)
    inside = (there_rows >= 0) & (there_rows < camera.height) & (there_columns >= 0) & (there_columns < camera.width)
    found = np.full(z.shape, np.nan)
    found[inside] = depths[after][there_rows[inside], there_columns[inside]]
    with np.errstate(invalid="ignore"):
        seen = np.abs(found - z) < _SAME * z
    return rows[seen], columns[seen], there_rows[seen], there_columns[seen]
