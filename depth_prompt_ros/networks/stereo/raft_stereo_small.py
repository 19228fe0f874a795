"""RAFT-Stereo's idea for two cores: a coarse volume guesses, a few recurrent updates refine, one finer look ends it.

What RAFT-Stereo's many updates from zero do, a filtered cost volume does at once (as in IGEV-Stereo, 2303.06615); what
is left for the updates fits into four. The picture's context gates the volume (CoEx, 2108.05773) and feeds the updates,
so that a surface that does not match, such as glass, can still get the disparity that it must have.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.networks.entry import StereoEntry, StereoNetwork
from depth_prompt_ros.networks.stereo.parts import DisparityHead, Residual, convex_upsample, gather_linear, two_units
from depth_prompt_ros.networks.stereo.raft_stereo import ConvGru


def _mixed(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def _mixed_volume(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm3d(outputs), nn.ReLU())


class _Join(nn.Module):
    """Coarse features, doubled in size, joined with the encoder's of that size."""

    def __init__(self, inputs: int, skipped: int, outputs: int) -> None:
        super().__init__()
        self.mix = _mixed(inputs + skipped, outputs)

    def forward(self, coarse: Tensor, skipped: Tensor) -> Tensor:
        wide = functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
        joined: Tensor = self.mix(torch.cat([wide, skipped], 1))
        return joined


class _Encoder(nn.Module):
    """A picture's features at a quarter and an eighth of its size, both of which know the surroundings."""

    def __init__(self, widths: tuple[int, int, int, int, int]) -> None:
        super().__init__()
        stem, quarter, eighth, sixteenth, thirtysecond = widths
        self.stem = nn.Sequential(nn.Conv2d(3, stem, 3, 2, 1, bias=False), nn.BatchNorm2d(stem), nn.ReLU())
        self.quarter = two_units(stem, quarter, "batch", 2)
        self.eighth = two_units(quarter, eighth, "batch", 2)
        self.sixteenth = two_units(eighth, sixteenth, "batch", 2)
        self.thirtysecond = Residual(sixteenth, thirtysecond, "batch", 2)
        self.join16 = _Join(thirtysecond, sixteenth, sixteenth)
        self.join8 = _Join(sixteenth, eighth, eighth)
        self.join4 = _Join(eighth, quarter, quarter)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        quarter = self.quarter(self.stem(picture))
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        features = self.join8(self.join16(self.thirtysecond(sixteenth), sixteenth), eighth)
        return self.join4(features, quarter), features


class _VolumeUnit(nn.Module):
    """A 3x3x3 convolution, its channels gated by the left picture's features."""

    def __init__(self, inputs: int, outputs: int, context: int, stride: int = 1) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv3d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm3d(outputs), nn.ReLU()
        )
        self.gate = nn.Conv2d(context, outputs, 1)

    def forward(self, volume: Tensor, context: Tensor) -> Tensor:
        mixed: Tensor = self.mix(volume)
        return mixed * torch.sigmoid(self.gate(context)).unsqueeze(2)


