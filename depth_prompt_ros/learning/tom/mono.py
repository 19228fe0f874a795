"""Fine-tune a depth network on virtual labels of transparent and mirror surfaces (2307.15052)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.graph.relative_disparity import RelativeDisparityNetwork
from depth_prompt_ros.learning import losses
from depth_prompt_ros.learning.run_state import Report
from depth_prompt_ros.learning.tom.virtual_labels import LabelFolder, VirtualLabel
from depth_prompt_ros.learning.trainer import (
    Losses,
    Schedule,
    augment_colour,
    fit,
    in_bfloat16,
    pick_device,
    write_weights,
)
from depth_prompt_ros.networks import catalogue


class LabelledBatch(NamedTuple):
    """N pictures with their virtual labels, float32.

    Attributes:
        image: (N, 3, h, w) RGB in [0, 1], channels last in memory.
        disparity: (N, 1, h, w) relative disparity.
        valid: (N, 1, h, w) in {0, 1}: 1 but below and beside a picture that is smaller than others of its batch.
        tom: (N, 1, h, w) in {0, 1}, transparent or mirror.
    """

    image: Tensor
    disparity: Tensor
    valid: Tensor
    tom: Tensor


class Labels:
    """All labels of some folders, made with one network.

    Attributes:
        notes: how each folder's were made, but for where its pictures came from.
    """

    def __init__(self, folders: Sequence[Path], network: str) -> None:
        """List them.

        Raises:
            BadInput: a folder without labels, or with another network's: a student shares its teacher's scale.
        """
        self._all: list[tuple[LabelFolder, str]] = []
        self.notes: list[dict[str, Any]] = []
        for path in folders:
            folder = LabelFolder(path)
            note, names = folder.note(), folder.names()
            if note.get("network") != network:
                raise BadInput(f"{path} holds labels made with {note.get('network')}: {network} cannot learn from them")
            self._all += [(folder, name) for name in names]
            self.notes.append({"labels": len(names), **{key: note[key] for key in note if key != "source"}})

    def __len__(self) -> int:
        return len(self._all)

    def load(self, indices: NDArray[np.int64], device: torch.device, square: bool = False) -> LabelledBatch:
        """Those labels; below and beside smaller ones their border is repeated, marked as not valid.

        Args:
            square: first each is mirrored at its borders to a square, picture, label and mask alike.

        Raises:
            BadInput: a damaged file.
        """
        labels = [folder.read(name) for folder, name in (self._all[int(index)] for index in indices)]
        if square:
            labels = [mirrored_to_a_square(label) for label in labels]
        size = tuple(max(label.disparity.shape[axis] for label in labels) for axis in (0, 1))
        padded = [_padded(label, size) for label in labels]
        image, *others = (torch.cat(parts).to(device) for parts in zip(*padded, strict=True))
        return LabelledBatch(image.contiguous(memory_format=torch.channels_last), *others)


def mirrored_to_a_square(label: VirtualLabel) -> VirtualLabel:
    """As high as wide: the shorter sides continue as in a mirror, the border's own pixels not repeated.

    2307.15052 learns MiDaS v2.1 so, at its square of 384; an odd pixel goes below or to the right.
    """
    height, width = label.disparity.shape
    rows, columns = (max(height, width) - side for side in (height, width))
    sides = (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)
    image, disparity = (
        cv2.copyMakeBorder(each, *sides, cv2.BORDER_REFLECT_101) for each in (label.image, label.disparity)
    )
    tom = cv2.copyMakeBorder(label.tom.astype(np.uint8), *sides, cv2.BORDER_REFLECT_101) > 0
    return VirtualLabel(np.asarray(image, np.uint8), tom, np.asarray(disparity, np.float32))


def _padded(label: VirtualLabel, size: tuple[int, ...]) -> LabelledBatch:
    image = torch.from_numpy(label.image).permute(2, 0, 1)[None].float() / 255
    disparity = torch.from_numpy(label.disparity)[None, None]
    height, width = label.disparity.shape
    missing = (0, size[1] - width, 0, size[0] - height)
    image, disparity = (functional.pad(part, missing, "replicate") for part in (image, disparity))
    valid, tom = torch.ones((1, 1, height, width)), torch.from_numpy(label.tom)[None, None].float()
    return LabelledBatch(image, disparity, functional.pad(valid, missing), functional.pad(tom, missing))


def augmented(
    batch: LabelledBatch, crop: int | None, generator: torch.Generator, strong: bool = False
) -> LabelledBatch:
    """Drawn for each picture: a square window of side ``crop``, if that is given; a flip; jittered colour.

    Half of the pictures get gamma 0.8 to 1.2, brightness 0.5 to 1.2 and gains of 0.8 to 1.2 a channel; RGB in [0, 1]
    stays there (2307.15052, after Godard et al. 2017). With ``strong``, half of them then get other channels for theirs
    and all :func:`depth_prompt_ros.learning.trainer.augment_colour` [ours].
    """

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(shape, generator=generator) * (high - low) + low

    if crop is not None:
        heights, widths = (batch.valid.amax(axis)[:, 0].sum(1) for axis in (3, 2))
        rows = []
        for number, (height, width) in enumerate(zip(heights.tolist(), widths.tolist(), strict=True)):
            top, left = (int(draw(0, 1) * (side - crop + 1)) for side in (height, width))
            rows.append((slice(number, number + 1), slice(None), slice(top, top + crop), slice(left, left + crop)))
        batch = LabelledBatch(*(torch.cat([part[row] for row in rows]) for part in batch))
    count = len(batch.image)
    flips, jitters = ((draw(0, 1, count, 1, 1, 1) < 0.5).to(batch.image.device) for _ in range(2))
    image, disparity, valid, tom = (torch.where(flips, part.flip(3), part) for part in batch)
    powers, gains = draw(0.8, 1.2, count, 1, 1, 1), draw(0.5, 1.2, count, 1, 1, 1) * draw(0.8, 1.2, count, 3, 1, 1)
    coloured = (image ** powers.to(image) * gains.to(image)).clamp(0, 1)
    image = torch.where(jitters, coloured, image)
    if strong:
        image = augment_colour(torch.stack([_exchanged(each, generator) for each in image]), generator)
    return LabelledBatch(image.contiguous(memory_format=torch.channels_last), disparity, valid, tom)


def _exchanged(image: Tensor, generator: torch.Generator) -> Tensor:
    """(3, h, w) its channels in any order, for half of the pictures."""
    return image[torch.randperm(3, generator=generator)] if torch.rand((), generator=generator) < 0.5 else image


@dataclass(frozen=True)
class Weights:
    """What :func:`depth_prompt_ros.learning.losses.virtual_label_losses`' terms are multiplied by; all 1 in 2307.15052.

    Attributes:
        scale_shift_invariant, gradients, squares: of the terms.
        tom: of ToM pixels in each of them, others have 1.
    """

    scale_shift_invariant: float = 1.0
    gradients: float = 1.0
    squares: float = 1.0
    tom: float = 1.0

    def losses(self, prediction: Tensor, batch: LabelledBatch) -> Losses:
        """The terms of a batch, each times its weight."""
        mask = batch.valid * (1 + (self.tom - 1) * batch.tom)
        terms = losses.virtual_label_losses(prediction.float(), batch.disparity, mask)
        return {name: getattr(self, name) * term for name, term in terms.items()}


def paper_schedule(
    labels: int,
    epochs: int = 20,
    batch: int = 8,
    learning_rate: float = 1e-7,
    seed: int = 0,
    bfloat16: bool = False,
) -> Schedule:
    """2307.15052's, whose networks are large and learned; a small one needs a higher rate."""
    return Schedule(epochs * -(-labels // batch), batch, learning_rate, seed, bfloat16, recipe="decay")


def learn_tom_mono(
    labels: Labels,
    out: Path,
    schedule: Schedule,
    name: str = "scene-net",
    weights: Path | None = None,
    validation: Labels | None = None,
    terms: Weights | None = None,
    whole: bool = False,
    strong: bool = False,
    keep: float = 0.0,
    report: Report | None = None,
) -> float:
    """Learn all weights of a catalogue network on virtual labels, write weights and card to ``out``.

    From the pictures as they are to the disparity of the painted ones; batch-norm statistics stay, as in all of this
    package's fine-tuning: they are of far more pictures than a batch has. A network whose short side is fixed sees
    square windows of that side (the paper's DPT), one whose long side is sees pictures mirrored to squares (its MiDaS
    v2.1).

    Args:
        labels: to learn from.
        schedule: see :func:`paper_schedule`.
        weights: to start from; None: those of the catalogue.
        validation: other labels; the state with the lowest loss on them is the result.
        terms: what counts how much.
        whole: whole pictures in any case; what a network says of a window need not be that part of what it says of the
            whole, if it was learned on disparity of mean 0 and deviation 1.
        strong: colours are varied more than in the paper, see :func:`augmented`.
        keep: share of the catalogue's weights in the result, the rest is learned; in [0, 1]. A little of them gives
            back much of what other pixels lost and costs ToM pixels less (2109.01903).

    Returns:
        The loss on ``validation``, or NaN without one.

    Raises:
        BadModel: no such network, or weights that are not its own.
        BadInput: damaged labels, or what :func:`depth_prompt_ros.learning.trainer.fit` refuses.
    """
    device, entry = pick_device(), catalogue.find(name)
    name = entry.name
    network = catalogue.load_frozen(name, weights).requires_grad_(True)
    student = RelativeDisparityNetwork(network, catalogue.Normalise(entry), entry.output).to(device)
    crop = entry.size if entry.bounds == "short side" and not whole else None
    square = entry.bounds == "long side" and not whole
    terms, seen = terms or Weights(), {"whole": whole, "strong": strong, "keep": keep}

    def loss_of(batch: LabelledBatch, generator: torch.Generator) -> Losses:
        batch = augmented(batch, crop, generator, strong)
        with in_bfloat16(device, schedule.bfloat16):
            prediction = student(batch.image)
        return terms.losses(prediction, batch)

    held_out = validation or Labels([], name)
    seconds = fit(
        network,
        lambda indices: labels.load(indices, device, square),
        loss_of,
        len(labels),
        schedule,
        out,
        report,
        validate=(lambda _: label_loss(student, held_out, device, terms)) if len(held_out) else None,
        settings={"network": name, "labels": labels.notes, "terms": asdict(terms), **seen},
    )
    if keep:
        _blend(network, catalogue.load_frozen(name), keep)
    figure = label_loss(student, held_out, device, terms)
    state = network.state_dict()
    if entry.source is None:  # as their weights are shipped: half the file, 1e-3 of a weight
        state = {key: value.half() if value.ndim > 1 else value for key, value in state.items()}
    card = {"data": labels.notes, "schedule": asdict(schedule), "terms": asdict(terms), **seen}
    card["seconds"] = round(seconds)
    if len(held_out):
        card["validation"] = {"data": held_out.notes, "loss": round(figure, 5)}
    described = {"network": name, "output": entry.output, "licence": entry.licence, "names": catalogue.OWN_NAMES}
    write_weights(out, state, described, card)
    return figure


@torch.no_grad()
def _blend(network: nn.Module, other: nn.Module, share: float) -> None:
    """Move every weight of ``network`` by this share of the way to ``other``'s."""
    for mine, its in zip(network.parameters(), other.parameters(), strict=True):
        mine.lerp_(its.to(mine), share)


@torch.no_grad()
def label_loss(student: nn.Module, labels: Labels, device: torch.device, terms: Weights) -> float:
    """The mean loss of whole pictures, as they are; NaN for none."""
    batches = (labels.load(np.array([index]), device) for index in range(len(labels)))
    figures = [torch.stack(list(terms.losses(student(batch.image), batch).values())).sum() for batch in batches]
    return float(torch.stack(figures).mean()) if figures else float("nan")
