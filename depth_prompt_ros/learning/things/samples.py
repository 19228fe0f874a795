"""Batches for :mod:`.learn`: windows of rendered tables through simulated sensors, and real pictures without glass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.readers.scenes import RealScene
from depth_prompt_ros.data.sets.table_set import TableSet
from depth_prompt_ros.data.simulated_sensor import SeenTable, simulated_depth
from depth_prompt_ros.stages.things.inputs import CHANNELS, channels, find_planes, shrink

UNKNOWN, NOT_TOM = 255, 254
"""In place of a class: nothing is known; it is not transparent or mirror, nothing else is known."""

_DRAWS = 64
"""So many windows and sensors of each table are other samples."""

_OPAQUE_SHARE = 0.08


class ThingsBatch(NamedTuple):
    """N samples.

    Attributes:
        seen: (N, 10, H, W) float32, see :mod:`depth_prompt_ros.stages.things.inputs`.
        classes: (N, H, W) int64.
        offsets: (N, 2, H, W) float32 to the middle of each thing's pixels, in picture widths; 0 elsewhere.
        outline: (N, H, W) float32 in {0, 1}.
        labels: (N, H, W) uint8, 0 = no thing.
    """

    seen: Tensor
    classes: Tensor
    offsets: Tensor
    outline: Tensor
    labels: Tensor


class Samples:
    """Several sets of tables, and real opaque scenes, as one long list of samples, each a function of its place."""

    def __init__(
        self, tables: Sequence[TableSet], opaque: Sequence[RealScene], size: tuple[int, int], seed: int
    ) -> None:
        """Take the sets.

        Args:
            opaque: scenes without anything transparent or mirror; 7 % of the samples, if there are any.
            size: height and width of the samples.
        """
        self._tables, self._opaque, self._size, self._seed = list(tables), list(opaque), size, seed
        self._ends = np.cumsum([len(each) for each in self._tables])
        self.tables = int(self._ends[-1])
        self._real = round(_OPAQUE_SHARE * self.tables) if self._opaque else 0

    def __len__(self) -> int:
        return (self.tables + self._real) * _DRAWS

    def load(self, places: NDArray[np.int64], vary: bool = True) -> ThingsBatch:
        """The samples at these places; without ``vary`` whole pictures, through a sensor that depends on the place."""
        height, width = self._size
        seen = np.empty((len(places), CHANNELS, height, width), np.float32)
        classes, labels = (np.empty((len(places), height, width), np.uint8) for _ in range(2))
        offsets = np.zeros((len(places), 2, height, width), np.float32)
        outline = np.zeros((len(places), height, width), np.float32)
        for row, place in enumerate(places):
            rng = np.random.default_rng([self._seed, int(place)])
            number = int(place) % (self.tables + self._real)
            if number < self.tables:
                seen[row], classes[row], labels[row] = self._table(number, rng, vary)
                offsets[row], outline[row] = middles_and_outlines(labels[row])
            else:
                scene = self._opaque[int(rng.integers(len(self._opaque)))]
                window = _window(rng, scene.image.shape[:2])
                image, depth = scene.image[window], scene.depth[window]
                camera = scene.camera.within(window)
                seen[row] = self._channels(rng, image, depth, camera, vary)
                classes[row], labels[row] = NOT_TOM, 0
        return ThingsBatch(
            torch.from_numpy(seen), torch.from_numpy(classes).long(), torch.from_numpy(offsets),
            torch.from_numpy(outline), torch.from_numpy(labels),
        )  # fmt: skip

    def _table(
        self, number: int, rng: np.random.Generator, vary: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint8]]:
        which = int(np.searchsorted(self._ends, number, side="right"))
        tables, index = self._tables[which], number - (int(self._ends[which - 1]) if which else 0)
        window = _window(rng, tables.size) if vary else np.s_[0 : tables.size[0], 0 : tables.size[1]]
        parts = [
            np.array(array[index][window])
            for array in (tables.images, tables.depths, tables.behind, tables.stereo, tables.classes, tables.labels)
        ]
        camera = tables.camera(index).within(window)
        if vary and rng.random() < 0.5:
            parts = [np.ascontiguousarray(part[:, ::-1]) for part in parts]
            camera = CameraModel(
                camera.width, camera.height, camera.fx, camera.fy, camera.width - 1 - camera.cx, camera.cy
            )
        image, first, behind, stereo, shown, things = parts
        seen = SeenTable(image, first, behind, stereo, shown, things, camera)
        depth = simulated_depth(rng, seen)
        height, width = self._size
        classes, labels = (
            np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
            for part in (seen.classes, seen.labels)
        )
        return self._channels(rng, seen.image, depth, camera, vary), classes, labels

    def _channels(
        self,
        rng: np.random.Generator,
        image: NDArray[np.uint8],
        depth: NDArray[np.float32],
        camera: CameraModel,
        vary: bool,
    ) -> NDArray[np.float32]:
        height, width = self._size
        inverse, _ = shrink(depth, self._size)
        scaled = camera.scaled(width, height)
        planes = find_planes(scaled, inverse, int(rng.integers(2**31)))
        if vary and planes:
            planes = _doubtful(rng, planes)
        small = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        return channels(small, inverse, scaled, planes)


def middles_and_outlines(labels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(2, H, W) offsets to the middle of each thing's pixels in picture widths, and (H, W) outlines in {0, 1}.

    An outline is what of a thing is beside another label.
    """
    height, width = labels.shape
    offsets = np.zeros((2, height, width), np.float32)
    for number in np.unique(labels[labels > 0]):
        rows, columns = np.nonzero(labels == number)
        offsets[0][rows, columns] = (columns.mean() - columns) / width
        offsets[1][rows, columns] = (rows.mean() - rows) / width
    least, most = cv2.erode(labels, np.ones((3, 3))), cv2.dilate(labels, np.ones((3, 3)))
    return offsets, ((least != most) & (labels > 0)).astype(np.float32)


def _window(rng: np.random.Generator, size: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a window of 0.45 to 1 times the sides, a quarter of them the whole."""
    height, width = size
    if rng.random() < 0.25:
        return np.s_[0:height, 0:width]
    share, shape = rng.uniform(0.45, 1.0), np.exp(rng.uniform(-0.15, 0.15))
    high, wide = int(height * min(1, share * shape)), int(width * min(1, share / shape))
    top, left = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
    return np.s_[top : top + high, left : left + wide]


def _doubtful(rng: np.random.Generator, planes: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """The planes, now and then exchanged, the same twice, tilted and shifted, or none: they are not to be relied on."""
    draw = rng.random()
    if draw < 0.07:
        return []
    if draw < 0.25:
        return planes[::-1]
    if draw < 0.4:
        return [planes[int(rng.integers(2))]] * 2
    if draw < 0.5:
        return [plane * rng.normal(1, 0.03) + rng.normal(0, 0.03, 3) * np.linalg.norm(plane) for plane in planes]
    return planes
