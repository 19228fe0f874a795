"""RAFT-Stereo (2109.07547): all-pairs correlation along rows, looked up by recurrent updates of the disparity."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.networks.entry import Source, StereoEntry, StereoNetwork
from depth_prompt_ros.networks.stereo.parts import (
    DisparityHead,
    Norm,
    Residual,
    convex_upsample,
    gather_linear,
    norm_layer,
    two_units,
)

_STEM, _WIDTHS = 64, (64, 96, 128)
_FEATURES, _HIDDEN, _MOTION = 256, 128, 128
_LEVELS, _RADIUS = 4, 4


class _Encoder(nn.Module):
    """Picture to features at 1 / 2^halvings."""

    def __init__(self, norm: Norm, halvings: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, _STEM, 7, 1 + (halvings > 2), 3)
        self.norm1 = nn.GroupNorm(8, _STEM) if norm == "group" else norm_layer(norm, _STEM)
        self.layer1 = two_units(_STEM, _WIDTHS[0], norm, 1)
        self.layer2 = two_units(_WIDTHS[0], _WIDTHS[1], norm, 1 + (halvings > 1))
        self.layer3 = two_units(_WIDTHS[1], _WIDTHS[2], norm, 1 + (halvings > 0))

    def trunk(self, picture: Tensor) -> Tensor:
        """(N, 128, h, w)."""
        features: Tensor = self.layer1(functional.relu(self.norm1(self.conv1(picture))))
        features = self.layer2(features)
        found: Tensor = self.layer3(features)
        return found


class _FeatureEncoder(_Encoder):
    """Encoder of the features that are correlated."""

    def __init__(self, halvings: int) -> None:
        super().__init__("instance", halvings)
        self.conv2 = nn.Conv2d(_WIDTHS[2], _FEATURES, 1)

    def forward(self, picture: Tensor) -> Tensor:
        features: Tensor = self.conv2(self.trunk(picture))
        return features


class _ContextEncoder(_Encoder):
    """First hidden states and context at up to three scales, the finest first.

    The names of its outputs are those of the scales that a field at an eighth of the picture has.
    """

    def __init__(self, norm: Norm, halvings: int) -> None:
        super().__init__(norm, halvings)
        width = _WIDTHS[2]
        self.layer4 = two_units(width, width, norm, 2)
        self.layer5 = two_units(width, width, norm, 2)
        self.outputs08 = nn.ModuleList(self._output(norm) for _ in range(2))
        self.outputs16 = nn.ModuleList(self._output(norm) for _ in range(2))
        self.outputs32 = nn.ModuleList(nn.Conv2d(width, _HIDDEN, 3, 1, 1) for _ in range(2))

    @staticmethod
    def _output(norm: Norm) -> nn.Sequential:
        width = _WIDTHS[2]
        return nn.Sequential(Residual(width, width, norm), nn.Conv2d(width, _HIDDEN, 3, 1, 1))

    def scales(self, features: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
        """Hidden state and context of ``count`` scales from the trunk's features."""
        found = []
        for outputs, coarser in ((self.outputs08, self.layer4), (self.outputs16, self.layer5), (self.outputs32, None)):
            found.append((torch.tanh(outputs[0](features)), functional.relu(outputs[1](features))))
            if len(found) == count:
                return found
            assert coarser is not None
            features = coarser(features)
        raise AssertionError


class _MotionEncoder(nn.Module):
    """Correlation around the present flow, and that flow, as features."""

    def __init__(self) -> None:
        super().__init__()
        self.convc1 = nn.Conv2d(_LEVELS * (2 * _RADIUS + 1), 64, 1)
        self.convc2 = nn.Conv2d(64, 64, 3, 1, 1)
        self.convf1 = nn.Conv2d(2, 64, 7, 1, 3)
        self.convf2 = nn.Conv2d(64, 64, 3, 1, 1)
        self.conv = nn.Conv2d(128, _MOTION - 2, 3, 1, 1)

    def forward(self, flow: Tensor, correlation: Tensor) -> Tensor:
        matched = functional.relu(self.convc2(functional.relu(self.convc1(correlation))))
        moved = functional.relu(self.convf2(functional.relu(self.convf1(flow))))
        return torch.cat([functional.relu(self.conv(torch.cat([matched, moved], 1))), flow], 1)


