"""Clouds of one frame side by side, for a page on which they can be turned."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel

Float32 = NDArray[np.float32]

_MOST_POINTS = 25000
_STEPS = 65535
_CROWD = 1.6
"""What is shown around the middle, in units of how far the targets reach."""


@dataclass(frozen=True, eq=False)
class Clouds:
    """Depth of one frame by name, with the picture's colours, thinned to at most 25,000 pixels.

    Attributes:
        names: of the clouds.
        depths: (N, h, w) uint16 steps of ``step`` metres, 0 = no point.
        step: metres.
        colours: (h, w, 3) uint8 RGB.
        camera: (4,) fx, fy, cx, cy of the thinned picture, pixels.
        middle: (3,) metres, what they are turned around.
        radius: metres around it that fill the view at first.
    """

    names: tuple[str, ...]
    depths: NDArray[np.uint16]
    step: float
    colours: NDArray[np.uint8]
    camera: NDArray[np.float64]
    middle: NDArray[np.float64]
    radius: float

    @classmethod
    def of(
        cls, camera: CameraModel, image: NDArray[np.uint8], labels: NDArray[np.integer], depths: Mapping[str, Float32]
    ) -> Clouds:
        """Thin them, and look at the targets, or at everything where there is none.

        Args:
            camera: of the picture.
            image: (H, W, 3) uint8 RGB.
            labels: (H, W), 0 = no target.
            depths: (H, W) metres by name, NaN = no point.
        """
        every = int(np.ceil(np.sqrt(labels.size / _MOST_POINTS)))
        thin = np.s_[every // 2 :: every, every // 2 :: every]
        stack = np.stack([depth[thin] for depth in depths.values()])
        known = np.isfinite(stack) & (stack > 0)
        fx, fy, cx, cy = camera.intrinsics
        small = np.array([fx, fy, cx - every // 2, cy - every // 2]) / every
        points = _points(stack, small)
        targets = known & (labels[thin] > 0)
        looked_at = points[targets if targets.any() else known]
        middle, radius = np.array([0.0, 0.0, 1.0]), 1.0
        if len(looked_at):
            middle = np.median(looked_at, axis=0)
            radius = _CROWD * float(np.quantile(np.linalg.norm(looked_at - middle, axis=1), 0.9)) + 1e-3
        near = known & (np.linalg.norm(points - middle, axis=-1) < 4 * radius)  # what is farther away is never seen
        step = float(stack[near].max()) / _STEPS if near.any() else 1.0
        counted = np.where(near, np.round(np.where(near, stack, 0) / step), 0).astype(np.uint16)
        return cls(tuple(depths), counted, step, np.ascontiguousarray(image[thin]), small, middle, radius)

    def save(self, path: Path) -> None:
        """Write a compressed ``.npz``."""
        with path.open("wb") as file:
            np.savez_compressed(
                file, names=np.array(self.names), depths=self.depths, step=self.step, colours=self.colours,
                camera=self.camera, middle=self.middle, radius=self.radius,
            )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> Clouds:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as found:
            return cls(
                tuple(str(name) for name in found["names"]), found["depths"], float(found["step"]), found["colours"],
                found["camera"], found["middle"], float(found["radius"]),
            )  # fmt: skip

    def for_page(self) -> str:
        """JSON for the page's viewer, arrays as base64, little endian; the colours as a PNG's address."""
        picture = cv2.imencode(".png", np.ascontiguousarray(self.colours[..., ::-1]))[1].tobytes()
        height, width = self.colours.shape[:2]
        return json.dumps(
            {
                "width": width, "height": height, "step": self.step, "camera": self.camera.tolist(),
                "middle": self.middle.tolist(), "radius": self.radius,
                "colours": f"data:image/png;base64,{base64.b64encode(picture).decode()}",
                "depths": [base64.b64encode(depth.astype("<u2").tobytes()).decode() for depth in self.depths],
            }
        )  # fmt: skip


def _points(depths: Float32, camera: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, h, w, 3) metres of (N, h, w) depths."""
    fx, fy, cx, cy = camera
    rows, columns = np.indices(depths.shape[1:])
    rays = np.stack([(columns - cx) / fx, (rows - cy) / fy, np.ones(rows.shape)], -1)
    return rays * depths[..., None].astype(np.float64)
