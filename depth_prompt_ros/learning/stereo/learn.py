"""Learn stereo matching on rectified pairs: from true disparity, or from labels in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from depth_prompt_ros.data.sets.stereo_set import StereoSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.learning.losses import sequence_loss
from depth_prompt_ros.learning.run_state import Report
from depth_prompt_ros.learning.stereo.batch import PairBatch, Size, load_pairs, vary
from depth_prompt_ros.learning.trainer import Losses, Schedule, fit, in_bfloat16, pick_device, write_weights
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.stereo.interface import PreparedStereo, load_stereo
from depth_prompt_ros.written_aside import write_picture

Float32 = NDArray[np.float32]

_VALIDATION_PAIRS, _SHOWN = 40, 4


@dataclass(frozen=True)
class Labels:
    """What is learned of a set's pairs.

    Attributes:
        of: from a pair's number to its (H, W) float32 disparity in pixels, NaN = not to be learned.
        count: of pairs that have labels, the first ones of the set.
        described: what they are, for the card.
        errors: how wrong they are where the truth is known, for the card.
    """

    of: Callable[[int], Float32]
    count: int
    described: str
    errors: Mapping[str, float] = field(default_factory=dict)


def opaque_truth(data: StereoSet) -> Labels:
    """The true disparity but on ToM surfaces, where sensors of real sets have none either."""
    return Labels(
        lambda index: np.where(data.tom[index], np.float32(np.nan), data.disparity(index)),
        len(data),
        "true disparity of what is opaque",
    )


def learn_stereo(
    train: StereoSet,
    validation: StereoSet,
    out: Path,
    schedule: Schedule,
    name: str = "raft-stereo-small",
    weights: Path | None = None,
    labels: Labels | None = None,
    tom_weight: float = 1.0,
    report: Report | None = None,
) -> dict[str, float]:
    """Learn a catalogue network; writes weights, card, log, and pictures as it goes; returns the validation figures.

    The loss is :func:`sequence_loss` on windows of seven eighths of the pictures' sides, varied by :func:`vary`.

    Args:
        weights: where to start; from random weights if None. Batch-norm statistics move only from random weights.
        labels: what is learned of which pairs of ``train``; the true disparity of what is opaque if None.
        tom_weight: of pixels on ToM surfaces in the loss; others weigh 1.

    Raises:
        BadInput: pictures too small for the network, nothing to validate on, or what :func:`fit` refuses.
        BadModel: no such network, or weights that are not its own.
    """
    device, entry = pick_device(), catalogue.find_stereo(name)
    size = _window(train, entry.multiple)
    torch.manual_seed(schedule.seed)
    network = load_stereo(name, weights) if weights else PreparedStereo(entry.build(), entry)
    network.to(device).requires_grad_(True)
    labels = labels or opaque_truth(train)
    some = np.unique(np.linspace(0, len(validation) - 1, _VALIDATION_PAIRS).astype(int))

    def learning(yes: bool) -> None:
        network.train(yes and weights is None)

    def loss_of(batch: PairBatch, generator: torch.Generator) -> Losses:
        batch = vary(batch, size, generator)
        with in_bfloat16(device, schedule.bfloat16):
            steps = network.steps(batch.left, batch.right)
        return {"disparity": sequence_loss([step.float() for step in steps], batch.disparity, batch.mask)}

    def validate(step: int) -> float:
        learning(False)
        _write_pictures(out.with_name(f"{out.stem}-growth") / f"{step:06d}.png", network, validation, device)
        figures = evaluate_stereo(network, validation, some, device)
        learning(True)
        return figures["epe_other" if weights is None else "epe"]

    learning(True)
    seconds = fit(
        network,
        lambda indices: load_pairs(train, labels.of, indices, device, tom_weight),
        loss_of,
        labels.count,
        schedule,
        out,
        report,
        weight_decay=1e-5,
        validate=validate,
        settings={"network": name, "labels": labels.described, "start": str(weights or ""), "tom_weight": tom_weight},
    )
    learning(False)
    # Half the file, and 1e-3 of a weight; vectors, among them the norms' variances, keep their range.
    stored = {key: value.half() if value.ndim > 1 else value for key, value in network.network.state_dict().items()}
    network.network.load_state_dict(stored)
    figures = evaluate_stereo(network, validation, np.arange(len(validation)), device)
    card = {
        "data": f"{labels.count} pairs, {labels.described}",
        "label_errors": dict(labels.errors),
        "start": weights.name if weights else "random weights",
        "tom_weight": tom_weight,
        "schedule": asdict(schedule),
        "seconds": round(seconds),
        "validation": figures,
    }
    metadata = {"network": name, "names": catalogue.OWN_NAMES, "licence": entry.licence}
    write_weights(out, stored, metadata, card)
    _write_pictures(out.with_suffix(".png"), network, validation, device)
    return figures


@torch.no_grad()
def match(network: PreparedStereo, left: NDArray[np.uint8], right: NDArray[np.uint8], device: torch.device) -> Float32:
    """(H, W) float32 disparity in pixels of two (H, W, 3) uint8 RGB pictures, their borders repeated as need be."""
    height, width = left.shape[:2]
    multiple = 32
    pictures = torch.from_numpy(np.stack([left, right])).to(device).permute(0, 3, 1, 2).float() / 255
    padded = functional.pad(pictures, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    disparity: Float32 = network(padded[:1], padded[1:])[0, 0, :height, :width].float().cpu().numpy()
    return disparity


def evaluate_stereo(
    network: PreparedStereo, data: StereoSet, chosen: NDArray[Any], device: torch.device
) -> dict[str, float]:
    """:func:`disparity_errors` of the network's answers to those pairs."""
    return disparity_errors(data, ((int(i), match(network, data.lefts[i], data.rights[i], device)) for i in chosen))


