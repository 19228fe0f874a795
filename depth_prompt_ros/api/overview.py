"""One picture of an answer: what was found, what was measured, the merged depth, and its points from the side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from depth_prompt_ros.data.titles import INK, PAPER
from depth_prompt_ros.evaluation.pictures import (
    Picture,
    Viewpoint,
    cloud_view,
    depth_scale,
    overlay,
    side_by_side,
)

if TYPE_CHECKING:
    from depth_prompt_ros.api.answer import Answer

_WIDTH = 480
"""Of a panel, pixels."""


def overview(answer: Answer) -> Picture:
    """(H, W, 3) uint8 RGB, four panels with captions; depths share one scale, whose colour bars say it."""
    scale = depth_scale([answer.measured, answer.depth])
    labels = answer.labels if (answer.labels > 0).any() else np.ones_like(answer.labels)
    cloud = cloud_view(answer.camera, answer.depth, answer.image, labels, Viewpoint())
    number = len(answer.targets)
    found = f"{number} target{'s' if number != 1 else ''}"
    panels = [
        (f"{found}; hatched: transparent or mirror", overlay(answer.image, answer.labels, answer.tom)),
        ("measured depth", scale.panel(answer.measured)),
        ("merged depth", scale.panel(answer.depth)),
        ("points of the merged depth from the side", cloud),
    ]
    captioned = [_captioned(picture, caption) for caption, picture in panels]
    height = max(len(picture) for picture in captioned)
    return side_by_side([_padded(picture, height) for picture in captioned])


def _captioned(picture: Picture, caption: str) -> Picture:
    """The picture at the panels' width with its caption above."""
    height = round(picture.shape[0] * _WIDTH / picture.shape[1])
    smaller = picture.shape[1] > _WIDTH
    resized = cv2.resize(picture, (_WIDTH, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    strip = Image.new("RGB", (_WIDTH, 26), PAPER)
    ImageDraw.Draw(strip).text((2, 13), caption, INK, font=ImageFont.load_default(16), anchor="lm")
    return np.vstack([np.asarray(strip), resized.astype(np.uint8, copy=False)])


def _padded(picture: Picture, height: int) -> Picture:
    below = np.full((height - len(picture), picture.shape[1], 3), PAPER, np.uint8)
    return np.vstack([picture, below])
