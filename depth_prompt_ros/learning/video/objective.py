"""What is minimised: depth and motion together explain each picture's neighbours (2205.08851)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from depth_prompt_ros.learning.trainer import Losses
from depth_prompt_ros.learning.video.photometric import label_loss, moves_less, photometric_loss, smoothness_loss
from depth_prompt_ros.learning.video.samples import Batch, Channel, Cuts
from depth_prompt_ros.learning.video.view import View
from depth_prompt_ros.learning.video.warp import Seen, backward_warp, divided, forward_warp
from depth_prompt_ros.networks.video.depth_net import VideoDepthNet, VideoSettings
from depth_prompt_ros.networks.video.levels import Layered, Levels
from depth_prompt_ros.networks.video.pose_net import PoseNet

_AFTER = 1 / 110
"""Part of the steps behind the warm-up from which on smoothness counts."""


@dataclass(frozen=True)
class VideoLearning:
    """What is learned and how.

    Attributes:
        network: the depth network.
        pose_width: of the pose network, 1 = the published 5.3 M parameters.
        cuts: how pictures are cut.
        planes: that pictures are warped with, over the network's range.
        warp: "forward", the picture's planes as its neighbours see them; "backward", its neighbours sampled for it.
        auto_mask: what fits better without any warp does not count.
        given_motion: poses that are known stand in for the pose network.
        warm_up: part of the steps in which motion alone is learned, where it is not given.
        smoothness: weight of the smoothness.
        boost: weight of the boosted label inside moving pixels, where there are such.
    """

    network: VideoSettings = field(default_factory=VideoSettings)
    pose_width: float = 1.0
    cuts: Cuts = field(default_factory=Cuts)
    planes: int = 33
    warp: Literal["forward", "backward"] = "forward"
    auto_mask: bool = False
    given_motion: bool = True
    warm_up: float = 5 / 110
    smoothness: float = 0.01
    boost: float = 0.1


class VideoModel(nn.Module):
    """Depth and pose network, and the loss of both."""

    def __init__(self, settings: VideoLearning) -> None:
        super().__init__()
        self.chosen = settings
        self.depth, self.pose = VideoDepthNet(settings.network), PoseNet(settings.pose_width)
        network = settings.network
        self.planes = Levels(network.farthest, network.nearest, settings.planes)
        self.progress, self.warms_up = 0.0, True

    def losses(self, batch: Batch) -> Losses:
        """The terms, each () float, of one batch at ``progress`` in [0, 1] of the learning."""
        view, chosen = batch.view, self.chosen
        motions, all_known = self._motions(batch)
        if self.warms_up and self.progress < chosen.warm_up and not all_known:
            disparity = ramp(view, self.planes)
            found = Layered(disparity, self.planes.layers(disparity, torch.ones_like(disparity)))
        else:
            found = self.depth.layered(view.pictures[:, 0], view.grid, view.focal, self.planes)
        keep = view.masks[:, :, Channel.SEEN] * view.masks[:, :, Channel.STATIC]
        count = view.pictures.shape[1] - 1
        errors = [self._error(view, found, keep, motions[:, place], place + 1) for place in range(count)]
        terms = {"photometric": torch.stack(errors).mean()}
        if self.progress >= chosen.warm_up + _AFTER or not self.warms_up:
            seen = view.masks[:, 0, Channel.SEEN, None]
            smooth = smoothness_loss(found.disparity / self.planes.nearest, view.pictures[:, 0], seen)
            terms["smoothness"] = chosen.smoothness * smooth
            label, valid, rim = (
                view.masks[:, 0, channel, None] for channel in (Channel.LABEL, Channel.BELIEVED, Channel.RIM)
            )
            if chosen.boost and bool((valid > 0.5).any()):
                terms["label"] = chosen.boost * label_loss(found.disparity, label.clamp(min=1e-6), valid, rim)
        return terms

    def _motions(self, batch: Batch) -> tuple[Tensor, bool]:
        """(B, P - 1, 4, 4) given or learned motion to each neighbour, and whether all are given."""
        given = batch.motions.clone()
        if not self.chosen.given_motion:
            given[:, :2] = torch.nan
        known = torch.isfinite(given).all((2, 3))
        if bool(known.all()):
            return given, True
        moment, before, behind = batch.small.unbind(1)
        learned = torch.stack([self.pose(moment, before, behind), self.pose(moment, behind, before)], 1)
        learned = batch.turns @ learned
        learned = torch.cat([learned, given[:, 2:]], 1)  # a right picture's is always known
        return torch.where(known[:, :, None, None], torch.nan_to_num(given), learned), False

    def _error(self, view: View, found: Layered, keep: Tensor, motion: Tensor, place: int) -> Tensor:
        """() photometric loss of one neighbour."""
        motion = divided(motion, view.zoom)
        picture, neighbour = view.pictures[:, 0], view.pictures[:, place]
        mine, its = keep[:, 0, None], keep[:, place, None]
        cameras = view.intrinsics[:, 0], view.intrinsics[:, place]
        if self.chosen.warp == "forward":
            planes = self.planes.values().to(picture)
            both = forward_warp(torch.cat([picture, mine], 1), found.layers, planes, motion, *cameras)
            other, here, there = neighbour, picture, its
        else:
            both = backward_warp(torch.cat([neighbour, its], 1), found.disparity, motion, *cameras)
            other, here, there = picture, neighbour, mine
        seen = Seen(both.picture[:, :3], both.arrived)
        counted = both.picture[:, 3:].detach() * there
        if self.chosen.auto_mask:
            counted = counted * moves_less(seen, here, other).detach()
        return photometric_loss(seen, other, counted)


def ramp(view: View, planes: Levels) -> Tensor:
    """(B, 1, H, W): d_min above the middle of the whole picture, from there linear to d_max at its lower edge."""
    v = view.grid[:, 1:].clamp(0, 1)
    disparity = (planes.farthest + (planes.nearest - planes.farthest) * v) * view.zoom[:, None, None, None]
    return disparity.clamp(planes.farthest, planes.nearest)
