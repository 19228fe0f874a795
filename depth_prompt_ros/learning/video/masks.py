"""What moves in a set's pictures, and what depth is taught there."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from depth_prompt_ros.learning.video.boosting import boosted_elsewhere, rim
from depth_prompt_ros.learning.video.look import network_inputs
from depth_prompt_ros.learning.video.samples import Channel, VideoSet
from depth_prompt_ros.learning.video.static import StaticRule, whole_static_mask
from depth_prompt_ros.networks.video.depth_net import VideoDepthNet


def mask_moving(
    data: VideoSet,
    network: VideoDepthNet,
    look: int,
    rule: StaticRule | None,
    boost: bool,
    device: torch.device,
    report: Callable[[int, int], None] | None = None,
) -> float:
    """Write static masks and labels of moving pixels into a set; returns the share of pixels that move.

    Args:
        network: of the first stage.
        look: width at which it looks at whole pictures, pixels.
        rule: of SPIMO masks; None: the masks that the set has.
        boost: label moving pixels, see :func:`depth_prompt_ros.learning.video.boosting.boosted_elsewhere`.
        report: called with the number of pictures done and their total.
    """
    size, moved = data.size[::-1], 0.0
    for number, (image, intrinsics) in enumerate(zip(data.images, data.intrinsics, strict=True)):
        inputs = network_inputs(image, intrinsics, look, device)
        if rule is not None:
            data.extra[number, Channel.STATIC] = whole_static_mask(network, inputs, rule, data.size)
        moving = data.extra[number, Channel.STATIC] == 0
        moved += float(moving.mean())
        if boost:
            there = cv2.resize(moving.astype(np.uint8), inputs[0].shape[:1:-1], interpolation=cv2.INTER_NEAREST)
            label = boosted_elsewhere(network, *inputs, torch.from_numpy(there > 0).to(device)[None, None])
            agree = label.agree[0, 0].cpu().numpy().astype(np.uint8)
            data.extra[number, Channel.LABEL] = cv2.resize(label.disparity[0, 0].cpu().numpy(), size)
            believed = cv2.resize(agree, size, interpolation=cv2.INTER_NEAREST) > 0
            data.extra[number, Channel.BELIEVED] = believed & moving & _seen(data, number)
            labelled = data.extra[number, Channel.LABEL] > 0
            data.extra[number, Channel.RIM] = rim(moving) & _seen(data, number) & labelled
        if report:
            report(number + 1, len(data.images))
    return moved / len(data.images)


def _seen(data: VideoSet, number: int) -> NDArray[np.bool_]:
    return np.asarray(data.extra[number, Channel.SEEN] > 0)
