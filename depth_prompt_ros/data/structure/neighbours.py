"""Which placed frames depth is learned from together: those that see the same from another place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.video import VideoFrame
from depth_prompt_ros.data.structure.exposure import evened, gains
from depth_prompt_ros.data.structure.geometry import seen_from
from depth_prompt_ros.data.structure.motion import Motion
from depth_prompt_ros.errors import BadInput

Int64 = NDArray[np.int64]

_CHOSEN = 4


@dataclass(frozen=True)
class Near:
    """What makes a good neighbour.

    Attributes:
        overlap: the least share of a frame's points that its neighbour has in its picture.
        parallax: pixels, the least median motion of those points that no turn of the camera explains.
        enough: shares of the picture's width, parallax that is as good as any larger.
        apart: placed frames between two neighbours of one frame.
    """

    overlap: float = 0.5
    parallax: float = 1.0
    enough: float = 0.06
    apart: int = 3


def neighbours(motion: Motion, camera: NDArray[np.floating], size: tuple[int, int], near: Near | None = None) -> Int64:
    """(n, 5) numbers of placed frames: in the middle each one that has neighbours, around it its best four.

    Where there are fewer, some come twice. Numbers are those of ``motion.frames``' order.

    Args:
        camera: (4,) fx, fy, cx, cy.
        size: height and width of the pictures.

    Raises:
        BadInput: no frame has a neighbour.
    """
    near, intrinsics = near or Near(), np.asarray(camera, np.float64)
    rows = []
    for number in range(len(motion.frames)):
        scores = _scores(motion, number, intrinsics, size, near)
        best: list[int] = []
        for other in np.argsort(-scores, kind="stable"):
            if scores[other] <= 0 or len(best) == _CHOSEN:
                break
            if all(abs(int(other) - each) > near.apart for each in best):
                best.append(int(other))
        if best:
            best = [best[place % len(best)] for place in range(_CHOSEN)]
            rows.append([best[0], best[2], number, best[1], best[3]])
    if not rows:
        raise BadInput(
            f"none of {len(motion.frames)} placed frames sees half of what another sees with a parallax of "
            f"{near.parallax:g} pixels: the camera has to move along, not only to turn"
        )
    return np.array(rows, np.int64)


def _scores(
    motion: Motion, number: int, intrinsics: NDArray[np.float64], size: tuple[int, int], near: Near
) -> NDArray[np.float64]:
    """(F,) how good each frame is as a neighbour, 0 = it is none."""
    mine, scores = motion.scene[motion.points[number]], np.zeros(len(motion.frames))
    mine = mine[np.isfinite(mine[:, 0])]
    if len(mine) < 2 * _CHOSEN:
        return scores
    here = motion.worlds[number]
    centre = -here[:3, :3].T @ here[:3, 3]
    for other, world in enumerate(motion.worlds):
        if other == number:
            continue
        places, depth = seen_from(world, mine, intrinsics)
        within = (depth > 0) & (places >= 0).all(1) & (places < np.array(size[::-1])).all(1)
        if within.mean() < near.overlap:
            continue
        turned = world.copy()
        turned[:3, 3] = -world[:3, :3] @ centre  # there, without having moved
        still, _ = seen_from(turned, mine, intrinsics)
        parallax = float(np.median(np.linalg.norm(places - still, axis=1)[within]))
        if parallax >= near.parallax:
            scores[other] = within.mean() * min(parallax / (near.enough * size[1]), 1.0)
    return scores


def placed(frames: Sequence[VideoFrame], motion: Motion) -> list[VideoFrame]:
    """The frames whose place is known, with their poses in the unit of ``motion``, as if all were exposed alike."""
    kept = [frames[int(number)] for number in motion.frames]
    camera = kept[0].camera
    assert camera is not None
    intrinsics = np.asarray(camera.intrinsics, np.float64)
    places = [
        seen_from(world, motion.scene[which], intrinsics)[0]
        for world, which in zip(motion.worlds, motion.points, strict=True)
    ]
    brighter = gains([frame.image for frame in kept], places, motion.points)
    return [
        replace(frame, pose=np.linalg.inv(world), image=evened(frame.image, float(gain)))
        for frame, world, gain in zip(kept, motion.worlds, brighter, strict=True)
    ]
