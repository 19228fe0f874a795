"""CREStereo (2203.11483): a cascade of recurrent updates at a sixteenth, an eighth and a quarter of the picture."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.networks.entry import Source, StereoEntry, StereoNetwork
from depth_prompt_ros.networks.stereo.parts import DisparityHead, convex_upsample, two_units

_GROUPS, _CANDIDATES = 4, 9
_ROW = tuple((0, x) for x in range(-4, 5))
_PATCH = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1))
"""Where matches are looked for around the present one, (y, x): in turn along the row and all around."""


class _Encoder(nn.Module):
    """Picture to features at a quarter of its size."""

    def __init__(self, widths: tuple[int, int, int], features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3)
        self.norm1 = nn.InstanceNorm2d(widths[0])
        self.layer1 = two_units(widths[0], widths[0], "instance", 1, project=True)
        self.layer2 = two_units(widths[0], widths[1], "instance", 2, project=True)
        self.layer3 = two_units(widths[1], widths[2], "instance", 1, project=True)
        self.conv2 = nn.Conv2d(widths[2], features, 1)

    def forward(self, picture: Tensor) -> Tensor:
        features = functional.relu(self.norm1(self.conv1(picture)))
        features = self.layer3(self.layer2(self.layer1(features)))
        matched: Tensor = self.conv2(features)
        return matched


class _Attention(nn.Module):
    """One encoder layer of LoFTR (2104.00680) with linear attention (2006.16236)."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(features, features, bias=False)
        self.k_proj = nn.Linear(features, features, bias=False)
        self.v_proj = nn.Linear(features, features, bias=False)
        self.merge = nn.Linear(features, features, bias=False)
        self.mlp = nn.Sequential(
            nn.Linear(2 * features, 2 * features, bias=False), nn.ReLU(), nn.Linear(2 * features, features, bias=False)
        )
        self.norm1 = nn.LayerNorm(features)
        self.norm2 = nn.LayerNorm(features)

    def forward(self, tokens: Tensor, source: Tensor) -> Tensor:
        """(N, L, C) tokens, changed by what they find among the (N, S, C) of the source."""
        query, key, value = (
            project(each).unflatten(2, (self.heads, -1))
            for project, each in ((self.q_proj, tokens), (self.k_proj, source), (self.v_proj, source))
        )
        query, key = functional.elu(query) + 1, functional.elu(key) + 1
        found = torch.einsum("nlhd,nhdv->nlhv", query, torch.einsum("nshd,nshv->nhdv", key, value))
        weight = torch.einsum("nlhd,nhd->nlh", query, key.sum(1)) + 1e-6
        message = self.norm1(self.merge((found / weight.unsqueeze(3)).flatten(2)))
        return tokens + self.norm2(self.mlp(torch.cat([tokens, message], 2)))


class _Transformer(nn.Module):
    """Attention of both pictures' features to themselves, or to each other: left first, then right to the new left."""

    def __init__(self, features: int, heads: int, cross: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_Attention(features, heads)])
        self.cross = cross

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """Both (N, C, h, w)."""
        size = left.shape[2:]
        a, b = (each.flatten(2).transpose(1, 2) for each in (left, right))
        for layer in self.layers:
            a = layer(a, b if self.cross else a)
            b = layer(b, a if self.cross else b)
        left, right = (each.transpose(1, 2).unflatten(2, size) for each in (a, b))
        return left, right


