"""Carry out one run of the study and keep what came out, object by object."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from depth_prompt_ros.data.rendering.looks.photographs import photographs
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.data.sets.resized import resized_set
from depth_prompt_ros.graph.prompt import composite, load_prompt
from depth_prompt_ros.learning.background.errors import (
    Compose,
    DepthNetwork,
    object_errors,
    on_white,
    plain_and_fitted,
    prompted,
)
from depth_prompt_ros.learning.background.fine_tuning import fine_tune
from depth_prompt_ros.learning.background.learn import composer, learn_background
from depth_prompt_ros.learning.background.resized import at_side
from depth_prompt_ros.learning.background.study.plan import Run
from depth_prompt_ros.learning.background.study.sets import LearningSets
from depth_prompt_ros.learning.trainer import Batch, load_batch, pick_device
from depth_prompt_ros.written_aside import write_text

RESULT, LEARNED = "result.json", "learned.safetensors"

ErrorsOn = Callable[[PictureSet], dict[str, NDArray[np.float32]]]
"""From a test set to (N, 2) si-RMSE and normal cosine by row."""
FITTED_TOO = ("none (white)", "original")
"""Fixed backgrounds that the learned ones are compared with where scale and shift are fitted."""

_FIXED_DRAWS = 4


def execute(run: Run, sets: LearningSets, folder: Path) -> None:
    """Learn, test, write ``result.json`` last; a folder that has one is done.

    Errors go to ``errors.npz``: for each row and test set "row|set", (N, 2) si-RMSE and normal cosine.
    """
    out = folder / run.folder
    if (out / RESULT).exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    errors_on = fixed_errors(run, sets) if run.method == "fixed" else learned_errors(run, sets, out)
    errors: dict[str, NDArray[np.float32]] = {}
    for test_name, test in sets.open_tests().items():
        errors |= {f"{row}|{test_name}": found for row, found in errors_on(test).items()}
    np.savez(out / "errors.npz", **errors)  # type: ignore[arg-type]
    _write(out / RESULT, {"row": run.row, "schedule": asdict(run.schedule), "seconds": round(time.monotonic() - began)})


def learned_errors(run: Run, sets: LearningSets, out: Path) -> ErrorsOn:
    """Errors after learning, as they are and fitted; weights stay in the run's folder."""
    train, validation = sets.open_train(), sets.open_validation()
    train = train.first(run.objects) if run.objects else train
    name, device, file = run.network.name, pick_device(), out / LEARNED
    if run.settings is None:
        if not file.exists():
            fine_tune(train, validation, file, run.schedule, name, run.network.weights)
        tuned = DepthNetwork.frozen(name, file, device)
        return lambda test: plain_and_fitted(run.row, tuned, on_white, test, device)
    if not file.exists():
        if run.side:
            train, validation = resized_set(train, run.side), resized_set(validation, run.side)
        weights = run.network.weights
        learn_background(train, validation, file, run.schedule, run.settings, name, weights, side=run.side)
    network = DepthNetwork.frozen(name, run.network.weights, device)
    compose = composer(load_prompt(file, name).to(device), run.settings)
    if run.side:
        answer = at_side(prompted(network, compose), run.side)
        return lambda test: {run.row: object_errors(answer, test, device)}
    return lambda test: plain_and_fitted(run.row, network, compose, test, device)


def fixed_errors(run: Run, sets: LearningSets) -> ErrorsOn:
    """Rows without learning: four fixed kinds of background, two of them fitted too, and two without any network."""
    device = pick_device()
    network = DepthNetwork.frozen(run.network.name, run.network.weights, device)
    mean_shape = mean_relative_depth(sets.open_train(), device)

    def errors_on(test: PictureSet) -> dict[str, NDArray[np.float32]]:
        found = {
            "constant depth": object_errors(lambda batch: torch.ones_like(batch.depth), test, device),
            "mean shape": object_errors(lambda batch: mean_shape.expand_as(batch.depth), test, device),
        }
        for row, compose in fixed_pictures(network.size).items():
            if row in FITTED_TOO:
                found |= plain_and_fitted(row, network, compose, test, device)
            else:
                found[row] = object_errors(prompted(network, compose), test, device)
        return found

    return errors_on


def fixed_pictures(size: int) -> dict[str, Compose]:
    """White, the original surroundings, and several noises and photographs, one for each picture of a batch in turn."""
    noise = torch.rand((_FIXED_DRAWS, 3, size, size), generator=torch.Generator().manual_seed(0))
    photos = torch.stack([torch.from_numpy(photo).permute(2, 0, 1) / 255 for photo in photographs(size)])

    def behind(pictures: torch.Tensor) -> Compose:
        def compose(batch: Batch) -> torch.Tensor:
            chosen = pictures[torch.arange(len(batch.image)) % len(pictures)].to(batch.image)
            return composite(batch.image, batch.mask, chosen)

        return compose

    return {
        "none (white)": on_white,
        "original": lambda batch: batch.image,
        "random noise": behind(noise),
        "photographs": behind(photos),
    }


def mean_relative_depth(train: PictureSet, device: torch.device) -> torch.Tensor:
    """(1, 1, S, S) mean over training objects of depth over its mean in the mask; 1 where no object ever is."""
    total = torch.zeros((1, 1, train.size, train.size), device=device)
    count = torch.zeros_like(total)
    for start in range(0, len(train), 200):
        batch = load_batch(train, np.arange(start, min(start + 200, len(train))), device)
        mean = (batch.mask * batch.depth).sum((1, 2, 3), True) / batch.mask.sum((1, 2, 3), True).clamp(min=1)
        total += (batch.mask * batch.depth / mean.clamp(min=1e-6)).sum(0, keepdim=True)
        count += batch.mask.sum(0, keepdim=True)
    return torch.where(count > 0, total / count.clamp(min=1), 1)


def _write(path: Path, content: dict[str, Any]) -> None:
    write_text(path, json.dumps(content, indent=1) + "\n")
