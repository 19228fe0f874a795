"""Stereo pairs with transparent or mirror (ToM) masks and true depth out of a recording, for stereo networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.reader import FrameReader, SkippedFrame
from depth_prompt_ros.bag.storage.recording import RawMessage
from depth_prompt_ros.bag.truth.frames import FrameTruths
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.sets.metric_set import resized, resized_picture
from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.parameters import Parameters

FindTom = Callable[[NDArray[np.uint8]], NDArray[np.bool_]]
"""From (H, W, 3) uint8 RGB to (H, W) bool, transparent or mirror."""


@dataclass(frozen=True, eq=False)
class Pair:
    """One pair of a recording; its right camera differs from the left one by the baseline alone.

    Attributes:
        left, right: (H, W, 3) uint8 RGB.
        depth: (H, W) float32 metres, NaN = unknown.
        labels: (H, W) uint8, 0 = surroundings, 1..n = things; connected pieces of ``tom`` where nothing says more.
        tom: (H, W) bool.
        camera: the left one.
    """

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    depth: NDArray[np.float32]
    labels: NDArray[np.uint8]
    tom: NDArray[np.bool_]
    camera: CameraModel


class RecordedPairs:
    """Every pair of a recording that can be read, resized to the height that is asked for and the first one's shape.

    Attributes:
        skipped: how many pictures were left out so far, by reason.
    """

    def __init__(
        self, bag: Path, parameters: Parameters, truth: TruthSource, height: int, find: FindTom | None = None
    ) -> None:
        """Open the recording.

        Args:
            bag: rosbag2 folder, or a lone ``.mcap`` or ``.db3`` file.
            parameters: the topics of the pair, and whether it is rectified.
            truth: topics of true depth, ToM masks and labels, as far as there are any.
            height: of the pictures, pixels.
            find: masks where the recording holds none.

        Raises:
            BadInput: no readable bag, a topic that is missing or of the wrong type, topics of depth in place of a right
                picture, or neither masks nor ``find``.
        """
        if parameters.topics.depth_image:
            raise BadInput("a stereo network learns from pairs: set topics.right_image, and no topics.depth_image")
        if not truth.tom_topic and find is None:
            raise BadInput(f"nothing says what of {bag} is transparent or mirror: name the topic of such masks")
        self._bag, self._parameters, self._truth, self._height, self._find = bag, parameters, truth, height, find
        self.skipped: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Pair]:
        """Read the recording from its beginning."""
        reader = FrameReader(self._bag, self._parameters)
        truths = FrameTruths(self._truth, self._bag, reader.stamps)
        self.skipped.clear()
        width = 0
        for number, recorded in enumerate(reader.read()):
            messages, frame = truths.messages(number), recorded.content
            assert not isinstance(frame, RawMessage)
            if isinstance(frame, SkippedFrame):
                self.skipped[frame.reason] += 1
                continue
            assert frame.right is not None
            true = truths.read(number, messages, frame)
            tom = self._find(frame.image) if true.tom is None and self._find else true.tom
            if tom is None:
                self.skipped[f"no mask on {self._truth.tom_topic}"] += 1
                continue
            width = width or round(self._height * frame.camera.width / frame.camera.height)
            depth = np.full(tom.shape, np.nan, np.float32) if true.depth is None else true.depth
            labels = cv2.connectedComponents(tom.astype(np.uint8))[1] if true.labels is None else true.labels
            pair = Pair(frame.image, frame.right, depth, _numbered(labels), tom, frame.camera)
            yield _resized(pair, self._height, width)


def _numbered(labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The same things numbered from 1 on, 0 stays; what would be above 255 is 255."""
    numbers = np.unique(labels[labels > 0])
    return np.minimum(np.where(labels > 0, np.searchsorted(numbers, labels) + 1, 0), 255).astype(np.uint8)


def _resized(pair: Pair, height: int, width: int) -> Pair:
    """At another size, the right picture moved so that what is at infinity has a disparity of 0."""
    size, camera = (height, width), pair.camera.scaled(width, height)
    left, depth = resized(pair.left, pair.depth, size)
    _, labels = resized(pair.left, pair.labels.astype(np.float32), size)
    tom = cv2.resize(pair.tom.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) >= 0.5
    right = resized_picture(pair.right, height, width)
    if camera.cx_offset:
        moved = np.array([[1, 0, camera.cx_offset], [0, 1, 0]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpAffine(right, moved, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        right, camera = np.asarray(warped, np.uint8), replace(camera, cx_offset=0.0)
    return Pair(left, right, depth, labels.astype(np.uint8), tom, camera)


def write_pairs(out: Path, settings: dict[str, object], pairs: RecordedPairs, limit: int = 0) -> StereoSet:
    """Write the pairs of a recording as a set; where it is there already, the recording is read once, to count them.

    Args:
        settings: what the set is made of, for its note.
        limit: at most so many, spread over the recording; 0 = all.

    Raises:
        BadInput: no pair can be used, the folder holds another set, it cannot be written, or what the pairs raise.
    """
    count, size = 0, (0, 0)
    for pair in pairs:
        count, size = count + 1, pair.tom.shape
    if not count:
        raise BadInput(f"no pair of the recording can be used: {'; '.join(pairs.skipped) or 'it holds none'}")
    step = -(-count // limit) if limit else 1

    def fill(aside: Path) -> None:
        written = StereoSet.open(aside, mode="r+")
        for number, pair in enumerate(pairs):
            if number % step:
                continue
            index, camera = number // step, pair.camera
            written.lefts[index], written.rights[index], written.depths[index] = pair.left, pair.right, pair.depth
            written.labels[index], written.tom[index] = pair.labels, pair.tom
            written.cameras[index] = camera.fx, camera.fy, camera.cx, camera.cy, camera.baseline

    return StereoSet.open_or_make(out, {**settings, "limit": limit}, -(-count // step), (size[0], size[1]), fill)
