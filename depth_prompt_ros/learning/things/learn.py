"""Learn ThingsNet, which finds things and glass on tables from colour and depth; export it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.data.readers.scenes import RealScene
from depth_prompt_ros.data.rendering.tables import TableClass
from depth_prompt_ros.data.sets.table_set import TableSet
from depth_prompt_ros.learning.mean_weights import mean_of
from depth_prompt_ros.learning.precision import in_bfloat16
from depth_prompt_ros.learning.run_state import Report
from depth_prompt_ros.learning.things.samples import NOT_TOM, Samples, ThingsBatch
from depth_prompt_ros.learning.trainer import (
    Losses,
    Schedule,
    augment_colour,
    fit,
    pick_device,
    write_weights,
)
from depth_prompt_ros.networks.things_net import (
    CLASSES,
    ThingsFinding,
    ThingsNet,
    load_things_net,
    things_net_that_knows_rooms,
)
from depth_prompt_ros.runtime.export.things import export_things
from depth_prompt_ros.runtime.tensorrt.engine_file import file_sha256
from depth_prompt_ros.stages.things.instances import instances

_WEIGHTS = (1.0, 1.0, 1.5, 2.5)
"""Of the classes in the cross entropy."""

_OFFSET, _OUTLINE, _OUTLINE_POSITIVE = 6.0, 0.4, 3.0
_FOUND, _MIN_AREA = 0.5, 24


def learn_things(
    train: Sequence[TableSet],
    validation: TableSet,
    out: Path,
    schedule: Schedule,
    opaque: Sequence[RealScene] = (),
    weights: Path | None = None,
    average: bool = False,
    report: Report | None = None,
) -> dict[str, float]:
    """Learn ThingsNet; writes weights, card and log to ``out``, beside it the graph.

    Loss: cross entropy of the classes, one minus the Dice scores of things and of transparent or mirror things (each
    picture's own), absolute error of the offsets on things, cross entropy of outlines. Real opaque scenes cost what of
    them is called transparent or mirror, by their share of all pixels: with more weight the network learned that
    real pictures hold no glass. The best state by :func:`validation_figures` is the result.

    Args:
        opaque: real scenes without anything transparent or mirror.
        weights: of a ThingsNet to start from; None: SceneNet's encoder.
        average: the result is the mean of the weights that were started from and of those learned (2109.01903).

    Returns:
        The figures on the validation tables.

    Raises:
        BadInput: what :func:`fit` refuses.
        BadModel: weights that are not ThingsNet's, or a graph that does not compute what PyTorch does.
    """
    device = pick_device()
    samples = Samples(train, opaque, ThingsNet.SIZE, schedule.seed)
    looked_at = Samples([validation], (), ThingsNet.SIZE, seed=0)
    torch.manual_seed(schedule.seed)
    network = load_things_net(weights) if weights else things_net_that_knows_rooms()
    network = network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]

    def loss_of(batch: ThingsBatch, generator: torch.Generator) -> Losses:
        seen = recoloured(batch.seen, generator).to(device, memory_format=torch.channels_last)
        with in_bfloat16(device, schedule.bfloat16):
            answer = network(seen)
        return things_losses(answer.float(), ThingsBatch(*(each.to(device) for each in batch)))

    def validate(_: int) -> float:
        figures = validation_figures(network, looked_at, device)
        return 3 - figures["thing_iou"] - figures["tom_iou"] - figures["found"] + 0.02 * figures["false_per_picture"]

    seconds = fit(
        network, samples.load, loss_of, len(samples), schedule, out, report, weight_decay=0.01, validate=validate,
        settings={"network": ThingsNet.NAME, "weights": str(weights or "")},
    )  # fmt: skip
    return write_learned(network, looked_at, out, {
        "data": f"{samples.tables} rendered tables, {len(opaque)} real opaque scenes",
        "schedule": asdict(schedule),
        "started_from": file_sha256(weights) if weights else "scene-net",
        "seconds": round(seconds),
    }, weights if average else None)  # fmt: skip


def write_learned(
    network: ThingsNet, looked_at: Samples, out: Path, card: dict[str, Any], average_with: Path | None = None
) -> dict[str, float]:
    """Write weights in half precision, card and graph; returns the figures on the validation tables.

    Args:
        card: what is known of the learning.
        average_with: weights to take the mean with first; None: the network's own are written.
    """
    device = next(network.parameters()).device
    state = network.state_dict()
    if average_with is not None:
        state = mean_of(state, load_things_net(average_with).state_dict())
    stored = {key: value.half() if value.ndim > 1 else value for key, value in state.items()}
    network.load_state_dict(stored)
    figures = validation_figures(network, looked_at, device)
    card = card | {"averaged": average_with is not None, "validation": {"tables": looked_at.tables, **figures}}
    size = "x".join(map(str, ThingsNet.SIZE[::-1]))
    metadata = {"network": ThingsNet.NAME, "output": "classes, offsets, outline", "size": size}
    write_weights(out, stored, metadata, card)
    notes = {"network": ThingsNet.NAME, "network_sha256": file_sha256(out)}
    export_things(ThingsFinding(network.cpu()).eval(), out.with_suffix(".onnx"), ThingsNet.SIZE, notes)
    return figures


def recoloured(seen: Tensor, generator: torch.Generator) -> Tensor:
    """The channels with other colours: gamma, gain and noise; some grey, soft, flat or with channels exchanged."""
    colour, count = augment_colour(seen[:, :3], generator), len(seen)
    draw = torch.rand((4, count, 1, 1, 1), generator=generator).to(seen.device)
    grey = colour.mean(1, keepdim=True).expand_as(colour)
    colour = torch.where(draw[0] < 0.15, grey, colour)
    soft = functional.avg_pool2d(colour, 3, 1, 1, count_include_pad=False)
    colour = torch.where(draw[1] < 0.25, soft, colour)
    colour = torch.where(draw[2] < 0.2, colour[:, torch.randperm(3, generator=generator)], colour)
    flat = torch.rand((count, 3, 1, 1), generator=generator).to(seen).expand_as(colour)
    colour = torch.where(draw[3] < 0.08, flat, colour)
    return torch.cat([colour, seen[:, 3:]], 1)


def things_losses(answer: Tensor, batch: ThingsBatch) -> Losses:
    """The terms by name; see :func:`learn_things`.

    Args:
        answer: (N, 7, H, W) of ThingsNet.
    """
    scores, offsets, outline = answer[:, :CLASSES], answer[:, CLASSES : CLASSES + 2], answer[:, CLASSES + 2]
    known = batch.classes < CLASSES
    target = torch.where(known, batch.classes, 0)
    weight = scores.new_tensor(_WEIGHTS)
    each = functional.cross_entropy(scores, target, weight=weight, reduction="none") * known
    share = torch.softmax(scores, 1)
    tom, thing = share[:, TableClass.TOM_THING], share[:, TableClass.THING] + share[:, TableClass.TOM_THING]
    true_tom, true_thing = batch.classes == TableClass.TOM_THING, known & (batch.classes >= TableClass.THING)
    not_tom = batch.classes == NOT_TOM
    refuted = -torch.log((1 - tom).clamp(min=1e-4)) * not_tom
    on_thing = true_thing.float()
    missed = (offsets - batch.offsets).abs().sum(1) * on_thing
    edge = functional.binary_cross_entropy_with_logits(
        outline, batch.outline, pos_weight=scores.new_tensor(_OUTLINE_POSITIVE), reduction="none"
    )
    return {
        "classes": each.sum() / known.sum().clamp(min=1),
        "thing_dice": _dice_loss(thing * known, true_thing.float()),
        "tom_dice": _dice_loss(tom * known, true_tom.float()),
        "not_tom": refuted.mean(),
        "offsets": _OFFSET * missed.sum() / on_thing.sum().clamp(min=1),
        "outline": _OUTLINE * (edge * known).sum() / known.sum().clamp(min=1),
    }


def _dice_loss(share: Tensor, mask: Tensor) -> Tensor:
    """One minus the Dice score (V-Net, 1606.04797), the mean of the pictures in which the mask is not empty; halved."""
    both, either = (share * mask).sum((1, 2)), share.sum((1, 2)) + mask.sum((1, 2))
    there = (mask.sum((1, 2)) > 0).float()
    return 0.5 * (there * (1 - 2 * both / either.clamp(min=1e-6))).sum() / there.sum().clamp(min=1)


@torch.no_grad()
def validation_figures(network: ThingsNet, samples: Samples, device: torch.device) -> dict[str, float]:
    """IoU of things and of transparent or mirror things (all pixels together), share of things found, false things.

    A thing is found if a label has at least half of their union in common with it; things below 24 pixels do not count.
    """
    training = network.training
    network.eval()
    counts = np.zeros((2, 2))
    things = found = labels = 0
    for chunk in np.array_split(np.arange(samples.tables), -(-samples.tables // 16)):
        batch = samples.load(chunk, vary=False)
        answer = ThingsFinding(network)(batch.seen.to(device)).float().cpu().numpy()
        for said, classes, true in zip(answer, batch.classes.numpy(), batch.labels.numpy(), strict=True):
            tom, thing = said[3] > 0.5, said[2] + said[3] > 0.5
            for place, (mask, truth) in enumerate(((thing, classes >= 2), (tom, classes == 3))):
                counts[place] += (mask & truth).sum(), (mask | truth).sum()
            numbers = instances(said[2] + said[3], said[4:6], said[6], _MIN_AREA)
            areas = np.bincount(true.ravel(), minlength=256)
            used = set()
            for number in np.flatnonzero(areas[1:] >= _MIN_AREA) + 1:
                things += 1
                overlap = np.bincount(numbers[true == number], minlength=256)
                overlap[0] = 0
                best = int(overlap.argmax())
                union = areas[number] + (numbers == best).sum() - overlap[best]
                if overlap[best] >= _FOUND * union:
                    found += 1
                    used.add(best)
            labels += sum(1 for number in np.unique(numbers[numbers > 0]) if (true[numbers == number] > 0).mean() < 0.5)
    network.train(training)
    return {
        "thing_iou": float(counts[0, 0] / max(counts[0, 1], 1)),
        "tom_iou": float(counts[1, 0] / max(counts[1, 1], 1)),
        "found": found / max(things, 1),
        "false_per_picture": labels / samples.tables,
    }
