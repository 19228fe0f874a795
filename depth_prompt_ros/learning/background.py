"""Learn a single background through a frozen network on rendered objects (2306.05428, 1-BG)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from depth_prompt_ros.data.picture_set import PictureSet
from depth_prompt_ros.graph.disparity import relative_inverse_depth
from depth_prompt_ros.graph.prompt import FourierBackground, composite
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


def learn_background(
    train: PictureSet,
    test: PictureSet,
    out: Path,
    schedule: Schedule,
    name: str = "scene-net",
    weights: Path | None = None,
    report: Report | None = None,
) -> dict[str, dict[str, float]]:
    """Learn the background, write it with its card and a PNG to look at; returns :func:`compare_backgrounds`.

    The frozen network stays in eval mode: its batch-norm statistics never move. Adam with a one-cycle rate replaces the
    paper's SGD, which needs 150 k iterations.
    """
    torch.manual_seed(schedule.seed)
    device, entry = pick_device(), catalogue.find(name)
    network = catalogue.load_frozen(name, weights).to(device)
    normalise = catalogue.Normalise(entry).to(device)
    background = FourierBackground(entry.size, torch.Generator().manual_seed(schedule.seed)).to(device)

    def loss_of(indices: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        batch = load_batch(train, indices, device)
        if torch.rand((), generator=generator) < 0.5:
            batch = batch.mirrored()
        image, depth, mask, intrinsics = batch
        picture = normalise(composite(augment_colour(image, generator), mask, background()))
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=schedule.bfloat16):
            disparity = network(picture)
        prediction = 1 / relative_inverse_depth(disparity.float())
        return losses.prompting_loss(prediction, losses.scale_to_mean(depth, mask), mask, intrinsics)

    seconds = fit(background, loss_of, len(train), schedule, out, report)
    learned = background().detach()
    figures = compare_backgrounds(network, normalise, learned, test, device)
    card = {
        "data": f"{len(train)} rendered objects",
        "schedule": asdict(schedule),
        "seconds": round(seconds),
        "test": figures,
    }
    write_weights(
        out, {"picture": learned}, {"prompt": "single background", "network": name, "size": str(entry.size)}, card
    )
    pixels = (255 * learned[0].permute(1, 2, 0).cpu().numpy() + 0.5).astype(np.uint8)
    cv2.imwrite(str(out.with_suffix(".png")), pixels[..., ::-1])
    return figures


@torch.no_grad()
def compare_backgrounds(
    network: nn.Module, normalise: nn.Module, learned: Tensor, test: PictureSet, device: torch.device
) -> dict[str, dict[str, float]]:
    """si-RMSE and normal cosine of the frozen network per background, and of a constant depth, on test objects."""
    size = test.images.shape[1]
    noise = torch.rand((1, 3, size, size), generator=torch.Generator().manual_seed(0)).to(device)
    fixed = {"white": torch.ones_like(noise), "noise": noise, "learned": learned}
    sums: dict[str, list[Tensor]] = {}
    for start in range(0, len(test), 32):
        image, depth, mask, intrinsics = load_batch(test, np.arange(start, min(start + 32, len(test))), device)
        target = losses.scale_to_mean(depth, mask)
        pictures = {key: composite(image, mask, background) for key, background in fixed.items()}
        pictures["original"] = image
        depths = {key: 1 / relative_inverse_depth(network(normalise(value))) for key, value in pictures.items()}
        depths["constant depth"] = torch.ones_like(depth)
        for key, value in depths.items():
            rmse = losses.si_rmse(value, target, mask)
            cosine = losses.normal_cosine(value, target, mask, intrinsics)
            sums.setdefault(key, []).append(torch.stack([rmse, cosine], 1))
    means = {key: torch.cat(rows).mean(0).tolist() for key, rows in sums.items()}
    return {
        key: {"si_rmse": round(rmse, 4), "normal_cosine": round(cosine, 4)} for key, (rmse, cosine) in means.items()
    }
