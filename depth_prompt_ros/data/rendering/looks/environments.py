"""Real places as light: environment maps that glass refracts, chrome mirrors and the camera sees far away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.looks.textures import looked_up
from depth_prompt_ros.data.rendering.tracer import Light
from depth_prompt_ros.errors import BadInput

Float32 = NDArray[np.float32]

_BRIGHTEST = 40.0
"""Radiance is cut here, so that one pixel of the sun does not spoil the picture's noise."""


@dataclass(frozen=True, eq=False)
class Environment:
    """Radiance from every direction, z up.

    Attributes:
        radiance: (H, 2 H, 3) float32 linear RGB by elevation (first row: above) and azimuth (last column: a full turn).
        turn: azimuth of the first column in radians.
    """

    radiance: Float32
    turn: float

    def __call__(self, direction: Float32) -> Float32:
        """(N, 3) unit vectors -> (N, 3) radiance."""
        height, width = self.radiance.shape[:2]
        azimuth = (np.arctan2(direction[:, 1], direction[:, 0]) - self.turn) / (2 * np.pi) % 1
        elevation = np.arccos(np.clip(direction[:, 2], -1, 1)) / np.pi
        place = np.stack([azimuth * width - 0.5, np.clip(elevation * height - 0.5, 0, height - 1)], 1)
        return looked_up(self.radiance, place.astype(np.float32), cv2.BORDER_WRAP)

    @property
    def ambient(self) -> Float32:
        """(3,) mean radiance of the upper half, by solid angle."""
        upper = self.radiance[: len(self.radiance) // 2]
        weight = np.sin((np.arange(len(upper)) + 0.5) * np.pi / len(self.radiance))
        return np.asarray(np.average(upper.mean(1), axis=0, weights=weight), np.float32)

    def light(self) -> Light:
        """A lamp 4 m away where the upper half is brightest, as strong as its part of the sky beside the ambient."""
        height, width = self.radiance.shape[:2]
        grey = cv2.GaussianBlur(self.radiance[: height // 2].mean(2), (0, 0), height / 24)
        row, column = np.unravel_index(int(grey.argmax()), grey.shape)
        elevation = np.pi / 2 - (row + 0.5) * np.pi / height
        azimuth = (column + 0.5) * 2 * np.pi / width + self.turn
        level = np.cos(elevation)
        towards = np.array([np.cos(azimuth) * level, np.sin(azimuth) * level, np.sin(elevation)], np.float32)
        contrast = float(np.clip(grey.max() / max(float(grey.mean()), 1e-6) / 10, 0.05, 1.5))
        colour = self.radiance[row, column] / max(float(self.radiance[row, column].max()), 1e-6)
        return Light((4 * towards).astype(np.float32), (contrast * (0.5 + 0.5 * colour)).astype(np.float32), reach=8.0)


def read_environments(folder: Path) -> list[Float32]:
    """Each Radiance picture (.hdr) below ``folder``: (256, 512, 3) float32 RGB, its upper half's mean made 1; sorted.

    Raises:
        BadInput: no readable environment map there.
    """
    found = []
    for path in sorted(folder.rglob("*.hdr")):
        read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if read is not None and read.ndim == 3 and read.dtype == np.float32:
            small = np.maximum(cv2.resize(read[..., ::-1], (512, 256), interpolation=cv2.INTER_AREA), 0)
            scaled = small / max(float(Environment(small, 0.0).ambient.mean()), 1e-6)
            found.append(np.minimum(scaled, _BRIGHTEST).astype(np.float32))
    if not found:
        raise BadInput(f"{folder} holds no environment map (.hdr): give a folder of Radiance pictures")
    return found
