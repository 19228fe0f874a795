"""Upright cards on a table by formula, as an RGB-D camera sees them."""

from __future__ import annotations

import numpy as np

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.frame import DepthMeasurement, Frame

CAMERA = CameraModel(320, 240, 300.0, 300.0, 159.5, 119.5, baseline=0.06)
TILT = np.radians(40)


def standing_boxes(*boxes: tuple[float, float, float]) -> tuple[Frame, DepthMeasurement, np.ndarray]:
    """A camera looks down by 40 degrees at a table with upright cards: (x, distance along the table, size) each."""
    rays = CAMERA.rays.astype(np.float64)
    up = np.array([0.0, -np.cos(TILT), -np.sin(TILT)])
    ahead = np.array([0.0, -np.sin(TILT), np.cos(TILT)])
    with np.errstate(divide="ignore"):
        depth = np.where(rays @ up < 0, -0.4 / (rays @ up), np.nan)
    labels = np.zeros(depth.shape, np.uint16)
    for number, (x, distance, size) in enumerate(boxes, start=1):
        card = distance / (rays @ ahead)
        point = rays * card[..., None]
        hit = (np.abs(point[..., 0] - x) < size / 2) & (point @ up > -0.4) & (point @ up < -0.4 + size) & (card > 0)
        depth[hit], labels[hit] = card[hit], number
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 40, (*labels.shape, 3))
    colour = np.array([[90, 110, 100], [220, 40, 30], [30, 60, 220], [220, 210, 40]])[labels]
    depth = (depth + rng.normal(scale=5e-4, size=depth.shape)).astype(np.float32)
    frame = Frame(7_000_000_001, "left", np.clip(colour + noise, 0, 255).astype(np.uint8), CAMERA, labels=labels)
    confidence = np.isfinite(depth).astype(np.float32)
    return frame, DepthMeasurement(depth, confidence), labels
