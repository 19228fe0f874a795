"""Stereo pairs with transparent or mirror (ToM) masks and true depth out of a recording, for stereo networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.bag.reader import FrameReader, SkippedFrame
from depth_prompt_ros.bag.storage.recording import RawMessage
from depth_prompt_ros.bag.truth.frames import FrameTruths
from depth_prompt_ros.bag.truth.source import TruthSource
from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.data.sets.array_folder import made_before
from depth_prompt_ros.data.sets.metric_set import resized_picture, resized_plane
from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.bags.frame_scores import TrueFrame
from depth_prompt_ros.frame import Frame
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
    """Every pair of a recording that can be read.

    Attributes:
        skipped: how many pictures were left out so far, by reason.
    """

    def __init__(self, bag: Path, parameters: Parameters, truth: TruthSource, find: FindTom | None = None) -> None:
        """Open the recording.

        Args:
            bag: rosbag2 folder, or a lone ``.mcap`` or ``.db3`` file.
            parameters: the topics of the pair, and whether it is rectified.
            truth: topics of true depth, ToM masks and labels, as far as there are any.
            find: masks where the recording holds none.

        Raises:
            BadInput: no readable bag, a topic that is missing or of the wrong type, topics of depth in place of a right
                picture, or neither masks nor ``find``.
        """
        if parameters.topics.depth_image:
            raise BadInput("a stereo network learns from pairs: set topics.right_image, and no topics.depth_image")
        if not truth.tom_topic and find is None:
            raise BadInput(f"nothing says what of {bag} is transparent or mirror: name the topic of such masks")
        self._bag, self._parameters, self._truth, self._find = bag, parameters, truth, find
        self.skipped: Counter[str] = Counter()

    def frames(self) -> Iterator[tuple[Frame, TrueFrame]]:
        """Read the recording from its beginning: what can be used, and what is true of it."""
        reader = FrameReader(self._bag, self._parameters)
        truths = FrameTruths(self._truth, self._bag, reader.stamps)
        self.skipped.clear()
        for number, recorded in enumerate(reader.read()):
            messages, frame = truths.messages(number), recorded.content
            assert not isinstance(frame, RawMessage)
            if isinstance(frame, SkippedFrame):
                self.skipped[frame.reason] += 1
                continue
            true = truths.read(number, messages, frame)
            if true.tom is None and self._find is None:
                self.skipped[f"no mask on {self._truth.tom_topic}"] += 1
                continue
            yield frame, true

    def pair(self, frame: Frame, true: TrueFrame, height: int, width: int) -> Pair:
        """What is learned of one of :meth:`frames`, at this size."""
        tom = true.tom
        if tom is None:
            assert self._find is not None
            tom = self._find(frame.image)
        depth = np.full(tom.shape, np.nan, np.float32) if true.depth is None else true.depth
        labels = cv2.connectedComponents(tom.astype(np.uint8))[1] if true.labels is None else true.labels
        assert frame.right is not None
        return _resized(Pair(frame.image, frame.right, depth, _numbered(labels), tom, frame.camera), height, width)


def _numbered(labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The same things numbered from 1 on, 0 stays; what would be above 255 is 255."""
    numbers = np.unique(labels[labels > 0])
    return np.minimum(np.where(labels > 0, np.searchsorted(numbers, labels) + 1, 0), 255).astype(np.uint8)


def _resized(pair: Pair, height: int, width: int) -> Pair:
    """At another size, the right picture moved so that what is at infinity has a disparity of 0."""
    size, camera = (height, width), pair.camera.scaled(width, height)
    left, right = (resized_picture(each, height, width) for each in (pair.left, pair.right))
    depth, labels = resized_plane(pair.depth, size), resized_plane(pair.labels, size)
    tom = resized_picture(255 * pair.tom.astype(np.uint8), height, width) > 127
    if camera.cx_offset:
        moved = np.array([[1, 0, camera.cx_offset], [0, 1, 0]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpAffine(right, moved, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        right, camera = np.asarray(warped, np.uint8), replace(camera, cx_offset=0.0)
    return Pair(left, right, depth, labels, tom, camera)


def write_pairs(out: Path, settings: dict[str, object], pairs: RecordedPairs, height: int, limit: int = 0) -> StereoSet:
    """Write the pairs of a recording as a set of this height; where it is there already, nothing is read.

    Args:
        settings: what the set is made of, for its note.
        height: of the pictures, pixels; they are as wide for it as the recording's first.
        limit: at most so many, spread over the recording; 0 = all.

    Raises:
        BadInput: no pair can be used, the folder holds another set, it cannot be written, or what the pairs raise.
    """
    settings = {**settings, "size": height, "limit": limit}
    if made_before(out, settings):
        return StereoSet.open(out)
    count, width = 0, 0
    for frame, _ in pairs.frames():
        count, width = count + 1, width or round(height * frame.camera.width / frame.camera.height)
    if not count:
        raise BadInput(f"no pair of the recording can be used: {'; '.join(pairs.skipped) or 'it holds none'}")
    step = -(-count // limit) if limit else 1

    def fill(aside: Path) -> None:
        written = StereoSet.open(aside, mode="r+")
        for index, (frame, true) in enumerate(islice(pairs.frames(), 0, None, step)):
            pair = pairs.pair(frame, true, height, width)
            written.lefts[index], written.rights[index], written.depths[index] = pair.left, pair.right, pair.depth
            written.labels[index], written.tom[index] = pair.labels, pair.tom
            camera = pair.camera
            written.cameras[index] = camera.fx, camera.fy, camera.cx, camera.cy, camera.baseline

    return StereoSet.open_or_make(out, settings, -(-count // step), (height, width), fill)
