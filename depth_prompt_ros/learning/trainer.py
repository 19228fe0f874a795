"""The one training loop: seeded batches, a schedule, checkpoints to go on from, a log, progress with time left."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from depth_prompt_ros import __version__
from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.errors import BadInput, Interrupted
from depth_prompt_ros.learning.checkpoint import Checkpoint, settings_of
from depth_prompt_ros.learning.log import TrainingLog
from depth_prompt_ros.learning.result_file import checkpoint_path, require_new
from depth_prompt_ros.learning.run_state import Clock, Place, Report, Shown
from depth_prompt_ros.signals import DeferredSignals
from depth_prompt_ros.written_aside import written_aside

Losses = dict[str, Tensor]
"""The terms of a loss by name, each () float; what is minimised is their sum."""

Loaded = TypeVar("Loaded")
"""A batch, of whatever is learned from."""

_LOG_EVERY = 50


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    Attributes:
        steps: optimiser steps.
        batch: pictures a step.
        learning_rate: the peak.
        seed: of first weights, batches and augmentation.
        bfloat16: run the network in bfloat16 where the processor has it (losses stay in float32).
        recipe: "one-cycle" is AdamW with a one-cycle rate (Smith 2018); "cosine" is AdamW with a linear warm-up over
            5 % of the steps and half a cosine down to 0; "paper" is 2306.05428's, SGD with momentum 0.9 and a tenth of
            the rate for the last fifth of the steps; "decay" is 2307.15052's, NAdam with 0.95 times the rate after
            each epoch; "halved" is 2205.08851's, Adam (0.5, 0.999), its rate halved after 60, 80 and 100 of 110 parts
            of the steps. Gradients are clipped to norm 1, but for "paper" and "decay", whose authors clip none.
        validate_every: steps between two looks at the validation set, 0 = none; the best state by then is the result.
    """

    steps: int
    batch: int
    learning_rate: float
    seed: int = 0
    bfloat16: bool = True
    recipe: Literal["one-cycle", "cosine", "paper", "decay", "halved"] = "one-cycle"
    validate_every: int = 0

    @property
    def clips(self) -> bool:
        """Whether gradients of a norm above 1 are scaled down to it."""
        return self.recipe not in ("paper", "decay")