class _Volume(nn.Module):
    """A small hourglass over (disparity, y, x)."""

    def __init__(self, groups: int, context: int) -> None:
        super().__init__()
        self.whole = _VolumeUnit(groups, 8, context)
        self.halves = nn.ModuleList([_VolumeUnit(8, 16, context, 2), _VolumeUnit(16, 16, context)])
        self.quarters = nn.ModuleList([_VolumeUnit(16, 32, context, 2), _VolumeUnit(32, 32, context)])
        self.up_half = _mixed_volume(32 + 16, 16)
        self.up_whole = _mixed_volume(16 + 8, 8)
        self.score = nn.Conv3d(8, 1, 3, 1, 1)

    def forward(self, volume: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 8, D, h, w) filtered costs and (N, D, h, w) scores."""
        whole = self.whole(volume, context)
        halved = functional.avg_pool2d(context, 2)
        quartered = functional.avg_pool2d(halved, 2)
        half = self.halves[1](self.halves[0](whole, halved), halved)
        quarter = self.quarters[1](self.quarters[0](half, quartered), quartered)
        half = self.up_half(torch.cat([_doubled(quarter), half], 1))
        whole = self.up_whole(torch.cat([_doubled(half), whole], 1))
        return whole, self.score(whole).squeeze(1)


def _doubled(volume: Tensor) -> Tensor:
    """Each cell becomes 2x2x2."""
    channels = volume.shape[1]
    wide = functional.interpolate(volume.flatten(1, 2), scale_factor=2.0, mode="nearest").unflatten(1, (channels, -1))
    return torch.stack([wide, wide], 3).flatten(2, 3)


class RaftStereoSmall(StereoNetwork):
    """Rectified pair to disparity.

    Input: two (N, 3, H, W) RGB pictures in [-1, 1], H and W multiples of 32; output (N, 1, H, W) disparity of the
    left picture in pixels, at least 0 and at most about ``8 * candidates``.

    Args:
        widths: of the encoder at a half, a quarter, ... a thirty-second of the size.
        hidden: channels of the recurrent state.
        candidates: disparities of the volume, a pixel at an eighth of the size apart; a multiple of 4.
        iterations: recurrent updates.
    """

    GROUPS, RADIUS = 8, 4

    def __init__(
        self,
        widths: tuple[int, int, int, int, int] = (16, 32, 64, 96, 128),
        hidden: int = 48,
        candidates: int = 24,
        iterations: int = 3,
    ) -> None:
        super().__init__()
        self.candidates, self.iterations = candidates, iterations
        quarter, eighth = widths[1:3]
        self.encoder = _Encoder(widths)
        self.matched = nn.Conv2d(eighth, eighth, 1)
        self.volume = _Volume(self.GROUPS, eighth)
        self.first_state = nn.Conv2d(eighth, hidden, 3, 1, 1)
        self.context = nn.Conv2d(eighth, 3 * hidden, 3, 1, 1)
        window = 2 * self.RADIUS + 1
        self.motion = nn.Sequential(
            nn.Conv2d((self.GROUPS + 8) * window + 1, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, 1, 1),
            nn.ReLU(),
        )
        self.gru = ConvGru(hidden, hidden + 1)
        self.head = DisparityHead(hidden, hidden, 1)
        self.doubling = nn.Conv2d(hidden, 9 * 4, 3, 1, 1)
        self.close = nn.Sequential(
            nn.Conv2d(2 * quarter + 4 * window + 1, 48, 1),
            nn.ReLU(),
            nn.Conv2d(48, 48, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(48, 48, 3, 1, 1),
            nn.ReLU(),
        )
        self.state_quarter = nn.Conv2d(hidden, quarter, 1)
        self.close_head = nn.Conv2d(48, 1, 3, 1, 1)
        self.quadrupling = nn.Conv2d(48, 9 * 16, 1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """(N, 1, H, W) disparity in pixels."""
        return self._refined(left, right)[-1]

    def steps(self, left: Tensor, right: Tensor) -> list[Tensor]:
        """The volume's guess and what every update made of it, the last one last: what is learned from."""
        *coarse, last = self._refined(left, right)
        size = left.shape[2:]
        larger = (functional.interpolate(each, size, mode="bilinear", align_corners=False) for each in coarse)
        return [each * (size[1] / small.shape[3]) for each, small in zip(larger, coarse, strict=True)] + [last]

    def _refined(self, left: Tensor, right: Tensor) -> list[Tensor]:
        """Disparities at an eighth (guess and updates), at a quarter, and whole, each in its own pixels."""
        count = left.shape[0]
        quarter, eighth = self.encoder(torch.cat([left, right]))
        context = eighth[:count]
        pairs = _row_correlation(self.matched(eighth), self.GROUPS)
        columns = torch.arange(eighth.shape[3], device=left.device, dtype=torch.float32)
        volume = _cost_volume(pairs, self.candidates)
        costs, scores = self.volume(volume, context)
        places = torch.arange(self.candidates, device=left.device, dtype=torch.float32).view(1, -1, 1, 1)
        disparity = (scores.float().softmax(1) * places).sum(1, keepdim=True)
        found = [disparity]
        state = torch.tanh(self.first_state(context))
        gates = self.context(context).chunk(3, 1)
        costs = costs.permute(0, 1, 3, 4, 2)
        for _ in range(self.iterations):
            disparity = disparity.detach()
            looked_up = torch.cat(
                [
                    _around(pairs, columns - disparity[:, 0], self.RADIUS),
                    _around(costs, disparity[:, 0], self.RADIUS),
                    disparity / self.candidates,
                ],
                1,
            )
            state = self.gru(state, gates, self.motion(looked_up), disparity / self.candidates)
            disparity = functional.relu(disparity + self.head(state).float())
            found.append(disparity)
        disparity = convex_upsample(disparity, self.doubling(state).float(), 2, "repeat")
        found.append(disparity)
        disparity = disparity.detach()
        pairs = _row_correlation(quarter, 4)
        columns = torch.arange(quarter.shape[3], device=left.device, dtype=torch.float32)
        wide_state = functional.interpolate(self.state_quarter(state), scale_factor=2.0, mode="nearest")
        seen = [quarter[:count], wide_state, _around(pairs, columns - disparity[:, 0], self.RADIUS)]
        inner = self.close(torch.cat([*seen, disparity / (2 * self.candidates)], 1))
        disparity = functional.relu(found[-1] + self.close_head(inner).float())
        found.append(convex_upsample(disparity, self.quadrupling(inner).float(), 4, "repeat"))
        return found


def _row_correlation(features: Tensor, groups: int) -> Tensor:
    """Correlation of every left with every right pixel of its row, group by group: (N, groups, h, w, w).

    Args:
        features: (2 N, C, h, w), those of the left pictures first.
    """
    a, b = (each.unflatten(1, (groups, -1)).permute(0, 1, 3, 4, 2) for each in features.chunk(2))
    return a @ b.transpose(3, 4) / a.shape[4] ** 0.5


def _cost_volume(pairs: Tensor, candidates: int) -> Tensor:
    """(N, groups, D, h, w) correlation at disparity 0, 1, ... D - 1; nothing outside the right picture."""
    width = pairs.shape[4]
    steps = torch.arange(candidates, device=pairs.device)
    index = torch.arange(width, device=pairs.device).view(-1, 1) - steps
    found = pairs.gather(4, index.clamp(min=0).expand(*pairs.shape[:3], -1, -1)) * (index >= 0)
    return found.permute(0, 1, 4, 2, 3)


def _around(values: Tensor, places: Tensor, radius: int) -> Tensor:
    """(N, C * (2 r + 1), h, w) values of (N, C, h, w, K) around (N, h, w) places along K."""
    found = gather_linear(values, places.unsqueeze(1).expand(values.shape[:4]), radius)
    return found.permute(0, 1, 4, 2, 3).flatten(1, 2)


ENTRIES = (StereoEntry(name="raft-stereo-small", build=RaftStereoSmall, multiple=32, licence="Apache-2.0"),)
