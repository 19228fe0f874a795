"""Analytic scenes for the scale's tests: a camera above a table, a block on it, and perhaps a wall behind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement

CAMERA = CameraModel(width=160, height=120, fx=150.0, fy=150.0, cx=80.0, cy=60.0)


class StandingBlock:
    """A box on a table by formula.

    The camera looks down at the table; the block's front is square to it. Lengths in metres.
    """

    def __init__(
        self, tilt: float = 0.6, above: float = 0.5, near: float = 0.55, width: float = 0.12, height: float = 0.18,
        thickness: float = 0.08, wall: float | None = None, zoom: float = 1.0, sideways: float = 0.0,
    ) -> None:  # fmt: skip
        above, near, width, height, thickness, sideways = (
            zoom * value for value in (above, near, width, height, thickness, sideways)
        )
        self.up = np.array([0.0, -np.cos(tilt), -np.sin(tilt)])
        self.forward = np.array([0.0, -np.sin(tilt), np.cos(tilt)])
        self.above, self.near, self.height, self.thickness = above, near, height, thickness
        rays = CAMERA.rays.astype(np.float64)
        steep, ahead, across = -(rays @ self.up), rays @ self.forward, rays[..., 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            table = np.where(steep > 1e-6, above / steep, np.inf)
            front = np.where(ahead > 1e-6, near / ahead, np.inf)
            top = np.where(steep > 1e-6, (above - height) / steep, np.inf)
            tall = above - front * steep
            deep = top * ahead
            on_front = (tall >= 0) & (tall <= height) & (np.abs(front * across - sideways) <= width / 2)
            on_top = (deep >= near) & (deep <= near + thickness) & (np.abs(top * across - sideways) <= width / 2)
            background = (
                table if wall is None else np.minimum(table, np.where(ahead > 1e-6, zoom * wall / ahead, np.inf))
            )
        self.mask: NDArray[np.bool_] = on_front | on_top
        depth = np.where(on_front, front, np.where(on_top, top, background))
        self.depth = np.where(np.isfinite(depth), depth, np.nan).astype(np.float32)
        self.background = np.where(np.isfinite(background), background, np.nan).astype(np.float32)


def measured(depth: NDArray[np.float32]) -> DepthMeasurement:
    """An RGB-D camera's answer, all valid pixels fully confident."""
    return DepthMeasurement(depth, np.isfinite(depth).astype(np.float32))