def pick_device() -> torch.device:
    """The first GPU, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fit(
    module: nn.Module,
    load: Callable[[NDArray[np.int64]], Loaded],
    loss_of: Callable[[Loaded, torch.Generator], Losses],
    count: int,
    schedule: Schedule,
    out: Path,
    report: Report | None = None,
    weight_decay: float = 0.0,
    validate: Callable[[int], float] | None = None,
    settings: dict[str, Any] | None = None,
    groups: list[dict[str, Any]] | None = None,
    on_step: Callable[[int], None] | None = None,
) -> float:
    """Minimise ``loss_of(load(indices), generator)`` over ``count`` samples; returns the seconds it took.

    Samples are drawn without replacement, epoch after epoch; a thread loads the next batch while one is learned from.
    Losses go to a CSV file beside ``out``. Every 30 seconds, on Ctrl-C and SIGTERM after the step that is going on, and
    at the end the whole state goes to a checkpoint beside it, from which the same call goes on with the same result. It
    stays until :func:`write_weights` has written the result.

    Args:
        validate: called with the step, gives the figure to be lowest in the end.
        settings: what else makes a run another one; a checkpoint of another is refused.
        groups: parts of the parameters with a rate and a weight decay of their own, as PyTorch's optimisers take them;
            if None, all have the schedule's rate and ``weight_decay``.
        on_step: called with the step before each, for losses that change on the way.

    Raises:
        BadInput: ``out`` is of a finished run; a checkpoint that is corrupt or of other settings, or one that cannot be
            written.
        Interrupted: Ctrl-C or SIGTERM; a KeyboardInterrupt.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimiser, rates = _optimiser(groups or [{"params": parameters}], count, schedule, weight_decay)
    generator = torch.Generator().manual_seed(schedule.seed)
    checkpoint = Checkpoint(out, {**asdict(schedule), "pictures": count, **(settings or {})})
    require_new(out, checkpoint.settings)
    at = Place()
    if state := checkpoint.load():
        module.load_state_dict(state["module"])
        optimiser.load_state_dict(state["optimiser"])
        rates.load_state_dict(state["rates"])
        generator.set_state(state["generator"])
        at = Place(**{each.name: state[each.name] for each in fields(Place) if each.name in state})
    log = TrainingLog(out.with_suffix(".csv"), at.step + 1)
    order, clock, show = _Order(count, schedule), Clock(at.seconds), Shown(report, at.step, schedule.steps)

    def rate() -> float:
        return float(rates.get_last_lr()[0])

    def save() -> None:
        at.seconds = clock.seconds
        checkpoint.save(
            {
                "module": module.state_dict(),
                "optimiser": optimiser.state_dict(),
                "rates": rates.state_dict(),
                "generator": generator.get_state(),
                **{each.name: getattr(at, each.name) for each in fields(Place)},
            }
        )

    def learn_a_batch(step: int, batch: Loaded) -> None:
        if on_step:
            on_step(step)
        optimiser.zero_grad(set_to_none=True)
        terms = loss_of(batch, generator)
        torch.stack(list(terms.values())).sum().backward()
        if schedule.clips:
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        rates.step()
        for name, term in terms.items():
            at.sums.setdefault(name, []).append(float(term.detach()))

    def look(step: int) -> None:
        """At the validation set; what a run that stops before it has ended begins with."""
        assert validate is not None
        figure = validate(step)
        log.add(step, clock.seconds, rate(), {"validation": figure})
        if figure < at.best:
            at.best, at.best_state = figure, {key: value.clone() for key, value in module.state_dict().items()}
        at.due = False

    whole = True
    with ThreadPoolExecutor(1) as pool, DeferredSignals() as signals:
        try:
            coming = pool.submit(load, order.indices(min(at.step + 1, schedule.steps)))
            if at.due:
                look(at.step)
            for step in range(at.step + 1, schedule.steps + 1):
                with signals.uninterrupted():
                    whole, batch = False, coming.result()
                    if step < schedule.steps:
                        coming = pool.submit(load, order.indices(step + 1))
                    learn_a_batch(step, batch)
                    last = step == schedule.steps
                    means = {name: float(np.mean(values)) for name, values in at.sums.items()}
                    if step % _LOG_EVERY == 0 or last:
                        log.add(step, clock.seconds, rate(), means)
                        at.sums.clear()
                    every = schedule.validate_every if validate else 0
                    at.step, at.due, whole = step, bool(every) and (step % every == 0 or last), True
                    if not (last or at.due) and clock.due():  # a look that a checkpoint waits for is logged once
                        clock.time(save)
                show(step, means)
                if at.due:
                    look(step)
        except (KeyboardInterrupt, SystemExit) as stop:
            coming.cancel()
            raise _stopped(stop, at.step, schedule.steps, checkpoint, save if whole and at.step else None) from stop
    with suppress(BadInput):  # there may be room for the result, which is smaller
        save()
    if at.best_state:
        module.load_state_dict(at.best_state)
    return clock.seconds


def _stopped(
    stop: BaseException, step: int, steps: int, checkpoint: Checkpoint, save: Callable[[], None] | None
) -> BaseException:
    """What to raise for Ctrl-C or SIGTERM; ``save`` is None in the middle of a step: the last checkpoint stays."""
    code = 130 if isinstance(stop, KeyboardInterrupt) else stop.code if isinstance(stop, SystemExit) else None
    if code not in (130, 143):
        return stop
    kept = ""
    if save is not None:
        try:
            save()
        except BadInput as error:
            kept = f"{error}; "
    if not checkpoint.path.exists():
        return Interrupted(f"{kept}stopped before the first step was done: nothing was kept", code)
    return Interrupted(
        f"{kept}stopped at step {step} of {steps}: the same command goes on from {checkpoint.path}", code
    )


