"""Panes: flat plates that are mirrors, windows or pictures, mostly framed, upright or lying."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.bodies.shapes import Mesh, joined
from depth_prompt_ros.data.rendering.bodies.unseen_shapes import star_prism

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class StoodPane:
    """A pane where it stands.

    Attributes:
        plate: the pane itself, world coordinates.
        frame: around it; None = none.
        to_plate: (3, 4) from world to the plate's own coordinates: x to the right, z up, the origin in its middle.
        top: height of its upper side where it lies, metres.
    """

    plate: Mesh
    frame: Mesh | None
    to_plate: Float32
    top: float


@dataclass(frozen=True, eq=False)
class Pane:
    """A plate in the x-z plane around the origin, y its thickness, with or without a frame; metres."""

    plate: Mesh
    frame: Mesh | None

    def standing(self, yaw: float, lean: float) -> StoodPane:
        """On z = 0, its normal pointing along azimuth ``yaw``, leaning back by ``lean``; radians."""
        turn = _about_z(yaw + np.pi / 2) @ _about_x(-lean)
        return self._moved(turn)

    def lying(self) -> StoodPane:
        """On z = 0, without a frame."""
        return Pane(self.plate, None)._moved(_about_x(-np.pi / 2))  # noqa: SLF001

    def _moved(self, turn: NDArray[np.float64]) -> StoodPane:
        whole = self.plate if self.frame is None else joined(self.plate, self.frame)
        heights = whole.vertices @ turn[2].astype(np.float32)
        shift = np.array([0, 0, -float(heights.min())])
        to_plate = np.hstack([turn.T, -(turn.T @ shift)[:, None]]).astype(np.float32)
        frame = None if self.frame is None else self.frame.moved(turn, 1.0, shift)
        return StoodPane(self.plate.moved(turn, 1.0, shift), frame, to_plate, float(np.ptp(heights)))


def rectangular(rng: np.random.Generator, height: float) -> Pane:
    """A rectangle, framed three times in four."""
    width = height * float(np.exp(rng.uniform(np.log(0.5), np.log(1.6))))
    corners = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * [width / 2, height / 2]
    return _pane(rng, corners, height)


def rounded(rng: np.random.Generator, height: float) -> Pane:
    """A disc, an oval or a polygon of five to eight corners, framed three times in four."""
    sides = int(rng.choice([5, 6, 8, 48, 48, 48]))
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False) + (np.pi / sides)
    stretch = [float(rng.uniform(0.6, 1.5)), 1.0]
    return _pane(rng, np.stack([np.cos(angle), np.sin(angle)], 1) * stretch * height / 2, height)


def _pane(rng: np.random.Generator, outline: NDArray[np.floating], height: float) -> Pane:
    thick = float(rng.uniform(0.003, 0.012))
    plate = _upright(star_prism(outline, thick), thick)
    if rng.random() < 0.25:
        return Pane(plate, None)
    wide = height * float(rng.uniform(0.02, 0.12))
    deep = max(thick * 1.5, float(rng.uniform(0.008, 0.03)))
    outer = outline * (1 + 2 * wide / np.ptp(outline, 0))
    return Pane(plate, _upright(_ring(outline * 0.999, outer, deep), deep))


def _ring(inner: NDArray[np.floating], outer: NDArray[np.floating], height: float) -> Mesh:
    """The prism between two outlines of as many corners."""
    count = len(inner)
    corners = np.stack([np.zeros(count), np.full(count, height)], 1)
    parts = []
    for index in range(count):
        a, b = index, (index + 1) % count
        low, high = corners[0, 0], corners[0, 1]
        inside = np.array([[*inner[b], low], [*inner[a], low], [*inner[a], high], [*inner[b], high]])
        outside = np.array([[*outer[a], low], [*outer[b], low], [*outer[b], high], [*outer[a], high]])
        above = np.array([[*outer[a], high], [*outer[b], high], [*inner[b], high], [*inner[a], high]])
        below = np.array([[*outer[b], low], [*outer[a], low], [*inner[a], low], [*inner[b], low]])
        parts += [Mesh.of(corner, np.array([[0, 1, 2], [0, 2, 3]])) for corner in (inside, outside, above, below)]
    return joined(*parts)


def _upright(prism: Mesh, thick: float) -> Mesh:
    """From a prism along z to one along y around the origin."""
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    return prism.moved(turn, 1.0, np.array([0, thick / 2, 0]))


def _about_z(angle: float) -> NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _about_x(angle: float) -> NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