class ConvGru(nn.Module):
    """A convolutional gated recurrent unit; the context's share of each gate is computed once and added."""

    def __init__(self, hidden: int, inputs: int) -> None:
        super().__init__()
        self.convz = nn.Conv2d(hidden + inputs, hidden, 3, 1, 1)
        self.convr = nn.Conv2d(hidden + inputs, hidden, 3, 1, 1)
        self.convq = nn.Conv2d(hidden + inputs, hidden, 3, 1, 1)

    def forward(self, hidden: Tensor, context: tuple[Tensor, ...], *inputs: Tensor) -> Tensor:
        """The next hidden state, of the same shape."""
        both = torch.cat([hidden, *inputs], 1)
        update = torch.sigmoid(self.convz(both) + context[0])
        reset = torch.sigmoid(self.convr(both) + context[1])
        proposed = torch.tanh(self.convq(torch.cat([reset * hidden, *inputs], 1)) + context[2])
        return (1 - update) * hidden + update * proposed


class _Update(nn.Module):
    """Hidden states of all scales, the coarse ones first, then what is added to the flow."""

    def __init__(self, scales: int, halvings: int) -> None:
        super().__init__()
        self.encoder = _MotionEncoder()
        self.gru08 = ConvGru(_HIDDEN, _MOTION + _HIDDEN * (scales > 1))
        self.gru16 = ConvGru(_HIDDEN, _HIDDEN * (1 + (scales == 3)))
        self.gru32 = ConvGru(_HIDDEN, _HIDDEN)
        self.flow_head = DisparityHead(_HIDDEN, 256)
        self.mask = nn.Sequential(nn.Conv2d(_HIDDEN, 256, 3, 1, 1), nn.ReLU(), nn.Conv2d(256, 9 * 4**halvings, 1))

    def coarse(self, states: list[Tensor], context: list[tuple[Tensor, ...]], first: int) -> None:
        """Update the states from the coarsest to scale ``first`` in place."""
        if len(states) == 3:
            states[2] = self.gru32(states[2], context[2], _halved(states[1]))
        if first == 1 and len(states) > 1:
            finer = (_resized(states[2], states[1]),) if len(states) == 3 else ()
            states[1] = self.gru16(states[1], context[1], _halved(states[0]), *finer)

    def fine(
        self, states: list[Tensor], context: list[tuple[Tensor, ...]], flow: Tensor, correlation: Tensor
    ) -> Tensor:
        """Update the finest state in place; returns the change of the flow, (N, 2, h, w)."""
        coarser = (_resized(states[1], states[0]),) if len(states) > 1 else ()
        states[0] = self.gru08(states[0], context[0], self.encoder(flow, correlation), *coarser)
        change: Tensor = self.flow_head(states[0])
        return change

    def upsampling(self, state: Tensor) -> Tensor:
        """Logits of :func:`convex_upsample`."""
        return 0.25 * self.mask(state)


def _halved(state: Tensor) -> Tensor:
    return functional.avg_pool2d(state, 3, 2, 1)


