"""Real video: learned from the colour of its beginning, tested with the depth of its end, beside simple rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from depth_prompt_ros.data.readers.video_folder import Part, VideoFolder
from depth_prompt_ros.data.sets.video import VideoFrame
from depth_prompt_ros.evaluation.video.errors import (
    DepthErrors,
    Limits,
    depth_errors,
    fitted_inverse,
    median_scaled,
)
from depth_prompt_ros.graph.relative_disparity import RelativeDisparityNetwork
from depth_prompt_ros.learning.trainer import pick_device
from depth_prompt_ros.learning.video.look import disparity_of
from depth_prompt_ros.networks import catalogue

Float32 = NDArray[np.float32]

TOLD = {
    "constant": "median of the true depth",
    "mean frame": "true depth of the beginning, pixel by pixel; median of the true depth",
    "mean frame, scale and shift fitted": "the same; scale and shift of each frame",
    "shipped network, scale and shift fitted": "scale and shift of each frame",
    "learned from colour": "median of the true depth",
    "learned from colour, scale and shift fitted": "scale and shift of each frame",
    "learned from colour, places found first": "median of the true depth",
    "learned from colour, places found first, scale and shift fitted": "scale and shift of each frame",
    "learned with poses": "nothing: metric",
    "learned with poses, median-scaled": "median of the true depth",
}
"""What a row is told of each test frame's truth."""

LEARNED = {
    "colour": "learned from colour",
    "found": "learned from colour, places found first",
    "poses": "learned with poses",
}
"""Rows by what was learned."""

LIMITS = Limits(0.3, 10.0)
"""Metres that the depth camera measures."""

Way = Callable[[VideoFrame, NDArray[np.bool_]], Float32]
"""Depth of a frame, told where its truth is known."""

_EVERY = 2
"""Every so many of the test frames are looked at."""


@dataclass(frozen=True)
class RealRow:
    """One row of the table.

    Attributes:
        name: of :data:`TOLD`.
        frames: errors of each test frame.
    """

    name: str
    frames: tuple[DepthErrors, ...]


def real_rows(folder: Path, split: float, weights: Mapping[str, Path]) -> list[RealRow]:
    """All rows over the frames behind ``split``.

    Args:
        folder: see :class:`depth_prompt_ros.data.readers.video_folder.VideoFolder`, with depth.
        split: share of the frames that was learned from.
        weights: what was learned from those frames, by the names of :data:`LEARNED`.
    """
    test = [frame for frame in VideoFolder(folder, Part(split, 1.0)) if frame.depth is not None][::_EVERY]
    mean = _mean_inverse(VideoFolder(folder, Part(0.0, split)))
    ways: dict[str, Way] = {
        "constant": lambda frame, known: np.full(known.shape, np.median(_truth(frame)[known]), np.float32),
        "mean frame": lambda frame, known: median_scaled(np.float32(1) / mean, _truth(frame), known),
    }
    ways["mean frame, scale and shift fitted"] = lambda frame, known: fitted_inverse(mean, _truth(frame), known)
    shipped = shipped_look()
    ways["shipped network, scale and shift fitted"] = lambda frame, known: fitted_inverse(
        shipped(frame.image), _truth(frame), known
    )
    for kind, path in weights.items():
        ways |= _learned(LEARNED[kind], path, metric=kind == "poses")
    return [RealRow(name, _errors(test, way)) for name, way in ways.items()]


def _learned(name: str, weights: Path, metric: bool) -> dict[str, Way]:
    """The rows of one network."""
    look = _looker(weights)
    scaled = f"{name}, median-scaled" if metric else name
    ways: dict[str, Way] = {name: lambda frame, _: np.float32(1) / look(frame)} if metric else {}
    ways[scaled] = lambda frame, known: median_scaled(np.float32(1) / look(frame), _truth(frame), known)
    if not metric:
        ways[f"{name}, scale and shift fitted"] = lambda frame, known: fitted_inverse(look(frame), _truth(frame), known)
    return ways


def _errors(
    frames: Sequence[VideoFrame], way: Callable[[VideoFrame, NDArray[np.bool_]], Float32]
) -> tuple[DepthErrors, ...]:
    found = []
    for frame in frames:
        known = LIMITS.known(_truth(frame))
        if frame.own is not None:
            known &= ~frame.own
        if known.any():
            found.append(depth_errors(way(frame, known), _truth(frame), known, LIMITS))
    return tuple(found)


def _truth(frame: VideoFrame) -> Float32:
    assert frame.depth is not None
    return frame.depth


def _mean_inverse(frames: VideoFolder) -> Float32:
    """(H, W) mean of the true inverse depth, where no frame has one the mean of all."""
    inverses = []
    for frame in frames:
        if frame.depth is not None:
            known = LIMITS.known(frame.depth)
            inverses.append(np.where(known, 1 / np.where(known, frame.depth, 1), 0).astype(np.float16))
    stacked = np.stack(inverses)
    total, count = stacked.sum(0, dtype=np.float64), (stacked > 0).sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), total.sum() / count.sum()).astype(np.float32)


def _looker(weights: Path) -> Callable[[VideoFrame], Float32]:
    from depth_prompt_ros.graph.weights import read_weights

    device, network = pick_device(), catalogue.load_video(weights)
    width = int(read_weights(weights)[1]["look"])
    network.to(device)

    def look(frame: VideoFrame) -> Float32:
        camera = frame.camera
        assert camera is not None
        return disparity_of(network, frame.image, camera.intrinsics, width, device)

    return look


def shipped_look(name: str = "scene-net") -> Callable[[NDArray[np.uint8]], Float32]:
    """Relative disparity of the shipped network at the picture's size, larger = nearer."""
    entry = catalogue.find(name)
    module = RelativeDisparityNetwork(catalogue.load_frozen(name), catalogue.Normalise(entry), entry.output).eval()

    @torch.no_grad()
    def look(image: NDArray[np.uint8]) -> Float32:
        seen = entry.resized(image.astype(np.float32) / np.float32(255))
        found = module(torch.from_numpy(np.ascontiguousarray(seen.transpose(2, 0, 1)))[None])[0, 0].numpy()
        return np.asarray(cv2.resize(found, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    return look
