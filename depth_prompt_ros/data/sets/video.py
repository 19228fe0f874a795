"""Frames of video as they come, and the spans of them that depth can be learned from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.picture_file import read_unchanged
from depth_prompt_ros.data.sets.following import follow, turn_between

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

_NANO = 1e-9
_PAIRS = 12
"""So many pairs of a span are looked at for its parallax."""


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One picture of a video and what is known of it.

    Attributes:
        name: for messages.
        stamp_ns: nanoseconds.
        image: (H, W, 3) uint8 RGB.
        camera: its intrinsics, and the baseline where there is a right picture; None: not known.
        pose: (4, 4) from the camera's optical frame to a fixed one, metres; None: not known.
        right: (H, W, 3) uint8 RGB of the rectified pair's other camera.
        own: (H, W) bool, pixels that show the robot itself.
        moving: (H, W) bool, pixels of things that move, where something else knows them.
        depth: (H, W) float32 metres, NaN = not known: to check with, never learned from.
    """

    name: str
    stamp_ns: int
    image: NDArray[np.uint8]
    camera: CameraModel | None
    pose: Float64 | None = None
    right: NDArray[np.uint8] | None = None
    own: Mask | None = None
    moving: Mask | None = None
    depth: NDArray[np.float32] | None = None

    def at_width(self, width: int) -> VideoFrame:
        """The same, no wider than this; sides are multiples of 4, pixels stay square."""
        height, wide = self.image.shape[:2]
        width = max(4, min(width, wide) // 4 * 4)
        size = width, max(4, round(height * width / wide / 4) * 4)
        if size == (wide, height):
            return self

        def shrunk(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)

        def nearest(mask: Mask) -> Mask:
            return np.asarray(cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.bool_)

        depth = self.depth
        return replace(
            self,
            image=shrunk(self.image),
            camera=None if self.camera is None else self.camera.scaled(*size),
            right=None if self.right is None else shrunk(self.right),
            own=None if self.own is None else nearest(self.own),
            moving=None if self.moving is None else nearest(self.moving),
            depth=None if depth is None else np.asarray(cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)),
        )


class VideoSource(Protocol):
    """Frames in the order of their time, read anew each time.

    Attributes:
        name: for messages and cards.
    """

    name: str

    def __iter__(self) -> Iterator[VideoFrame]: ...


@dataclass(frozen=True)
class SpanRules:
    """What ends a span of frames that belong together, and what makes one useless.

    Attributes:
        gap: seconds between frames, at most.
        parallax: pixels, the least median over a span of what camera motion does beyond turning.
        jump: metres that a pose moves between two frames, at most.
        turn: radians that it turns, at most.
        step: frames between neighbours that are learned from together.
        least: frames of a span.
    """

    gap: float = 0.5
    parallax: float = 1.0
    jump: float = 0.3
    turn: float = 0.8
    step: int = 1
    least: int = 3


@dataclass(frozen=True)
class LeftOut:
    """Frames that are not learned from, or a cut between two spans.

    Attributes:
        reason: why.
        first, last: names of the first and last of them; of a cut, of the frames before and behind it.
        frames: how many; 0 for a cut.
    """

    reason: str
    first: str
    last: str
    frames: int

    def __str__(self) -> str:
        if not self.frames:
            return f"cut between {self.first} and {self.last}: {self.reason}"
        return f"left out {self.frames} frames, {self.first} to {self.last}: {self.reason}"


def find_spans(frames: Iterable[VideoFrame], rules: SpanRules) -> tuple[list[list[VideoFrame]], list[LeftOut]]:
    """Frames in a row that depth can be learned from, and what was left out or cut, with the reason.

    A span ends at a gap, where intrinsics or the picture's size change, where a pose jumps or is known no longer, and
    at a frame without camera_info. It is left out when it is short, or when the camera hardly moves and there is no
    right picture.
    """
    spans: list[list[VideoFrame]] = []
    left_out: list[LeftOut] = []
    span: list[VideoFrame] = []
    blind: list[VideoFrame] = []

    def close() -> None:
        if span and (reason := _useless(span, rules)):
            left_out.append(LeftOut(reason, span[0].name, span[-1].name, len(span)))
        elif span:
            spans.append(list(span))
        span.clear()

    def name_blind() -> None:
        if blind:
            left_out.append(LeftOut("no usable camera_info", blind[0].name, blind[-1].name, len(blind)))
        blind.clear()

    for frame in frames:
        if frame.camera is None:
            close()
            blind.append(frame)
            continue
        name_blind()
        if span and frame.stamp_ns == span[-1].stamp_ns:
            left_out.append(LeftOut("recorded twice", frame.name, frame.name, 1))
            continue
        if span and (reason := _cut(span[-1], frame, rules)):
            left_out.append(LeftOut(reason, span[-1].name, frame.name, 0))
            close()
        span.append(frame)
    close()
    name_blind()
    return spans, left_out