class _MotionEncoder(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.convc1 = nn.Conv2d(_GROUPS * _CANDIDATES, 2 * hidden, 1)
        self.convc2 = nn.Conv2d(2 * hidden, hidden + hidden // 2, 3, 1, 1)
        self.convf1 = nn.Conv2d(2, hidden, 7, 1, 3)
        self.convf2 = nn.Conv2d(hidden, hidden // 2, 3, 1, 1)
        self.conv = nn.Conv2d(2 * hidden, hidden - 2, 3, 1, 1)

    def forward(self, flow: Tensor, correlation: Tensor) -> Tensor:
        matched = functional.relu(self.convc2(functional.relu(self.convc1(correlation))))
        moved = functional.relu(self.convf2(functional.relu(self.convf1(flow))))
        return torch.cat([functional.relu(self.conv(torch.cat([matched, moved], 1))), flow], 1)


class _SeparableGru(nn.Module):
    """A gated recurrent unit along rows, then one along columns."""

    def __init__(self, hidden: int, inputs: int) -> None:
        super().__init__()
        for place, (kernel, padding) in enumerate((((1, 5), (0, 2)), ((5, 1), (2, 0))), 1):
            for gate in "zrq":
                self.add_module(f"conv{gate}{place}", nn.Conv2d(hidden + inputs, hidden, kernel, 1, padding))

    def forward(self, hidden: Tensor, inputs: Tensor) -> Tensor:
        for place in (1, 2):
            update_gate, reset_gate, propose = (self.get_submodule(f"conv{gate}{place}") for gate in "zrq")
            both = torch.cat([hidden, inputs], 1)
            update = torch.sigmoid(update_gate(both))
            reset = torch.sigmoid(reset_gate(both))
            proposed = torch.tanh(propose(torch.cat([reset * hidden, inputs], 1)))
            hidden = (1 - update) * hidden + update * proposed
        return hidden


class _Update(nn.Module):
    """The one recurrent unit of all scales."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.encoder = _MotionEncoder(hidden)
        self.gru = _SeparableGru(hidden, 2 * hidden)
        self.flow_head = DisparityHead(hidden, 2 * hidden)
        self.mask = nn.Sequential(nn.Conv2d(hidden, 2 * hidden, 3, 1, 1), nn.ReLU(), nn.Conv2d(2 * hidden, 9 * 16, 1))

    def forward(
        self, hidden: Tensor, context: Tensor, correlation: Tensor, flow: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The next state, the flow, and that flow four times as large, in pixels of that size."""
        hidden = self.gru(hidden, torch.cat([context, self.encoder(flow, correlation)], 1))
        flow = flow + self.flow_head(hidden)
        return hidden, flow, convex_upsample(flow, 0.25 * self.mask(hidden), 4)


class CreStereo(StereoNetwork):
    """Rectified pair to disparity, 5.4 M parameters; modules are named as published.

    Input: two (N, 3, H, W) pictures in [-1, 1], H and W multiples of 32 (of 16 without ``two_stages``); output
    (N, 1, H, W) disparity of the left picture in pixels, positive.

    Args:
        widths: of the encoder.
        hidden: channels of the state; there are twice as many features.
        iterations: updates at a quarter of the size; half as many at an eighth and at a sixteenth.
        two_stages: as published, match the halved pictures first and start from there.
    """

    def __init__(
        self,
        widths: tuple[int, int, int] = (64, 96, 128),
        hidden: int = 128,
        iterations: int = 20,
        two_stages: bool = True,
    ) -> None:
        super().__init__()
        self.hidden, self.iterations, self.two_stages = hidden, iterations, two_stages
        features = 2 * hidden
        self.fnet = _Encoder(widths, features)
        self.update_block = _Update(hidden)
        self.self_att_fn = _Transformer(features, 8, cross=False)
        self.cross_att_fn = _Transformer(features, 8, cross=True)
        self.conv_offset_16 = nn.Conv2d(features, 2 * _CANDIDATES, 3, 1, 1)
        self.conv_offset_8 = nn.Conv2d(features, 2 * _CANDIDATES, 3, 1, 1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """(N, 1, H, W) disparity in pixels."""
        start = None
        if self.two_stages:
            halves = (_resized(picture, (picture.shape[2] // 2, picture.shape[3] // 2)) for picture in (left, right))
            start = self._refined(*halves)[-1]
        return -self._refined(left, right, start)[-1][:, :1]

    def steps(self, left: Tensor, right: Tensor) -> list[Tensor]:
        """The disparity after every iteration at every scale, the last one last: what is learned from."""
        return [-flow[:, :1] for flow in self._refined(left, right)]

    def _refined(self, left: Tensor, right: Tensor, start: Tensor | None = None) -> list[Tensor]:
        """(N, 2, H, W) flows after every iteration; ``start`` is the flow of smaller pictures."""
        count = left.shape[0]
        features = self.fnet(torch.cat([left, right]))
        a, b = features[:count].float(), features[count:].float()
        state, context = torch.tanh(a[:, : self.hidden]), functional.relu(a[:, self.hidden :])
        found: list[Tensor] = []
        if start is not None:
            flow = _halved(start, a)
        else:
            flow = large = a.new_zeros(count, 2, a.shape[2] // 4, a.shape[3] // 4)
            for factor, offset in ((4, self.conv_offset_16), (2, self.conv_offset_8)):
                a_small, b_small, small_state, small_context = (
                    functional.avg_pool2d(each, factor) for each in (a, b, state, context)
                )
                around = 2 * torch.sigmoid(offset(a_small)) - 1
                if factor == 4:
                    waves = _waves(a_small)
                    a_small, b_small = self.cross_att_fn(*self.self_att_fn(a_small + waves, b_small + waves))
                else:
                    flow = _handed_on(large, a_small)
                for iteration in range(self.iterations // 2):
                    flow = flow.detach()
                    correlation = _offset_correlation(a_small, b_small, flow, around, _PATCH if iteration % 2 else _ROW)
                    small_state, flow, large = self.update_block(small_state, small_context, correlation, flow)
                    found.append(factor * _resized(large, left.shape[2:]))
            flow = _handed_on(large, a)
        for iteration in range(self.iterations):
            flow = flow.detach()
            correlation = _warped_correlation(a, b, flow, _PATCH if iteration % 2 else _ROW)
            state, flow, large = self.update_block(state, context, correlation, flow)
            found.append(large)
        return found


def _resized(values: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    return functional.interpolate(values, size, mode="bilinear", align_corners=True)


def _halved(flow: Tensor, like: Tensor) -> Tensor:
    """A flow of twice that size, in that size's pixels."""
    return 0.5 * _resized(flow, like.shape[2:])


def _handed_on(flow: Tensor, like: Tensor) -> Tensor:
    """What the next finer scale starts from; its *sign is turned*, as in the code that learned the weights."""
    return -_halved(flow, like)


def _waves(features: Tensor) -> Tensor:
    """(C, h, w) sines and cosines of the position, with the wave lengths of the published code: 2 pi e^(2 k)."""
    channels, height, width = features.shape[1:]
    rates = torch.exp(-torch.arange(0.0, channels // 2, 2, device=features.device)).view(-1, 1, 1)
    columns, rows = (torch.arange(side, device=features.device, dtype=rates.dtype) + 1 for side in (width, height))
    x, y = columns * rates, rows.unsqueeze(1) * rates
    x, y = x.expand(-1, height, -1), y.expand(-1, -1, width)
    return torch.stack([x.sin(), x.cos(), y.sin(), y.cos()], 1).flatten(0, 1)


def _sampled(features: Tensor, flow: Tensor) -> Tensor:
    """Features where each pixel's match is, bilinear, nothing outside: (N, C, h, w) by (N, 2, k * h, w) flows."""
    height, width = features.shape[2:]
    x = flow[:, 0].unflatten(1, (-1, height)) + torch.arange(width, device=flow.device, dtype=flow.dtype)
    y = flow[:, 1].unflatten(1, (-1, height)) + torch.arange(height, device=flow.device, dtype=flow.dtype).unsqueeze(1)
    places = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], 4).flatten(1, 2)
    return functional.grid_sample(features, places, mode="bilinear", padding_mode="zeros", align_corners=True)


def _warped_correlation(left: Tensor, right: Tensor, flow: Tensor, places: tuple[tuple[int, int], ...]) -> Tensor:
    """(N, groups * places, h, w) group-wise correlation with the right features, warped once, then shifted."""
    height, width = left.shape[2:]
    top, side = max(y for y, _ in places), max(x for _, x in places)
    warped = functional.pad(_sampled(right, flow), (side, side, top, top), mode="replicate")
    shifted = (warped[:, :, top + y : top + y + height, side + x : side + x + width] for y, x in places)
    return torch.stack([_group_mean(left * each) for each in shifted], 2).flatten(1, 2)


def _offset_correlation(
    left: Tensor, right: Tensor, flow: Tensor, offsets: Tensor, places: tuple[tuple[int, int], ...]
) -> Tensor:
    """(N, groups * places, h, w) group-wise correlation at places moved by learned (N, 2 * places, h, w) offsets."""
    fixed = torch.tensor([(x, y) for y, x in places], device=flow.device, dtype=flow.dtype).view(1, -1, 2, 1, 1)
    moved = flow.unsqueeze(1) + fixed + offsets.unflatten(1, (-1, 2))
    sampled = _sampled(right, moved.transpose(1, 2).flatten(2, 3)).unflatten(2, (len(places), -1))
    return _group_mean(left.unsqueeze(2) * sampled).flatten(1, 2)


def _group_mean(products: Tensor) -> Tensor:
    """(N, C, ...) -> (N, groups, ...)."""
    return products.unflatten(1, (_GROUPS, -1)).mean(2)


def published_tensors(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Named as here: saved from several GPUs."""
    return {name.removeprefix("module."): value for name, value in tensors.items()}


ENTRIES = (
    StereoEntry(
        name="crestereo-eth3d",
        build=CreStereo,
        multiple=32,
        licence="Apache-2.0",
        source=Source(page="https://github.com/ibaiGorordo/CREStereo-Pytorch"),
        adapt=published_tensors,
        blue_first=True,
    ),
    StereoEntry(
        name="crestereo-small",
        build=partial(CreStereo, widths=(16, 32, 48), hidden=32, iterations=4, two_stages=False),
        multiple=16,
        licence="Apache-2.0",
    ),
)
