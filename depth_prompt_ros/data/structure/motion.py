"""The motion of a camera through a scene that stands still, from its pictures alone, up to scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.sets.following import turn_between
from depth_prompt_ros.data.sets.video import VideoFrame
from depth_prompt_ros.data.structure.features import find_features, matches
from depth_prompt_ros.data.structure.geometry import angles, seen_from, triangulated
from depth_prompt_ros.data.structure.reconstruction import Reconstruction
from depth_prompt_ros.errors import BadInput

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

_FIRST, _EVERY, _ENOUGH = 60, 6, 200
"""Matches of the first pair, every so many pictures it is sought among, and matches that are many."""
_WIDE = 4.0
"""Degrees between the rays of the first pair that are wide enough."""
_APART = 1.0
"""Pixels, the least median motion of the first pair's features that no turn explains."""
_GROWN = 1.3
"""All is fitted anew when there are so many times more cameras than last time."""


@dataclass(frozen=True)
class Motion:
    """Where the camera was.

    Attributes:
        frames: (F,) numbers of the frames whose place is known.
        worlds: (F, 4, 4) from the world to each camera's frame; the median depth of all sightings is 1.
        points: of each such frame, (N,) numbers of the points that it sees; ``scene`` (P, 3) the points.
        depths: smallest and largest depth, but for a hundredth of the sightings at both ends.
    """

    frames: Int64
    worlds: Float64
    points: tuple[Int64, ...]
    scene: Float64
    depths: tuple[float, float]


def find_motion(
    frames: Sequence[VideoFrame], every: int = 3, report: Callable[[int, int], None] = lambda *_: None
) -> Motion:
    """Place the sharpest of every so many frames, one by one, from two that see much of the same from two places.

    Args:
        frames: of one size and one camera.
        every: frames in a row, the sharpest of which is placed.
        report: told how many are placed, of how many.

    Raises:
        BadInput: no two frames show enough of the same from places apart: the camera only turns, or sees no texture.
    """
    grey = [np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), np.uint8) for frame in frames]
    kept = sharpest(grey, every)
    camera = frames[0].camera
    assert camera is not None
    owned = [frames[number].own for number in kept]
    features = [
        find_features(grey[number], None if own is None else ~own) for number, own in zip(kept, owned, strict=True)
    ]
    model = Reconstruction(features, np.asarray(camera.intrinsics, np.float64))
    _begin(model)
    model.adjust(10)
    tried: dict[int, int] = {}
    fitted = len(model.worlds)
    while left := [n for n in range(len(kept)) if n not in model.worlds and tried.get(n, -1) < 0.9 * len(model.points)]:
        placed = np.array(list(model.worlds))
        nearest = min(left, key=lambda number: int(np.abs(placed - number).min()))
        tried[nearest] = len(model.points)
        if model.place(nearest):
            model.grow(nearest)
            if len(model.worlds) >= _GROWN * fitted:
                model.adjust(6)
                fitted = len(model.worlds)
        report(len(model.worlds), len(kept))
    for _ in range(2):
        model.adjust(15)
    return _scaled(model, kept)


def sharpest(grey: Sequence[NDArray[np.uint8]], every: int) -> list[int]:
    """Of every so many pictures in a row the number of the one that fast motion blurs least."""
    sharp = [float(cv2.Laplacian(each, cv2.CV_32F).var()) for each in grey]
    return [
        max(range(first, min(first + every, len(grey))), key=sharp.__getitem__)
        for first in range(0, len(grey), every)
    ]  # fmt: skip


def _begin(model: Reconstruction) -> None:
    """Choose the two pictures with the widest rays to the most of the same features."""
    best, chosen = 0.0, None
    numbers = range(0, len(model.features), _EVERY if len(model.features) > 4 * _EVERY else 1)
    for one in numbers:
        for other in numbers[numbers.index(one) + 1 :]:
            first, second = model.features[one], model.features[other]
            pairs = matches(first.descriptors, second.descriptors)
            if len(pairs) < _FIRST:
                continue
            places = first.places[pairs[:, 0]], second.places[pairs[:, 1]]
            if turn_between(*places, model.intrinsics)[1] < _APART:
                continue
            essential, fits = cv2.findEssentialMat(*places, model.matrix, cv2.RANSAC, 0.999, 1.0)
            if essential is None or essential.shape != (3, 3):
                continue
            _, turn, shift, fits = cv2.recoverPose(essential, *places, model.matrix, mask=fits)
            pairs = pairs[fits.ravel() > 0]
            if len(pairs) < _FIRST:
                continue
            world = np.eye(4)
            world[:3, :3], world[:3, 3] = turn, shift.ravel()
            points = triangulated(
                np.eye(4), world, first.places[pairs[:, 0]], second.places[pairs[:, 1]], model.intrinsics
            )  # fmt: skip
            score = min(float(np.median(angles(np.eye(4), world, points))), _WIDE) * min(len(pairs), _ENOUGH)
            if score > best:
                best, chosen = score, (one, other, pairs, world)
    if chosen is None:
        raise BadInput(
            f"no two of {len(model.features)} pictures show {_FIRST} of the same features from places apart: the "
            "camera has to move along, not only to turn, before a scene with texture that stands still"
        )
    model.begin(*chosen)


def _scaled(model: Reconstruction, kept: Sequence[int]) -> Motion:
    order = sorted(model.worlds)
    points = tuple(owners[owners >= 0] for owners in (model.owners[number] for number in order))
    depths = np.concatenate(
        [
            seen_from(model.worlds[number], model.points[which], model.intrinsics)[1]
            for number, which in zip(order, points, strict=True)
        ]
    )
    unit = float(np.median(depths))
    worlds = np.stack([model.worlds[number] for number in order])
    worlds[:, :3, 3] /= unit
    low, high = np.percentile(depths, [1, 99]) / unit
    return Motion(np.array(kept)[order], worlds, points, model.points / unit, (float(low), float(high)))
