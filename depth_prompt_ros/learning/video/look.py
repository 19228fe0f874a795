"""A network learned from video looking at whole pictures."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from depth_prompt_ros.learning.video.view import position_grid
from depth_prompt_ros.networks.video.depth_net import VideoDepthNet


def look_size(height: int, width: int, look: int) -> tuple[int, int]:
    """Height and width at which a picture is looked at, ``look`` pixels wide; multiples of 4."""
    return max(8, round(height * look / width / 4) * 4), max(8, look // 4 * 4)


def network_inputs(
    image: NDArray[np.uint8], intrinsics: NDArray[np.floating], look: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Picture (1, 3, h, w), grid (1, 2, h, w) and focal lengths (1, 2) for a look at a whole picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        intrinsics: (4,) fx, fy, cx, cy of it, pixels.
        look: width, pixels.
    """
    size = look_size(image.shape[0], image.shape[1], look)
    shrinks = size[1] < image.shape[1]
    seen = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    picture = torch.from_numpy(seen).to(device).permute(2, 0, 1)[None].float() / 255
    focal = [intrinsics[0] * size[1] / image.shape[1], intrinsics[1] * size[0] / image.shape[0]]
    return picture, position_grid(*size).to(device), torch.tensor([focal], dtype=torch.float32, device=device)


@torch.no_grad()
def disparity_of(
    network: VideoDepthNet, image: NDArray[np.uint8], intrinsics: NDArray[np.floating], look: int, device: torch.device
) -> NDArray[np.float32]:
    """(H, W) float32 disparity, 1 over the unit of translations, of a whole picture; arguments as above."""
    found = network(*network_inputs(image, intrinsics, look, device))[0, 0].cpu().numpy()
    whole = cv2.resize(found, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(whole * (image.shape[1] / found.shape[1]), np.float32)
