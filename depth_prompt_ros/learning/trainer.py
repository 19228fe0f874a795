"""The one training loop: seeded batches, a one-cycle schedule, checkpoints to go on from, progress with time left."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from depth_prompt_ros import __version__
from depth_prompt_ros.data.picture_set import PictureSet
from depth_prompt_ros.learning.checkpoint import Checkpoint

Report = Callable[[int, int, float, float], None]
"""Called with step, steps, mean loss since the last call, seconds left."""

_SAVE_EVERY = 200


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    Attributes:
        steps: optimiser steps.
        batch: pictures a step.
        learning_rate: the cycle's peak.
        seed: of batches and augmentation.
        bfloat16: run the network in bfloat16 where the processor has it (losses stay in float32).
    """

    steps: int
    batch: int
    learning_rate: float
    seed: int = 0
    bfloat16: bool = True


def pick_device() -> torch.device:
    """The first GPU, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fit(
    module: nn.Module,
    loss_of: Callable[[NDArray[np.int64], torch.Generator], Tensor],
    count: int,
    schedule: Schedule,
    out: Path,
    report: Report | None = None,
    weight_decay: float = 0.0,
) -> float:
    """Minimise ``loss_of(indices, generator)`` over ``count`` samples; returns the seconds it took.

    AdamW with a one-cycle learning rate (Smith 2018); samples are drawn without replacement, epoch after epoch. Every
    200 steps the whole state goes to a checkpoint beside ``out``, from which the same call goes on with the same
    result; it stays when learning is interrupted and is removed at the end.

    Raises:
        BadInput: a checkpoint that is corrupt or of other settings, or one that cannot be written.
    """
    optimiser = torch.optim.AdamW(module.parameters(), lr=schedule.learning_rate, weight_decay=weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, schedule.learning_rate, total_steps=schedule.steps, pct_start=0.15
    )
    generator = torch.Generator().manual_seed(schedule.seed)
    order = np.empty(0, np.int64)
    checkpoint = Checkpoint(out.with_suffix(".checkpoint"), {**asdict(schedule), "pictures": count})
    first, before = 1, 0.0
    if state := checkpoint.load():
        module.load_state_dict(state["module"])
        optimiser.load_state_dict(state["optimiser"])
        cycle.load_state_dict(state["cycle"])
        generator.set_state(state["generator"])
        order, first, before = state["order"].numpy(), state["step"] + 1, state["seconds"]
    began, losses = time.monotonic(), []
    for step in range(first, schedule.steps + 1):
        if len(order) < schedule.batch:
            order = np.concatenate([order, torch.randperm(count, generator=generator).numpy()])
        indices, order = np.sort(order[: schedule.batch]), order[schedule.batch :]
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(indices, generator)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], 1.0)
        optimiser.step()
        cycle.step()
        losses.append(float(loss.detach()))
        if report and (step % 50 == 0 or step == schedule.steps):
            left = (time.monotonic() - began) / (step - first + 1) * (schedule.steps - step)
            report(step, schedule.steps, float(np.mean(losses)), left)
            losses.clear()
        if step % _SAVE_EVERY == 0 and step < schedule.steps:
            checkpoint.save(
                {
                    "module": module.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "cycle": cycle.state_dict(),
                    "generator": generator.get_state(),
                    "order": torch.from_numpy(order),
                    "step": step,
                    "seconds": before + time.monotonic() - began,
                }
            )
    checkpoint.remove()
    return before + time.monotonic() - began


class Batch(NamedTuple):
    """N pictures with their truth, float32.

    Attributes:
        image: (N, 3, S, S) RGB in [0, 1], channels last in memory.
        depth: (N, 1, S, S) metres; where it is unknown, the picture's largest.
        mask: (N, 1, S, S) in {0, 1}, the object where its depth is known.
        intrinsics: (N, 4) fx, fy, cx, cy in pixels.
    """

    image: Tensor
    depth: Tensor
    mask: Tensor
    intrinsics: Tensor

    def mirrored(self) -> Batch:
        """Left and right exchanged."""
        fx, fy, cx, cy = self.intrinsics.unbind(1)
        intrinsics = torch.stack([fx, fy, self.image.shape[3] - 1 - cx, cy], 1)
        return Batch(self.image.flip(3), self.depth.flip(3), self.mask.flip(3), intrinsics)


def load_batch(data: PictureSet, indices: NDArray[np.int64], device: torch.device) -> Batch:
    """Those pictures of a set."""
    image = torch.from_numpy(data.images[indices]).to(device).permute(0, 3, 1, 2).float() / 255
    depth = torch.from_numpy(data.depths[indices]).to(device)[:, None]
    mask = torch.from_numpy(data.masks[indices]).to(device)[:, None] & torch.isfinite(depth)
    far = torch.where(torch.isfinite(depth), depth, 0).amax((1, 2, 3), keepdim=True).clamp(min=0.1)
    intrinsics = torch.from_numpy(data.intrinsics[indices]).to(device)
    image = image.contiguous(memory_format=torch.channels_last)
    return Batch(image, torch.where(mask, depth, far), mask.float(), intrinsics)


def augment_colour(image: Tensor, generator: torch.Generator) -> Tensor:
    """Gamma, brightness, per-channel gain and noise, drawn per picture; RGB in [0, 1] stays there."""
    count = len(image)

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return (torch.rand(shape, generator=generator) * (high - low) + low).to(image.device)

    gain = draw(0.7, 1.25, count, 1, 1, 1) * draw(0.9, 1.1, count, 3, 1, 1)
    noisy = image.clamp(min=1e-3) ** draw(0.7, 1.4, count, 1, 1, 1) * gain
    noise = torch.randn(image.shape, generator=generator).to(image.device) * draw(0, 0.03, count, 1, 1, 1)
    return (noisy + noise).clamp(0, 1)


def write_weights(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str], card: dict[str, Any]) -> None:
    """Write weights as safetensors, and their card as JSON beside them; both aside first, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".part")
    save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, str(aside), metadata)
    aside.replace(path)
    machine = {"package": __version__, "torch": torch.__version__, "threads": torch.get_num_threads()}
    machine["processor"] = platform.machine()
    note = path.with_suffix(".json")
    note_aside = note.with_name(note.name + ".part")
    note_aside.write_text(json.dumps({**metadata, **card, "made_with": machine}, indent=1) + "\n")
    note_aside.replace(note)