def _optimiser(
    parameters: list[dict[str, Any]], count: int, schedule: Schedule, weight_decay: float
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    if schedule.recipe == "paper":
        sgd = torch.optim.SGD(parameters, lr=schedule.learning_rate, momentum=0.9, weight_decay=weight_decay)
        return sgd, torch.optim.lr_scheduler.MultiStepLR(sgd, [schedule.steps * 4 // 5], 0.1)
    if schedule.recipe == "decay":
        nadam = torch.optim.NAdam(parameters, lr=schedule.learning_rate, weight_decay=weight_decay)
        return nadam, torch.optim.lr_scheduler.LambdaLR(nadam, lambda step: 0.95 ** (step * schedule.batch // count))
    if schedule.recipe == "halved":
        steps = [round(schedule.steps * part / 110) for part in (60, 80, 100)]
        halved = torch.optim.Adam(parameters, lr=schedule.learning_rate, betas=(0.5, 0.999), weight_decay=weight_decay)
        return halved, torch.optim.lr_scheduler.MultiStepLR(halved, steps, 0.5)
    adam = torch.optim.AdamW(parameters, lr=schedule.learning_rate, weight_decay=weight_decay)
    if schedule.recipe == "cosine":
        return adam, torch.optim.lr_scheduler.LambdaLR(adam, lambda step: _cosine(step, schedule.steps))
    return adam, torch.optim.lr_scheduler.OneCycleLR(
        adam, schedule.learning_rate, total_steps=schedule.steps, pct_start=0.15
    )


def _cosine(step: int, steps: int) -> float:
    """Factor of the rate: up over the first twentieth of the steps, then half a cosine down."""
    warm = max(steps // 20, 1)
    return (step + 1) / warm if step < warm else (1 + math.cos(math.pi * (step - warm) / max(steps - warm, 1))) / 2


class _Order:
    """Which samples each step learns from: one permutation an epoch, of (seed, epoch) alone."""

    def __init__(self, count: int, schedule: Schedule) -> None:
        self._count, self._batch, self._seed = count, schedule.batch, schedule.seed
        self._permutations: dict[int, NDArray[np.int64]] = {}

    def indices(self, step: int) -> NDArray[np.int64]:
        """(batch,) of step 1, 2, ..., sorted: neighbours on disk are read together."""
        places = np.arange((step - 1) * self._batch, step * self._batch)
        epochs = sorted({int(epoch) for epoch in places // self._count})
        self._permutations = {epoch: self._permutation(epoch) for epoch in epochs}
        return np.sort([self._permutations[int(place) // self._count][place % self._count] for place in places])

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        if epoch in self._permutations:
            return self._permutations[epoch]
        return np.random.default_rng([self._seed, epoch]).permutation(self._count)


class Batch(NamedTuple):
    """N pictures with their truth, float32.

    Attributes:
        image: (N, 3, S, S) RGB in [0, 1], channels last in memory.
        depth: (N, 1, S, S) metres; where it is unknown, the picture's largest.
        mask: (N, 1, S, S) in {0, 1}, the object where its depth is known.
        intrinsics: (N, 4) fx, fy, cx, cy in pixels.
        normals: (N, 3, S, S) the set's own, of length 1 towards the camera, 0 = unknown; None: the depth's.
    """

    image: Tensor
    depth: Tensor
    mask: Tensor
    intrinsics: Tensor
    normals: Tensor | None = None

    def mirrored(self) -> Batch:
        """Left and right exchanged."""
        fx, fy, cx, cy = self.intrinsics.unbind(1)
        intrinsics = torch.stack([fx, fy, self.image.shape[3] - 1 - cx, cy], 1)
        normals = self.normals
        if normals is not None:
            normals = normals.flip(3) * normals.new_tensor([-1, 1, 1]).view(1, 3, 1, 1)
        return Batch(self.image.flip(3), self.depth.flip(3), self.mask.flip(3), intrinsics, normals)


def load_batch(data: PictureSet, indices: NDArray[np.int64], device: torch.device) -> Batch:
    """Those pictures of a set."""
    image = torch.from_numpy(data.images[indices]).to(device).permute(0, 3, 1, 2).float() / 255
    depth = torch.from_numpy(data.depths[indices]).to(device)[:, None]
    mask = torch.from_numpy(data.masks[indices]).to(device)[:, None] & torch.isfinite(depth)
    far = torch.where(torch.isfinite(depth), depth, 0).amax((1, 2, 3), keepdim=True).clamp(min=0.1)
    intrinsics = torch.from_numpy(data.intrinsics[indices]).to(device)
    image = image.contiguous(memory_format=torch.channels_last)
    normals = None
    if data.normals is not None:
        normals = torch.from_numpy(data.normals[indices]).to(device).permute(0, 3, 1, 2)
    return Batch(image, torch.where(mask, depth, far), mask.float(), intrinsics, normals)


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
    """Write weights as safetensors, and their card as JSON beside them; both aside first, then renamed.

    Then the run's checkpoint, if there is one, is removed.

    Raises:
        BadInput: the disk is full or the folder cannot be written; the checkpoint stays, and holds the finished run.
    """
    note = path.with_suffix(".json")
    machine = {"package": __version__, "torch": torch.__version__, "threads": torch.get_num_threads()}
    machine["processor"] = platform.machine()
    kept = checkpoint_path(path)
    again = f"; the finished run is in {kept}, repeat the command to write it" if kept.exists() else ""
    with (
        written_aside(note, more=again) as note_aside,
        written_aside(path, also=SafetensorError, more=again) as aside,
    ):
        save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, str(aside), metadata)
        aside.chmod(0o644)  # safetensors makes it readable by its owner alone
        said = {**metadata, **card, "made_with": machine, "run": settings_of(kept)}
        note_aside.write_text(json.dumps(said, indent=1, default=str) + "\n")
    kept.unlink(missing_ok=True)
