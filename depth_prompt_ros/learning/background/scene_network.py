"""Learn the shipped depth network on rendered scenes; afterwards it is frozen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.learning import losses
from depth_prompt_ros.learning.precision import in_bfloat16
from depth_prompt_ros.learning.run_state import Report
from depth_prompt_ros.learning.trainer import (
    Batch,
    Losses,
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


def _zoomed(batch: Batch, generator: torch.Generator) -> Batch:
    """A random square window of all pictures, 0.6 to 1 times their side, enlarged to their size again."""
    size = batch.image.shape[3]
    side = int(size * (0.6 + 0.4 * torch.rand((), generator=generator)))
    top, left = torch.randint(0, size - side + 1, (2,), generator=generator).tolist()
    window = (..., slice(top, top + side), slice(left, left + side))
    image = functional.interpolate(batch.image[window], size=(size, size), mode="bilinear", align_corners=False)
    depth, mask = (functional.interpolate(each[window], size=(size, size)) for each in (batch.depth, batch.mask))
    return Batch(image, depth, mask, batch.intrinsics)


def learn_scene_network(
    train: PictureSet,
    test: PictureSet,
    out: Path,
    schedule: Schedule,
    name: str = "scene-net",
    report: Report | None = None,
) -> dict[str, float]:
    """Learn catalogue network ``name`` on scenes, write weights and card to ``out``; returns the test figures.

    Loss: absolute error to disparity of mean 0 and deviation 1 over each picture, and MiDaS's gradient term of the same
    residual. Colour augmentation, flips, zooms.
    """
    torch.manual_seed(schedule.seed)
    device, entry = pick_device(), catalogue.find(name)
    network = entry.build().to(device).train()
    normalise = catalogue.Normalise(entry).to(device)

    def loss_of(batch: Batch, generator: torch.Generator) -> Losses:
        if torch.rand((), generator=generator) < 0.5:
            batch = batch.mirrored()
        if torch.rand((), generator=generator) < 0.5:
            batch = _zoomed(batch, generator)
        mask = batch.mask
        picture = normalise(augment_colour(batch.image, generator))
        with in_bfloat16(device, schedule.bfloat16):
            prediction = network(picture)
        prediction, target = prediction.float(), _normalised_disparity(batch.depth)
        residual = mask * (prediction - target)
        return {
            "disparity": residual.abs().sum() / mask.sum().clamp(min=1),
            "gradients": 0.5 * losses.gradient_loss(residual, mask),
        }

    seconds = fit(
        network,
        lambda indices: load_batch(train, indices, device),
        loss_of,
        len(train),
        schedule,
        out,
        report,
        weight_decay=0.01,
        settings={"network": name},
    )
    network.eval()
    # Half the file, and 1e-3 of a weight; vectors, among them the norms' variances, keep their range.
    stored = {key: value.half() if value.ndim > 1 else value for key, value in network.state_dict().items()}
    network.load_state_dict(stored)
    figures = evaluate_scene_network(
        lambda image: network(normalise(image)), test, mean_disparity(train, device), device
    )
    card = {
        "data": f"{len(train)} rendered scenes",
        "schedule": asdict(schedule),
        "seconds": round(seconds),
        "test": figures,
    }
    metadata = {"network": name, "output": entry.output, "size": str(entry.size), "licence": entry.licence}
    write_weights(out, stored, metadata, card)
    return figures


def mean_disparity(train: PictureSet, device: torch.device) -> Tensor:
    """(1, 1, S, S) what scenes look like on average: disparity of mean 0 and deviation 1, mean of 1000 pictures."""
    chosen = np.linspace(0, len(train) - 1, min(1000, len(train))).astype(int)
    chunks = np.array_split(chosen, -(-len(chosen) // 100))
    rows = [_normalised_disparity(load_batch(train, chunk, device).depth).sum(0, keepdim=True) for chunk in chunks]
    return torch.stack(rows).sum(0) / len(chosen)


@torch.no_grad()
def evaluate_scene_network(
    disparity_of: Callable[[Tensor], Tensor], test: PictureSet, mean_scene: Tensor, device: torch.device
) -> dict[str, float]:
    """Mean test errors of a network on scenes, with a constant depth and the mean scene as baselines.

    ``unexplained_variance`` is the share of disparity variance left after the best scale and shift: 1 for a constant
    picture, 0 for a perfect one. ``abs_rel`` is of depth after the same fit.
    """
    rows = []
    for start in range(0, len(test), 32):
        image, depth, mask, *_ = load_batch(test, np.arange(start, min(start + 32, len(test))), device)
        disparity = 1 / depth.clamp(min=0.05)
        variance = (disparity - disparity.mean((1, 2, 3), keepdim=True)).square().mean((1, 2, 3)).clamp(min=1e-9)
        answers = (disparity_of(image), mean_scene.expand_as(disparity), torch.zeros_like(disparity))
        row = []
        for answer in answers:
            fitted = losses.align_scale_shift(answer, disparity, mask)
            row.append((fitted - disparity).square().mean((1, 2, 3)) / variance)
            row.append(((1 / fitted.clamp(min=0.1) - depth).abs() / depth).mean((1, 2, 3)))
        rows.append(torch.stack(row, 1))
    means = torch.cat(rows).mean(0).tolist()
    names = [
        f"{figure}{who}" for who in ("", "_mean_scene", "_constant") for figure in ("unexplained_variance", "abs_rel")
    ]
    return {name: round(value, 4) for name, value in zip(names, means, strict=True)}
