"""What the paper leaves open: off-centre objects, other input sizes, several targets at once."""

from __future__ import annotations

import time

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.camera import CameraModel, VirtualCamera
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.graph.disparity import with_relief
from depth_prompt_ros.graph.prompt import composite
from depth_prompt_ros.learning.background.errors import DepthNetwork, object_errors, prompted, shape_errors
from depth_prompt_ros.learning.background.resized import at_side, shrink
from depth_prompt_ros.learning.trainer import Batch, load_batch

_FILL = 0.75
LEARNED_FOCAL = 1.5
"""Focal length over picture side of the objects that prompts are learned on."""


@torch.no_grad()
def partial_errors(
    network: DepthNetwork, prompt: nn.Module | None, pictures: PictureSet, virtual_camera: bool, device: torch.device
) -> NDArray[np.float32]:
    """(N, 2) si-RMSE and normal cosine on objects off the middle, cut by the border or partly hidden.

    Without the virtual camera the whole picture is shrunk to the network's size. With it the network sees the
    object-centred view, and its depth is carried back. Both are scored on the same pixels of the shrunk picture.

    Args:
        prompt: None for white.
    """
    rows = []
    for index in range(len(pictures)):
        small = shrink(load_batch(pictures, np.array([index]), device), network.size)
        if virtual_camera:
            depth = _through_virtual_camera(network, prompt, pictures, index, device)
            depth = functional.interpolate(depth, size=(network.size, network.size))
        else:
            depth = network(_picture(prompt, small.image, small.mask))
        rows.append(shape_errors(depth, small))
    return torch.cat(rows).cpu().numpy()


@torch.no_grad()
def constant_errors(pictures: PictureSet, size: int, device: torch.device) -> NDArray[np.float32]:
    """(N, 2) si-RMSE and normal cosine of a constant depth on pictures shrunk to ``size``."""
    rows = []
    for index in range(len(pictures)):
        small = shrink(load_batch(pictures, np.array([index]), device), size)
        rows.append(shape_errors(torch.ones_like(small.depth), small))
    return torch.cat(rows).cpu().numpy()


def _through_virtual_camera(
    network: DepthNetwork, prompt: nn.Module | None, pictures: PictureSet, index: int, device: torch.device
) -> Tensor:
    """(1, 1, S', S') depth up to scale in the whole picture, S' its side; 1 where the view does not reach."""
    mask = np.asarray(pictures.masks[index])
    side = mask.shape[0]
    camera = CameraModel(side, side, *(float(value) for value in pictures.intrinsics[index]))
    view = VirtualCamera.looking_at(camera, mask, network.size, _FILL)
    image = torch.from_numpy(view.warp(np.asarray(pictures.images[index]), border=255)).permute(2, 0, 1)[None] / 255
    inside = torch.from_numpy(view.warp(mask.view(np.uint8), cv2.INTER_NEAREST))[None, None].float().to(device)
    depth = network(_picture(prompt, image.float().to(device), inside))
    relief = torch.tensor([LEARNED_FOCAL * network.size / view.focal], device=device)
    seen = with_relief(1 / depth, inside, relief)[0, 0].cpu().numpy()
    carried = view.unwarp_inverse_depth(seen)
    known = torch.from_numpy(np.where(carried > 0, 1 / np.maximum(carried, 1e-6), 1).astype(np.float32))
    return known[None, None].to(device)


def _picture(prompt: nn.Module | None, image: Tensor, mask: Tensor) -> Tensor:
    return composite(image, mask, torch.ones_like(image) if prompt is None else prompt(image, mask))


@torch.no_grad()
def resampled_errors(
    network: DepthNetwork, background: Tensor, test: PictureSet, size: int, device: torch.device
) -> NDArray[np.float32]:
    """(N, 2) errors when the same prompt and pictures are resampled to another input side; scored at the set's side."""
    prompt = functional.interpolate(background, size=(size, size), mode="bicubic", antialias=True).clamp(0, 1)

    def answer(batch: Batch) -> Tensor:
        return network(composite(batch.image, batch.mask, prompt))

    return object_errors(at_side(answer, size), test, device)


@torch.no_grad()
def batching(network: DepthNetwork, prompt: nn.Module, test: PictureSet, device: torch.device) -> tuple[float, float]:
    """Four targets in one batch against one by one: seconds as a ratio, largest relative difference of depth."""
    answer = prompted(network, lambda batch: composite(batch.image, batch.mask, prompt(batch.image, batch.mask)))
    batch = load_batch(test, np.arange(min(4, len(test))), device)
    singles = [load_batch(test, np.array([i]), device) for i in range(len(batch.image))]
    together, apart = [], []
    for _ in range(20):
        began = time.perf_counter()
        at_once = answer(batch)
        together.append(time.perf_counter() - began)
        began = time.perf_counter()
        one_by_one = torch.cat([answer(single) for single in singles])
        apart.append(time.perf_counter() - began)
    difference = float(((at_once - one_by_one).abs() / one_by_one).max())
    return float(np.median(together) / np.median(apart)), difference
