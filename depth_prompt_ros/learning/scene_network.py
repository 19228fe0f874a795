"""Learn the shipped depth network on rendered scenes; afterwards it is frozen."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from depth_prompt_ros.data.picture_set import PictureSet
from depth_prompt_ros.learning import losses
from depth_prompt_ros.learning.trainer import (
    Report,
    Schedule,
    augment_colour,
    fit,
    load_batch,
    pick_device,
    write_weights,
)
from depth_prompt_ros.networks import catalogue


def _normalised_disparity(depth: Tensor) -> Tensor:
    """1/depth with mean 0 and standard deviation 1 over each picture."""
    disparity = 1 / depth.clamp(min=0.05)
    mean = disparity.mean((1, 2, 3), keepdim=True)
    return (disparity - mean) / disparity.std((1, 2, 3), keepdim=True).clamp(min=1e-3)


def learn_scene_network(
    train: PictureSet,
    test: PictureSet,
    out: Path,
    schedule: Schedule,
    name: str = "scene-net",
    report: Report | None = None,
) -> dict[str, float]:
    """Learn catalogue network ``name`` on scenes, write weights and card to ``out``; returns the test figures.

    Loss in disparity: scale-and-shift-invariant with its gradient term (MiDaS), plus the plain squared error to
    disparity of mean 0 and deviation 1. Colour augmentation, flips.
    """
    torch.manual_seed(schedule.seed)
    device, entry = pick_device(), catalogue.find(name)
    network = entry.build().to(device).train()
    normalise = catalogue.Normalise(entry).to(device)

    def loss_of(indices: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        batch = load_batch(train, indices, device)
        if torch.rand((), generator=generator) < 0.5:
            batch = batch.mirrored()
        mask = batch.mask
        picture = normalise(augment_colour(batch.image, generator))
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=schedule.bfloat16):
            prediction = network(picture)
        prediction, target = prediction.float(), _normalised_disparity(batch.depth)
        # Aligned to its own best scale, a constant prediction gets no gradient; the plain term pulls it out of there.
        plain = (mask * (prediction - target)).square().sum() / mask.sum()
        return losses.scale_shift_invariant_loss(prediction, target, mask) + 0.5 * plain

    seconds = fit(network, loss_of, len(train), schedule, out, report, weight_decay=0.01)
    network.eval()
    figures = evaluate_scene_network(network, catalogue.Normalise(entry).to(device), test, device)
    card = {
        "data": f"{len(train)} rendered scenes",
        "schedule": asdict(schedule),
        "seconds": round(seconds),
        "test": figures,
    }
    metadata = {"network": name, "output": entry.output, "size": str(entry.size), "licence": entry.licence}
    write_weights(out, network.state_dict(), metadata, card)
    return figures


@torch.no_grad()
def evaluate_scene_network(
    network: torch.nn.Module, normalise: torch.nn.Module, test: PictureSet, device: torch.device
) -> dict[str, float]:
    """Mean over test scenes of the share of disparity variance left after the best scale and shift.

    ``unexplained_variance`` is 1 for a constant picture and 0 for a perfect one; AbsRel of depth is after the same
    fit in disparity, beside the AbsRel of the constant (mean disparity) picture.
    """
    rows = []
    for start in range(0, len(test), 32):
        image, depth, mask, _ = load_batch(test, np.arange(start, min(start + 32, len(test))), device)
        disparity = 1 / depth.clamp(min=0.05)
        fitted = losses.align_scale_shift(network(normalise(image)), disparity, mask)
        mean = disparity.mean((1, 2, 3), keepdim=True)
        left = (fitted - disparity).square().mean((1, 2, 3)) / (disparity - mean).square().mean((1, 2, 3)).clamp(
            min=1e-9
        )
        relative = ((1 / fitted.clamp(min=0.1) - depth).abs() / depth).mean((1, 2, 3))
        constant = ((1 / mean - depth).abs() / depth).mean((1, 2, 3))
        rows.append(torch.stack([left, relative, constant], 1))
    mean_row = torch.cat(rows).mean(0).tolist()
    names = ("unexplained_variance", "abs_rel", "abs_rel_constant")
    return {name: round(value, 4) for name, value in zip(names, mean_row, strict=True)}