def _cut(before: VideoFrame, after: VideoFrame, rules: SpanRules) -> str:
    """Why a span ends between two frames; empty: it does not."""
    seconds = (after.stamp_ns - before.stamp_ns) * _NANO
    if seconds < 0:
        return f"time goes back by {-seconds:.3g} s"
    if seconds > rules.gap:
        return f"gap of {seconds:.3g} s"
    if after.image.shape != before.image.shape or after.camera != before.camera:
        return "intrinsics or the picture's size change"
    if (before.pose is None) != (after.pose is None):
        return "the pose is known on one side alone"
    if (before.right is None) != (after.right is None):
        return "there is a right picture on one side alone"
    if before.pose is None or after.pose is None:
        return ""
    moved = np.linalg.inv(before.pose) @ after.pose
    distance = float(np.linalg.norm(moved[:3, 3]))
    angle = float(np.arccos(np.clip((np.trace(moved[:3, :3]) - 1) / 2, -1, 1)))
    if distance > rules.jump or angle > rules.turn:
        return f"the pose jumps by {distance:.3g} m and {np.degrees(angle):.3g} degrees"
    return ""


def _useless(span: list[VideoFrame], rules: SpanRules) -> str:
    """Why a span is left out; empty: it is not."""
    if len(span) < max(rules.least, 2 * rules.step + 1):
        return f"shorter than {max(rules.least, 2 * rules.step + 1)} frames"
    if span[0].right is not None:
        return ""
    parallax = median_parallax(span, 2 * rules.step)
    if parallax < rules.parallax:
        return f"no motion: the median parallax is {parallax:.2f} pixels"
    return ""


def median_parallax(span: list[VideoFrame], step: int) -> float:
    """Pixels: the median over pairs, ``step`` frames apart, of the median motion that no turn of the camera explains.

    See :func:`depth_prompt_ros.data.sets.following.turn_between`. 0 without corners.
    """
    step = min(step, len(span) - 1)
    firsts = np.unique(np.linspace(0, len(span) - 1 - step, _PAIRS).astype(int))
    found = [_parallax(span[first], span[first + step]) for first in firsts]
    return float(np.median(found))


def _parallax(before: VideoFrame, after: VideoFrame) -> float:
    camera = before.camera
    assert camera is not None
    grey = [cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY) for frame in (before, after)]
    corners = follow(
        np.asarray(grey[0], np.uint8), np.asarray(grey[1], np.uint8), None if before.own is None else ~before.own
    )
    return turn_between(*corners, camera.intrinsics)[1]


def gather(
    sources: Iterable[VideoSource], rules: SpanRules, width: int, own: Path | None = None
) -> tuple[list[list[VideoFrame]], list[LeftOut]]:
    """:func:`find_spans` of several videos, their pictures shrunk to this width.

    Args:
        own: mask picture of the robot itself in all pictures, any value but 0.

    Raises:
        BadInput: a mask that cannot be read.
    """
    mask = None if own is None else read_unchanged(own, "mask", cv2.IMREAD_GRAYSCALE)

    def prepared(frame: VideoFrame) -> VideoFrame:
        small = frame.at_width(width)
        if mask is None:
            return small
        height, wide = small.image.shape[:2]
        return replace(small, own=cv2.resize(mask, (wide, height), interpolation=cv2.INTER_NEAREST) > 0)

    spans, left_out = [], []
    for source in sources:
        found, missing = find_spans((prepared(frame) for frame in source), rules)
        spans += found
        left_out += missing
    return spans, left_out