def disparity_errors(data: StereoSet, answers: Iterable[tuple[int, Float32]]) -> dict[str, float]:
    """End-point error in pixels and bad-2 in per cent over all pixels of several pairs: all, ToM surfaces, the rest.

    Args:
        answers: a pair's number and (H, W) disparity; what is NaN there or has no truth does not count.
    """
    errors, masks = [], []
    for index, answer in answers:
        error = np.abs(answer - data.disparity(index))
        known = np.isfinite(error)
        errors.append(error[known])
        masks.append(np.asarray(data.tom[index])[known])
    error, tom = np.concatenate(errors), np.concatenate(masks)
    figures = {}
    for name, part in (("", np.ones_like(tom)), ("_tom", tom), ("_other", ~tom)):
        if part.any():
            figures[f"epe{name}"] = round(float(error[part].mean()), 4)
            figures[f"bad2{name}"] = round(100 * float((error[part] > 2).mean()), 3)
    return figures


def _window(data: StereoSet, multiple: int) -> Size:
    """Seven eighths of the pictures' height and width, down to multiples of what the network takes."""
    height, width = (side * 7 // 8 // multiple * multiple for side in data.size)
    if not min(height, width):
        raise BadInput(f"pairs of {data.size[1]}x{data.size[0]} pixels are too small to learn from")
    return height, width


def _write_pictures(path: Path, network: PreparedStereo, data: StereoSet, device: torch.device) -> None:
    """Rows of left picture, true and found disparity, and their difference (white: 4 pixels)."""
    rows = []
    for index in np.unique(np.linspace(0, len(data) - 1, _SHOWN).astype(int)):
        truth, found = data.disparity(int(index)), match(network, data.lefts[index], data.rights[index], device)
        top = max(float(np.nanmax(np.nan_to_num(truth))), 1e-3)
        levels = [np.nan_to_num(each / top) for each in (truth, found)] + [np.nan_to_num(np.abs(found - truth) / 4)]
        grey = [(255 * np.clip(level, 0, 1)).astype(np.uint8) for level in levels]
        maps = [cv2.applyColorMap(each, cv2.COLORMAP_TURBO) for each in grey[:2]]
        rows.append(np.hstack([data.lefts[index][..., ::-1], *maps, cv2.cvtColor(grey[2], cv2.COLOR_GRAY2BGR)]))
    write_picture(path, np.vstack(rows)[..., ::-1])