def _resized(state: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(state, like.shape[2:], mode="bilinear", align_corners=True)


class RaftStereo(StereoNetwork):
    """Rectified pair to disparity, about 11 M parameters; modules are named as published.

    Input: two (N, 3, H, W) RGB pictures in [-1, 1], H and W multiples of 32; output (N, 1, H, W) disparity of the
    left picture in pixels, positive.

    Args:
        halvings: the disparity is refined at 1 / 2^halvings of the picture's size.
        scales: of hidden states, 1 to 3.
        shared: one encoder for both, context and what is correlated.
        slow_fast: the coarse hidden states are updated more often.
        norm: of the context encoder.
        iterations: updates of the disparity.
    """

    def __init__(
        self,
        halvings: int = 2,
        scales: int = 3,
        shared: bool = False,
        slow_fast: bool = False,
        norm: Norm = "batch",
        iterations: int = 32,
    ) -> None:
        super().__init__()
        self.halvings, self.slow_fast, self.iterations = halvings, slow_fast, iterations
        self.cnet = _ContextEncoder(norm, halvings)
        self.update_block = _Update(scales, halvings)
        self.context_zqr_convs = nn.ModuleList(nn.Conv2d(_HIDDEN, 3 * _HIDDEN, 3, 1, 1) for _ in range(scales))
        if shared:
            self.conv2 = nn.Sequential(
                Residual(_WIDTHS[2], _WIDTHS[2], "instance"), nn.Conv2d(_WIDTHS[2], _FEATURES, 3, 1, 1)
            )
        else:
            self.fnet = _FeatureEncoder(halvings)
        self.shared = shared

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """(N, 1, H, W) disparity in pixels."""
        return self._refined(left, right, every=False)[-1]

    def steps(self, left: Tensor, right: Tensor) -> list[Tensor]:
        """The disparity after every iteration, the last one last: what is learned from."""
        return self._refined(left, right, every=True)

    def _refined(self, left: Tensor, right: Tensor, every: bool) -> list[Tensor]:
        count, scales = left.shape[0], len(self.context_zqr_convs)
        both = torch.cat([left, right])
        trunk = self.cnet.trunk(both if self.shared else left)
        features = self.conv2(trunk) if self.shared else self.fnet(both)
        first = self.cnet.scales(trunk[:count], scales)
        states = [state for state, _ in first]
        context = [
            gates(features).chunk(3, 1) for gates, (_, features) in zip(self.context_zqr_convs, first, strict=True)
        ]
        pyramid = _pyramid(features[:count].float(), features[count:].float())
        columns = torch.arange(features.shape[3], device=left.device, dtype=torch.float32)
        flow = torch.zeros_like(features[:count, :1], dtype=torch.float32)
        found = []
        for iteration in range(self.iterations):
            flow = flow.detach()
            correlation = _looked_up(pyramid, columns + flow[:, 0])
            if self.slow_fast and scales == 3:
                self.update_block.coarse(states, context, first=2)
            if self.slow_fast:
                self.update_block.coarse(states, context, first=1)
            self.update_block.coarse(states, context, first=1)
            flat = torch.cat([flow, torch.zeros_like(flow)], 1)
            flow = flow + self.update_block.fine(states, context, flat, correlation)[:, :1].float()
            if every or iteration == self.iterations - 1:
                logits = self.update_block.upsampling(states[0]).float()
                found.append(-convex_upsample(flow, logits, 2**self.halvings))
        return found


def _pyramid(left: Tensor, right: Tensor) -> list[Tensor]:
    """Correlation of every left with every right pixel of its row: (N, h, w, w), then halved along the last axis."""
    levels = [torch.einsum("nchx,nchy->nhxy", left, right) / left.shape[1] ** 0.5]
    for _ in range(1, _LEVELS):
        levels.append(functional.avg_pool2d(levels[-1], (1, 2), (1, 2)))
    return levels


def _looked_up(pyramid: list[Tensor], columns: Tensor) -> Tensor:
    """(N, levels * (2 r + 1), h, w) correlation around the present match in column ``columns``, (N, h, w)."""
    found = [gather_linear(level, columns / 2**halved, _RADIUS) for halved, level in enumerate(pyramid)]
    return torch.cat(found, 3).permute(0, 3, 1, 2)


def published_tensors(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Named as here: saved from several GPUs, and with each shortcut's norm under two names, as published."""
    named = {name.removeprefix("module."): value for name, value in tensors.items()}
    return {name: value for name, value in named.items() if ".norm3." not in name}


_PAGE = "https://github.com/princeton-vl/RAFT-Stereo"

ENTRIES = tuple(
    StereoEntry(
        name=f"raft-stereo-{trained}",
        build=build,
        multiple=32,
        licence="MIT",
        source=Source(page=_PAGE),
        adapt=published_tensors,
    )
    for trained, build in (
        ("sceneflow", RaftStereo),
        ("middlebury", RaftStereo),
        ("eth3d", RaftStereo),
        ("realtime", partial(RaftStereo, halvings=3, scales=2, shared=True, slow_fast=True, iterations=7)),
    )
)
