"""Depth of an RGB-D camera, with a confidence it does not give itself."""

from __future__ import annotations

import cv2
import numpy as np

from depth_prompt_ros.errors import BadFrame
from depth_prompt_ros.frame import DepthMeasurement, Frame
from depth_prompt_ros.stages.roughness import roughness

_ROUGH = 0.01
"""Relative roughness that halves the confidence; 99 % of what a RealSense D435 sees of surfaces is below 0.0025."""

_WINDOW = (9, 9)


def measure_sensor_depth(frame: Frame) -> DepthMeasurement:
    """Take the camera's depth; confidence falls at depth edges, where pixels mix two surfaces, and near holes.

    Confidence is the share of pixels with depth in a 9x9 window over ``1 + (roughness / 1 %)^2``, the roughness that
    of the inverse depth relative to itself. 0, infinite and negative depth are invalid (REP 118).

    Raises:
        BadFrame: no depth, or its size is not that of the picture.
    """
    if frame.depth is None:
        raise BadFrame("there is no depth image: give one, or a stereo pair")
    if frame.depth.shape != frame.image.shape[:2]:
        sizes = [f"{picture.shape[1]}x{picture.shape[0]}" for picture in (frame.depth, frame.image)]
        raise BadFrame(f"depth image is {sizes[0]} but the picture is {sizes[1]}: give depth registered to the picture")
    valid = np.isfinite(frame.depth) & (frame.depth > 0)
    depth = np.where(valid, frame.depth, np.float32(np.nan))
    inverse = np.reciprocal(np.where(valid, frame.depth, np.float32(1)))
    relative = roughness(inverse, valid, smooth=5) / inverse
    share = cv2.blur(valid.astype(np.float32), _WINDOW)
    confidence = np.where(valid, share / (1 + (relative / np.float32(_ROUGH)) ** 2), np.float32(0))
    return DepthMeasurement(depth, np.clip(confidence, 0, 1))
