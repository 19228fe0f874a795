"""Learn a metric prompt through a frozen prompted network, from crops of rendered tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from depth_prompt_ros.data.sets.crop_set import KNOWN, CropSet
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.graph.metric_prompt import Metric
from depth_prompt_ros.graph.metric_prompted_network import MetricPromptedNetwork
from depth_prompt_ros.graph.prompt import METRIC
from depth_prompt_ros.graph.stated_interval import MEASURED, StatedInterval
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.learning.losses import gradient_loss
from depth_prompt_ros.learning.mean_weights import mean_of
from depth_prompt_ros.learning.metric.crops import WAYS
from depth_prompt_ros.learning.run_state import Report
from depth_prompt_ros.learning.trainer import Losses, Schedule, augment_colour, fit, pick_device, write_weights
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.prompted import INTERVAL, load_prompted, new_metric_prompt
from depth_prompt_ros.runtime.tensorrt.engine_file import file_sha256

_ABSOLUTE, _SLOPES = 2.0, 0.5
"""Weights of the mean absolute error and of its gradients beside the likelihood."""

_INTERVAL = 0.9
"""Share of the pixels that the stated interval is to hold."""

_MOST = 150.0
"""Millimetres: a validation crop that is farther off counts no more, or one would choose the state."""

_LEAST = 20
"""A crop of which fewer true pixels are known is not looked at."""


class Crops(NamedTuple):
    """N crops; (N, 1, S, S) float32 but ``image`` (N, 3, S, S), ``relief`` and ``free_shift`` (N,)."""

    image: Tensor
    mask: Tensor
    metric: Metric
    relief: Tensor
    free_shift: Tensor
    truth: Tensor

    def mirrored(self) -> Crops:
        """Left and right exchanged."""
        metric = Metric(*(each.flip(3) for each in self.metric))
        return self._replace(image=self.image.flip(3), mask=self.mask.flip(3), metric=metric, truth=self.truth.flip(3))

    @property
    def known(self) -> Tensor:
        """(N, 1, S, S) in {0, 1}: the target's own pixels with a true depth."""
        return self.mask * (self.truth > 0).to(self.mask.dtype)


def load_crops(crops: CropSet, indices: NDArray[np.int64], device: torch.device) -> Crops:
    """Those crops of a set."""

    def plane(name: str) -> Tensor:
        return torch.from_numpy(getattr(crops, name)[indices].astype(np.float32)).to(device)[:, None]

    image = torch.from_numpy(crops.images[indices]).to(device).permute(0, 3, 1, 2).float() / 255
    scalars = torch.from_numpy(crops.scalars[indices]).to(device)
    metric = Metric(*(plane(name) for name in KNOWN))
    image = image.contiguous(memory_format=torch.channels_last)
    return Crops(image, plane("masks"), metric, scalars[:, 0], scalars[:, 1], plane("truth"))


def metric_losses(network: MetricPromptedNetwork, crops: Crops) -> Losses:
    """Negative log likelihood of Laplace errors of depth, their absolute mean and slopes, in widths of the targets."""
    inverse_depth, _, _, foretold, unit = network.answer(
        crops.image, crops.mask, crops.metric, crops.relief, crops.free_shift
    )
    known = crops.known
    width = unit.width / unit.middle
    error = (1 / inverse_depth - 1 / crops.truth.clamp(min=1e-3)) / width * known
    error = error.clamp(-4, 4)
    share = known / known.sum((1, 2, 3), keepdim=True).clamp(min=1)
    count = (known.sum((1, 2, 3)) > 0).sum().clamp(min=1)
    scale = foretold / width
    return {
        "likelihood": (share * (error.abs() / scale + scale.log())).sum() / count,
        "error": _ABSOLUTE * (share * error.abs()).sum() / count,
        "slopes": _SLOPES * gradient_loss(error, known),
    }


def learn_metric(
    train: CropSet,
    validation: CropSet,
    out: Path,
    schedule: Schedule,
    prompt: Path,
    name: str = "scene-net",
    weights: Path | None = None,
    start: Path | None = None,
    report: Report | None = None,
    average: Path | None = None,
) -> dict[str, dict[str, float]]:
    """Learn the metric prompt of a network on its background; writes weights, card and log; returns the card's figures.

    Network and background stay as they are, bit for bit. The best state by the mean error of the validation crops is
    the result; the interval is then calibrated on them.

    Args:
        prompt: the learned background, ``.safetensors``.
        weights: of the network; None: those of the catalogue.
        start: metric prompt to go on from; None: random weights.
        average: another one; the result is the mean of both (2109.01903). None: what is learned.

    Raises:
        BadModel: no such network, or files that do not belong together.
        BadInput: crops of another size than the network's, or what :func:`fit` refuses.
    """
    device = pick_device()
    other = _metric_of(load_prompted(average, name, weights), average) if average else None
    torch.manual_seed(schedule.seed)
    entry = catalogue.find(name)
    network = new_metric_prompt(prompt, name, weights)
    if start is not None:
        network.metric.load_state_dict(_metric_of(load_prompted(start, name, weights), start))
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.metric.requires_grad_(True)
    for crops in (train, validation):
        if crops.size != entry.size:
            raise BadInput(f"the crops are {crops.size} pixels wide, the network takes {entry.size}: cut others")

    def loss_of(crops: Crops, generator: torch.Generator) -> Losses:
        network.eval()
        network.metric.train()
        if torch.rand((), generator=generator) < 0.5:
            crops = crops.mirrored()
        return metric_losses(network, crops._replace(image=augment_colour(crops.image, generator)))

    def validate(_: int) -> float:
        return float(np.mean([min(row.error, _MOST) for row in look(network, validation, device)]))

    started_from = file_sha256(start) if start else ""
    seconds = fit(
        network.metric, lambda indices: load_crops(train, indices, device), loss_of, len(train), schedule, out, report,
        weight_decay=1e-4, validate=validate, settings={"network": entry.name, "start": started_from},
    )  # fmt: skip
    if other is not None:
        network.metric.load_state_dict(mean_of(network.metric.state_dict(), other))
    network.interval = calibrated(network, validation, device)
    figures = figures_of(network, validation, device)
    card = {
        "data": f"{len(train)} crops of rendered tables",
        "schedule": asdict(schedule),
        "started_from": started_from,
        "averaged_with": file_sha256(average) if average else "",
        "seconds": round(seconds),
        "validation": figures,
    }
    tensors, notes = read_weights(prompt)
    tensors |= {METRIC + key: value for key, value in network.metric.state_dict().items()}
    write_weights(out, tensors, {**notes, INTERVAL: str(network.interval)}, card)
    return figures


