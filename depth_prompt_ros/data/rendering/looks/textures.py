"""Solid textures: colour as a function of the 3D point, so that any shape can wear them without unwrapping."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Texture = Callable[[Float32], Float32]
"""(N, 3) points in metres, object frame -> (N, 3) albedo in [0, 1]."""

_MOST_LOOKED_UP = 30000
"""OpenCV looks up at most 32767 places in a row."""


def random_colour(rng: np.random.Generator) -> Float32:
    """(3,) albedo in [0.02, 1]: hue, saturation and value drawn so that greys and vivid colours both occur."""
    hue, saturation, value = rng.uniform(0, 6), rng.beta(0.8, 2.2), rng.uniform(0.1, 1.0)
    wheel = np.clip(np.abs((hue + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1, 0, 1)
    return np.asarray(np.clip(value * (1 - saturation * (1 - wheel)), 0.02, 1), np.float32)


def waves(rng: np.random.Generator, size: float, count: int = 14) -> Callable[[Float32], Float32]:
    """A smooth random field in about [-2, 2] with a 1/f-like spectrum; ``size`` in metres is its largest feature."""
    octave = 2.0 ** rng.uniform(0, 3.3, count)
    direction = rng.normal(size=(3, count))
    direction /= np.linalg.norm(direction, axis=0)
    frequency = (direction * octave * (2 * np.pi / size)).astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, count).astype(np.float32)
    weight = (octave**-0.8 / np.sqrt((octave**-1.6).sum() / 2)).astype(np.float32)

    def field(points: Float32) -> Float32:
        return np.asarray(np.sin(points @ frequency + phase) @ weight, np.float32)

    return field


def plain(colour: Float32) -> Texture:
    """One colour everywhere."""
    return lambda points: np.broadcast_to(colour, points.shape).copy()


def clouds(rng: np.random.Generator, size: float) -> Texture:
    """Two colours blended by a smooth random field, with fine grain."""
    first, second = random_colour(rng), random_colour(rng)
    field, grain, grain_size = waves(rng, size), waves(rng, size / 4), rng.uniform(0, 0.12)

    def texture(points: Float32) -> Float32:
        blend = np.clip(0.5 + 0.5 * field(points), 0, 1)[:, None]
        return np.clip(first + (second - first) * blend + grain_size * grain(points)[:, None], 0, 1)

    return texture


def spots(rng: np.random.Generator, size: float) -> Texture:
    """Hard-edged patches of three colours: print, labels, camouflage, terrazzo."""
    colours = np.stack([random_colour(rng) for _ in range(3)])
    field, level = waves(rng, size), np.sort(rng.uniform(-1, 1, 2))
    return lambda points: colours[np.searchsorted(level, field(points))]


def stripes(rng: np.random.Generator, size: float) -> Texture:
    """Straight or wavy bands of two or three colours: wood, cloth, planks."""
    colours = np.stack([random_colour(rng) for _ in range(3)])
    axis = rng.normal(size=3)
    axis = (axis / np.linalg.norm(axis) / size).astype(np.float32)
    bend, amount, bands = waves(rng, size * 2), rng.choice([0.0, 0.3]), int(rng.integers(2, 4))

    def texture(points: Float32) -> Float32:
        phase = points @ axis + amount * bend(points)
        return colours[(np.floor(phase * bands).astype(np.int64)) % bands]

    return texture


def checks(rng: np.random.Generator, size: float) -> Texture:
    """A checkerboard in space: tiles, packaging."""
    colours = np.stack([random_colour(rng), random_colour(rng)])
    spin = (
        np.linalg.qr(rng.normal(size=(3, 3)))[0].astype(np.float32)
        if rng.random() < 0.5
        else np.eye(3, dtype=np.float32)
    )
    return lambda points: colours[np.floor(points @ spin / size + 1e-3).astype(np.int64).sum(axis=1) % 2]


def looked_up(picture: Float32, place: Float32, border: int = cv2.BORDER_CONSTANT) -> Float32:
    """(N, 3) colours of a picture between its pixels, linearly interpolated.

    Args:
        picture: (H, W, 3) float32.
        place: (N, 2) float32 column and row, the first pixel's middle is 0, 0.
        border: OpenCV's rule for places beyond the picture.
    """
    chunks = np.array_split(place, len(place) // _MOST_LOOKED_UP + 1) if len(place) else []
    found = [cv2.remap(picture, *chunk.T[:, None].copy(), cv2.INTER_LINEAR, borderMode=border)[0] for chunk in chunks]
    return np.concatenate([np.zeros((0, 3), np.float32), *found])


def random_texture(rng: np.random.Generator, size: float) -> Texture:
    """Any of the families above; ``size`` in metres is about the object's size."""
    family = rng.choice(5, p=[0.22, 0.3, 0.2, 0.16, 0.12])
    if family == 0:
        return plain(random_colour(rng))
    feature = size * float(np.exp(rng.uniform(np.log(0.12), np.log(1.0))))
    return (clouds, spots, stripes, checks)[family - 1](rng, feature)
