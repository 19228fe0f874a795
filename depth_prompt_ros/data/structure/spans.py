"""Spans of video with the motion that their own pictures tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.video import LeftOut, VideoFrame
from depth_prompt_ros.data.structure.motion import find_motion
from depth_prompt_ros.data.structure.neighbours import Near, neighbours, placed
from depth_prompt_ros.errors import BadInput

_WIDER = 1.3
"""Depths are looked for so many times beyond those of the features."""


class Placed(NamedTuple):
    """What is learned from.

    Attributes:
        spans: of placed frames, whose median depth is 1.
        chosen: (n, 5) neighbours, see :func:`depth_prompt_ros.data.structure.neighbours.neighbours`, counted through
            all spans.
        left_out: spans that could not be placed, and why.
        depths: smallest and largest depth to look for.
    """

    spans: list[list[VideoFrame]]
    chosen: NDArray[np.int64]
    left_out: list[LeftOut]
    depths: tuple[float, float]


def with_motion(
    spans: Sequence[Sequence[VideoFrame]],
    width: int,
    every: int = 3,
    near: Near | None = None,
    report: Callable[[int, int], None] = lambda *_: None,
) -> Placed:
    """Place each span's frames by :func:`depth_prompt_ros.data.structure.motion.find_motion`, then shrink them.

    Args:
        width: of the pictures that are learned from; motion is found at the width that they have.
        every, report: see there.
        near: what makes a good neighbour.

    Raises:
        BadInput: no span is left.
    """
    kept: list[list[VideoFrame]] = []
    rows, left_out, depths, first = [], [], [], 0
    for span in spans:
        try:
            motion = find_motion(span, every, report)
            found = [frame.at_width(width) for frame in placed(span, motion)]
            camera = found[0].camera
            assert camera is not None
            rows.append(first + neighbours(motion, camera.intrinsics, found[0].image.shape[:2], near))
        except BadInput as error:
            left_out.append(LeftOut(str(error), span[0].name, span[-1].name, len(span)))
            continue
        kept.append(found)
        depths.append(motion.depths)
        first += len(found)
    if not kept:
        reasons = "; ".join(str(each) for each in left_out) or "there is no span of frames"
        raise BadInput(f"nothing to learn from: {reasons}")
    low, high = np.array(depths).T
    ends = float(low.min()) / _WIDER, float(high.max()) * _WIDER
    return Placed(kept, np.concatenate(rows), left_out, ends)
