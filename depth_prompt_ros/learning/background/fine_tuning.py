"""Fine-tune a depth network on objects on white: what prompting is compared with (2306.05428)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from depth_prompt_ros.data.sets.picture_set import PictureSet
from depth_prompt_ros.learning import losses
from depth_prompt_ros.learning.background.errors import DepthNetwork, object_errors, on_white, prompted
from depth_prompt_ros.learning.background.learn import require_objects, variation
from depth_prompt_ros.learning.background.paper import as_published
from depth_prompt_ros.learning.run_state import Report
from depth_prompt_ros.learning.trainer import (
    Batch,
    Losses,
    Schedule,
    fit,
    load_batch,
    pick_device,
    write_weights,
)
from depth_prompt_ros.networks import catalogue


def fine_tune(
    train: PictureSet,
    validation: PictureSet,
    out: Path,
    schedule: Schedule,
    name: str = "scene-net",
    weights: Path | None = None,
    report: Report | None = None,
) -> None:
    """Learn all weights of a catalogue network with the losses of prompting; batch-norm statistics stay.

    With the paper's schedule no weight decays and pictures are as they are; with any other, weights decay by 0.01 and
    pictures are varied [ours].

    Raises:
        BadModel: no such network, or weights that are not its own.
        BadInput: pictures of another size than the network's, or what :func:`fit` refuses.
    """
    device, entry = pick_device(), catalogue.find(name)
    name = entry.name
    require_objects(entry.size, train, validation)
    network = DepthNetwork.frozen(name, weights, device, schedule.bfloat16)
    network.network.requires_grad_(True)
    answer, vary = prompted(network, on_white), variation(schedule)

    def loss_of(batch: Batch, generator: torch.Generator) -> Losses:
        batch = vary(batch, generator)
        return losses.prompting_losses(answer(batch), *batch[1:])

    seconds = fit(
        network.network,
        lambda indices: load_batch(train, indices, device),
        loss_of,
        len(train),
        schedule,
        out,
        report,
        weight_decay=0.0 if as_published(schedule) else 0.01,
        validate=lambda _: float(object_errors(answer, validation, device)[:, 0].mean()),
        settings={"network": name},
    )
    card = {"data": f"{len(train)} objects on white", "schedule": asdict(schedule), "seconds": round(seconds)}
    described = {"network": name, "output": entry.output, "names": catalogue.OWN_NAMES}
    write_weights(out, network.network.state_dict(), described, card)