def _metric_of(network: nn.Module, path: Path) -> dict[str, Tensor]:
    if not isinstance(network, MetricPromptedNetwork):
        raise BadModel(f"{path} is a background without a metric prompt: give what learn metric wrote")
    return network.metric.state_dict()


class Looked(NamedTuple):
    """One crop.

    Attributes:
        way: how it was hidden, a place in :data:`depth_prompt_ros.learning.metric.crops.WAYS`.
        error, block: RMSE of the answer and of the block, mm; NaN without a block.
        held: share of the pixels whose error is within the stated interval.
        measured: share of the target that is measured.
        ratios: (P,) errors of some pixels over what was foretold.
    """

    way: int
    error: float
    block: float
    held: float
    measured: float
    ratios: NDArray[np.float32]


@torch.no_grad()
def look(network: MetricPromptedNetwork, crops: CropSet, device: torch.device, batch: int = 32) -> Iterator[Looked]:
    """Every crop of a set of which 20 true pixels are known."""
    network.eval()
    for start in range(0, len(crops), batch):
        places = np.arange(start, min(start + batch, len(crops)))
        some = load_crops(crops, places, device)
        inverse_depth, _, _, foretold, unit = network.answer(
            some.image, some.mask, some.metric, some.relief, some.free_shift
        )
        interval = network.interval.at(unit.measured)
        for row, place in enumerate(places):
            inside = some.known[row] > 0
            if int(inside.sum()) < _LEAST:
                continue
            truth = some.truth[row][inside]
            off = _off(inverse_depth[row][inside], truth)
            ratios = (off / foretold[row][inside]).cpu().numpy()
            block = some.metric.block[row][inside]
            yield Looked(
                int(crops.scalars[place, 2]), _rms(off), _rms(_off(block, truth)[block > 0]),
                float((ratios < float(interval[row])).mean()), float(unit.measured[row]),
                ratios[:: max(1, len(ratios) // 200)],
            )  # fmt: skip


def _off(inverse_depth: Tensor, truth: Tensor) -> Tensor:
    """Absolute difference of depth in metres; infinite where there is none."""
    return (1 / inverse_depth - 1 / truth).abs()


def _rms(off: Tensor) -> float:
    return 1000 * float(off.square().mean().sqrt())


def calibrated(network: MetricPromptedNetwork, crops: CropSet, device: torch.device) -> StatedInterval:
    """What the foretold error is multiplied by so that 90 % of the pixels are within it.

    Each crop counts for the nearest of the shares :data:`MEASURED`; where none does, all of them say it.
    """
    rows = list(look(network, crops, device))
    nearest = [int(np.argmin([abs(row.measured - share) for share in MEASURED])) for row in rows]
    groups = [[row.ratios for row, place in zip(rows, nearest, strict=True) if place == own] for own in range(3)]
    return StatedInterval(*(_holding(group or [row.ratios for row in rows]) for group in groups))


def _holding(ratios: Sequence[NDArray[np.float32]]) -> float:
    """Below which 90 % of the values are, each of the arrays weighing alike."""
    every = np.concatenate(ratios)
    weight = np.concatenate([np.full(len(each), 1 / len(each)) for each in ratios])
    order = np.argsort(every)
    return float(np.interp(_INTERVAL * weight.sum(), np.cumsum(weight[order]), every[order]))


def figures_of(network: MetricPromptedNetwork, crops: CropSet, device: torch.device) -> dict[str, dict[str, float]]:
    """Means by the way in which targets were hidden: RMSE in mm, the block's, and the share that intervals hold."""
    rows, found = list(look(network, crops, device)), {}
    for way, name in enumerate(WAYS):
        own = [row for row in rows if row.way == way]
        if own:
            found[name] = {
                "crops": len(own),
                "rmse_mm": round(float(np.mean([row.error for row in own])), 2),
                "block_rmse_mm": round(float(np.nanmean([row.block for row in own])), 2),
                "held": round(float(np.mean([row.held for row in own])), 3),
            }
    return found
