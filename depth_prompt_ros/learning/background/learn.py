"""Learn a prompt through a frozen network (2306.05428): a single background or a prompting network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.data.titles import title_row
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.graph.prompt import PromptSettings, add, composite, make_prompt
from depth_prompt_ros.learning import losses
from depth_prompt_ros.learning.background.errors import DepthNetwork, compare, object_errors, prompted
from depth_prompt_ros.learning.background.paper import as_published
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
from depth_prompt_ros.networks.cost import describe_cost
from depth_prompt_ros.written_aside import write_picture

SINGLE = PromptSettings()
_VALIDATION_PICTURES, _SHOWN = 200, 4


def learn_background(
    train: PictureSet,
    validation: PictureSet,
    out: Path,
    schedule: Schedule,
    settings: PromptSettings = SINGLE,
    name: str = "scene-net",
    weights: Path | None = None,
    report: Report | None = None,
    say: Callable[[str], None] | None = None,
    side: int = 0,
) -> dict[str, dict[str, float]]:
    """Learn the prompt; writes it with its card, its log and pictures of it as it grew; returns the card's figures.

    ``say`` is told what the network costs on this machine. ``side`` is that of the prompt and of the pictures; 0: the
    network's own.

    The frozen network stays in eval mode: its batch-norm statistics never move.

    Raises:
        BadModel: no such network, or weights that are not its own.
        BadInput: pictures of another size than the network's, or what :func:`fit` refuses.
    """
    device, entry = pick_device(), catalogue.find(name)
    name = entry.name
    require_objects(side or entry.size, train, validation)
    network = DepthNetwork.frozen(name, weights, device, schedule.bfloat16)
    if say is not None:
        say(describe_cost(name, network.network, entry.size))
    prompt = make_prompt(settings, side or entry.size, torch.Generator().manual_seed(schedule.seed)).to(device)
    compose, vary = composer(prompt, settings), variation(schedule)
    some, shown = (
        validation.first(_VALIDATION_PICTURES),
        load_batch(validation, np.arange(min(_SHOWN, len(validation))), device),
    )

    def loss_of(batch: Batch, generator: torch.Generator) -> Losses:
        batch = vary(batch, generator)
        return losses.prompting_losses(network(compose(batch)), *batch[1:])

    def validate(step: int) -> float:
        _write_pictures(out.with_name(f"{out.stem}-growth") / f"{step:06d}.png", prompt, compose, shown)
        return float(object_errors(prompted(network, compose), some, device)[:, 0].mean())

    seconds = fit(
        prompt,
        lambda indices: load_batch(train, indices, device),
        loss_of,
        len(train),
        schedule,
        out,
        report,
        validate=validate,
        settings={"network": name, **asdict(settings)},
    )
    figures = compare(network, {"learned": compose}, validation, device)
    card = {
        "data": f"{len(train)} objects",
        "schedule": asdict(schedule),
        "seconds": round(seconds),
        "validation": figures,
    }
    write_prompt(out, prompt, settings, name, side or entry.size, card)
    _write_pictures(out.with_suffix(".png"), prompt, compose, shown)
    return figures


def composer(prompt: nn.Module, settings: PromptSettings) -> Callable[[Batch], Tensor]:
    """A function from a batch to its prompted pictures, (N, 3, S, S)."""
    join = add if settings.additive else composite
    return lambda batch: join(batch.image, batch.mask, prompt(batch.image, batch.mask))


def variation(schedule: Schedule) -> Callable[[Batch, torch.Generator], Batch]:
    """What is done to a batch before it is learned from: nothing in the paper's schedule, else :func:`varied`."""
    return (lambda batch, _: batch) if as_published(schedule) else varied


def varied(batch: Batch, generator: torch.Generator) -> Batch:
    """Mirror half of the batches and vary the colours [ours]."""
    if torch.rand((), generator=generator) < 0.5:
        batch = batch.mirrored()
    return batch._replace(image=augment_colour(batch.image, generator))


def require_objects(size: int, *sets: PictureSet) -> None:
    """Raises BadInput where a set's pictures are not of the network's size, or one has nothing to learn from."""
    for each in sets:
        if each.size != size:
            raise BadInput(
                f"the pictures are {each.size} pixels wide, the network takes {size}: prepare them at that size"
            )
        each.require_objects()


def write_prompt(
    out: Path, prompt: nn.Module, settings: PromptSettings, network: str, size: int, card: dict[str, object]
) -> None:
    """A single background as its picture, a prompting network as its weights; both with their settings."""
    tensors = prompt.state_dict()
    if settings.kind == "single":
        with torch.no_grad():
            tensors = {"picture": prompt(torch.empty(0), torch.empty(0))}
    described = {name: str(value) for name, value in asdict(settings).items()}
    write_weights(out, tensors, {"prompt": settings.kind, "network": network, "size": str(size), **described}, card)


@torch.no_grad()
def _write_pictures(path: Path, prompt: nn.Module, compose: Callable[[Batch], Tensor], shown: Batch) -> None:
    """The background of the first picture, then all prompted pictures, side by side."""
    row = torch.cat([prompt(shown.image, shown.mask)[:1], compose(shown).clamp(0, 1)]).permute(2, 0, 3, 1).flatten(1, 2)
    pictures = (255 * row.cpu().numpy() + 0.5).astype(np.uint8)
    titles = title_row(["background", *["prompted picture"] * len(shown.image)], pictures.shape[0])
    write_picture(path, np.vstack([titles, pictures]))
