"""Find things and glass on tables with the shipped network, at the picture's own resolution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.parameters import RuntimeParameters
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime.choose import open_graph
from depth_prompt_ros.runtime.graph import Graph
from depth_prompt_ros.stages.guided_mask import follow_edges
from depth_prompt_ros.stages.numbering import count_labels, exchange
from depth_prompt_ros.stages.things.inputs import INPUT, OUTPUT, channels, find_planes, shrink
from depth_prompt_ros.stages.things.instances import instances

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

SHIPPED = "models/things.onnx"
_SUPPORT, _THING, _TOM = 1, 2, 3
_MIN_AREA = 16
"""Things below so many pixels of the network's size are noise."""

_WINDOW = 9
"""Pixels of half the network's size, from side to side, in which the picture's edges are looked for."""

_STANDS, _LIES = 0.012, 0.006
"""At the rim of a thing, what is nearer than the support by the first share of its distance belongs to it, and what is
not by the second does not: 10 and 5 mm at 0.8 m."""


@dataclass(frozen=True, eq=False)
class Things:
    """What is found in one frame, all (H, W).

    Attributes:
        labels: uint16, 0 = no thing, 1..n = things; those on the picture's rim come last, else the largest first.
        tom: bool, pixels of transparent or mirror things.
    """

    labels: NDArray[np.uint16]
    tom: Mask


class ThingsFinder:
    """The network for things; asked twice for one frame it runs once, so all who ask share one of these.

    Attributes:
        graph: the network, once it is open.
    """

    graph: Graph

    def __init__(self, runtime: RuntimeParameters, path: Path | None = None) -> None:
        """Nothing is loaded yet.

        Args:
            path: of the graph; None: the shipped one.
        """
        self._runtime, self._path = runtime, path or resource_path(SHIPPED)
        self._size: tuple[int, int] | None = None
        self._last: tuple[Frame, Things] | None = None

    def opened(self) -> ThingsFinder:
        """Itself, with the graph loaded.

        Raises:
            BadModel: missing, corrupt or foreign graph, or a runtime that cannot be used.
        """
        if self._size is None:
            chosen = {"runtime": "auto"} if self._runtime.runtime == "torch" else {}  # PyTorch runs prompts alone
            self.graph = open_graph(self._path, self._runtime.model_copy(update=chosen), (INPUT,))
            shape = self.graph.inputs[INPUT]
            if len(shape) != 4 or not shape[2] or not shape[3] or OUTPUT not in self.graph.outputs:
                raise BadModel(f"graph {self._path} is not a network for things: export it again with this version")
            self._size = shape[2], shape[3]
        return self

    def __call__(self, frame: Frame, measurement: DepthMeasurement) -> Things:
        """Find things; the same stamp, picture and depth give the same answer."""
        if self._last is not None and self._last[0] is frame:
            return self._last[1]
        assert self._size is not None, "not opened"
        height, width = self._size
        camera = frame.camera.scaled(width, height)
        inverse, _ = shrink(measurement.depth, self._size)
        planes = find_planes(camera, inverse, frame.seed)
        picture = np.asarray(cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        seen = channels(picture, inverse, camera, planes)
        found = self.graph(**{INPUT: seen[None]})[OUTPUT][0].astype(np.float32)
        support = _support(planes, found[_SUPPORT] > 0.5, inverse, camera)
        things = _enlarged(frame, found, measurement.depth, support)
        self._last = frame, things
        return things


def _support(
    planes: list[NDArray[np.float64]], shown: Mask, inverse: Float32, camera: CameraModel
) -> NDArray[np.float64] | None:
    """The plane that most of what the network calls support lies on; None without planes or measured support."""
    measured = shown & (inverse > 0)
    if not planes or not measured.any():
        return None
    rows, columns = np.nonzero(measured)
    rays, values = camera.rays_at(rows, columns), inverse[rows, columns]
    shares = [float(np.mean(np.abs(rays @ plane / values - 1) < _STANDS)) for plane in planes]
    best = int(np.argmax(shares))
    return planes[best] if shares[best] > 0.2 else None


def _enlarged(frame: Frame, found: Float32, depth: Float32, support: NDArray[np.float64] | None) -> Things:
    """The network's answer at the picture's size; the rims of things follow what is measured, then the picture's edges.

    Those of transparent and mirror things stay as they are: what is seen through them has edges, too.

    Args:
        found: (7, h, w) classes, offsets, outline.
        depth: (H, W) float32 metres, invalid = NaN.
        support: the plane ``1 / z = plane @ ray``; None: not known.
    """
    small = instances(found[_THING] + found[_TOM], found[4:6], found[6], _MIN_AREA)
    camera = frame.camera
    size = camera.width, camera.height
    if not small.any():
        return Things(np.zeros(depth.shape, np.uint16), np.zeros(depth.shape, np.bool_))
    share = (found[_THING] + found[_TOM]) * (small > 0)
    inside = np.asarray(cv2.resize(share, size, interpolation=cv2.INTER_LINEAR)) > 0.5
    reach = max(1, round(1.5 * camera.width / found.shape[2]))
    labels = _nearest(small, size)
    tom = _of_these(labels, _clear_things(small, found[_TOM]))
    if support is not None:
        kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
        wide, core = cv2.dilate(inside.view(np.uint8), kernel) > 0, cv2.erode(inside.view(np.uint8), kernel) > 0
        rim = wide & ~core & ~tom & (depth > 0)
        with np.errstate(invalid="ignore"):
            nearness = 1 - depth * camera.rays_dot(support)
            inside = inside & ~(rim & (nearness < _LIES)) | rim & (nearness > _STANDS)
    edges = follow_edges(frame.image, inside, (found.shape[2] // 2, found.shape[1] // 2), _WINDOW)
    inside = np.where(tom, inside, edges) & (labels > 0)
    return Things(_ordered(cv2.copyTo(labels, inside.view(np.uint8))), tom & inside)


def _clear_things(small: NDArray[np.uint8], tom: Float32) -> list[int]:
    """Numbers of the things most of whose pixels are called transparent or mirror: a thing is or is not, as a whole."""
    areas = np.bincount(small.ravel(), minlength=2)
    clear = np.bincount(small.ravel(), tom.ravel(), minlength=2)
    return [number for number in range(1, len(areas)) if areas[number] and clear[number] > 0.5 * areas[number]]


def _nearest(small: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Labels enlarged to (width, height), spread by three of the network's pixels into what has none."""
    spread = small.copy()
    for _ in range(3):
        grown = cv2.dilate(spread, np.ones((3, 3), np.uint8))
        spread = np.where(spread > 0, spread, grown).astype(np.uint8)
    return np.asarray(cv2.resize(spread, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _of_these(labels: NDArray[np.uint8], numbers: list[int]) -> Mask:
    """(H, W) bool, where the label is one of the numbers."""
    chosen = np.zeros(256, np.uint8)
    chosen[numbers] = 1
    return exchange(labels, chosen).view(np.bool_)


def _ordered(labels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Renumbered from the largest; things on the picture's rim, such as arms and furniture, after all others."""
    areas = count_labels(labels)
    borders = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    rim = np.bincount(borders, minlength=len(areas)) > 0
    numbers = [number for number in range(1, len(areas)) if areas[number]]
    numbers.sort(key=lambda number: (bool(rim[number]), -int(areas[number])))
    renumbered = np.zeros(len(areas), np.uint16)
    renumbered[numbers] = np.arange(1, len(numbers) + 1)
    return exchange(labels, renumbered)
