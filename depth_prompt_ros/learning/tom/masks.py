"""Learn TomNet, which says which pixels are transparent or mirror (ToM), from pictures with masks; export it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from depth_prompt_ros.data.sets.tom_mask_set import TomMaskSet
from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.evaluation.mask_counts import MaskCounts
from depth_prompt_ros.learning.augmentation import augment
from depth_prompt_ros.learning.losses import mask_losses
from depth_prompt_ros.learning.run_state import Report
from depth_prompt_ros.learning.trainer import Losses, Schedule, fit, in_bfloat16, pick_device, write_weights
from depth_prompt_ros.networks.tom_net import TomNet, TomSaliency, load_tom_net, tom_net_that_knows_rooms
from depth_prompt_ros.runtime.export.pictures import export_pictures
from depth_prompt_ros.runtime.tensorrt.engine_file import file_sha256

THRESHOLDS = np.arange(5, 100, 5) / 100
"""Of the probability, that are tried on the validation pictures."""

_HELD_OUT = 10


class MaskedPictures(NamedTuple):
    """N pictures at one size: image (N, 3, H, W) RGB in [0, 1], tom (N, 1, H, W) in {0, 1}, float32."""

    image: Tensor
    tom: Tensor


def learn_tom_masks(
    train: Sequence[TomMaskSet],
    validation: Sequence[TomMaskSet],
    out: Path,
    schedule: Schedule,
    weights: Path | None = None,
    report: Report | None = None,
) -> dict[str, float]:
    """Learn TomNet; writes weights, card and log to ``out``, beside it the graph and its description for ``tom.onnx``.

    Loss: :func:`depth_prompt_ros.learning.losses.mask_losses` of augmented pictures. The best state by IoU on the
    validation pictures is the result; so is the threshold that is best there, which goes into the description.

    Args:
        train: one picture is as likely as any other, whatever its set.
        validation: none: every tenth picture of the training sets, which is then not learned from.
        weights: of a TomNet to start from; None: SceneNet's as far as they fit, else random ones.

    Returns:
        The card's figures on the validation pictures, threshold among them.

    Raises:
        BadInput: no ToM pixel to learn from or to validate on, or what :func:`fit` refuses.
        BadModel: weights that are not TomNet's, or a graph that does not compute what PyTorch does.
    """
    device = pick_device()
    learned, held_out = _Pictures(train), _Pictures(validation or train)
    places, looked_at = np.arange(len(learned)), np.arange(len(held_out))
    if not validation:
        places, looked_at = places[places % _HELD_OUT > 0], looked_at[::_HELD_OUT]
    for name, pictures, chosen in (("learn from", learned, places), ("validate on", held_out, looked_at)):
        if not len(chosen) or not pictures.any_tom(chosen):
            raise BadInput(f"no picture to {name} has a transparent or mirror pixel")
    torch.manual_seed(schedule.seed)
    network = load_tom_net(weights) if weights else tom_net_that_knows_rooms()
    network = network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]

    def loss_of(batch: MaskedPictures, generator: torch.Generator) -> Losses:
        image, tom = augment(batch.image, batch.tom, generator)
        with in_bfloat16(device, schedule.bfloat16):
            logits = network(image)
        return mask_losses(logits.float(), tom)

    def validate(_: int) -> float:
        return 1 - _best(_counts(network, held_out, looked_at, device))[1].iou

    seconds = fit(
        network,
        lambda indices: learned.load(places[indices], TomNet.SIZE, device),
        loss_of,
        len(places),
        schedule,
        out,
        report,
        weight_decay=0.01,
        validate=validate,
        settings={"network": TomNet.NAME, "weights": str(weights or "")},
    )
    stored = {key: value.half() if value.ndim > 1 else value for key, value in network.state_dict().items()}
    network.load_state_dict(stored)
    threshold, counts = _best(_counts(network, held_out, looked_at, device))
    figures = {"threshold": threshold, **counts.figures()}
    card = {
        "data": f"{len(places)} pictures",
        "schedule": asdict(schedule),
        "started_from": file_sha256(weights) if weights else "scene-net",
        "seconds": round(seconds),
        "validation": {"pictures": len(looked_at), **figures},
    }
    metadata = {
        "network": TomNet.NAME,
        "output": "log-odds of transparent or mirror",
        "size": "x".join(map(str, TomNet.RUN_SIZE[::-1])),
    }
    write_weights(out, stored, metadata, card)
    notes = {"network": TomNet.NAME, "network_sha256": file_sha256(out), "outputs": "tom: probability of ToM"}
    output = {"name": "tom", "meaning": "saliency", "threshold": threshold}
    export_pictures(
        TomSaliency(network.cpu()).eval(), out.with_suffix(".onnx"), TomNet.NAME, TomNet.RUN_SIZE, output, notes
    )
    return figures


class _Pictures:
    """Several sets as one, at one size."""

    def __init__(self, sets: Sequence[TomMaskSet]) -> None:
        self._sets = sets
        self._ends = np.cumsum([len(each) for each in sets])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def load(self, places: NDArray[np.int64], size: tuple[int, int], device: torch.device) -> MaskedPictures:
        """The pictures at these places, counted through all sets, resized to this height and width."""
        height, width = size
        image, tom = np.empty((len(places), height, width, 3), np.uint8), np.empty((len(places), height, width), bool)
        for row, (each, index) in enumerate(map(self._find, places)):
            picture, mask = np.asarray(each.pictures[index]), np.asarray(each.tom[index])
            if each.size != size:
                smooth = cv2.INTER_AREA if each.size[0] > height else cv2.INTER_LINEAR
                picture = np.asarray(cv2.resize(picture, (width, height), interpolation=smooth), np.uint8)
                mask = cv2.resize(255 * mask.astype(np.uint8), (width, height), interpolation=smooth) > 127
            image[row], tom[row] = picture, mask
        planes = torch.from_numpy(image).to(device).permute(0, 3, 1, 2).float() / 255
        return MaskedPictures(planes, torch.from_numpy(tom).to(device)[:, None].float())

    def any_tom(self, places: NDArray[np.int64]) -> bool:
        """Whether any of these pictures has a ToM pixel."""
        return any(bool(each.tom[index].any()) for each, index in map(self._find, places))

    def _find(self, place: np.int64) -> tuple[TomMaskSet, int]:
        which = int(np.searchsorted(self._ends, place, side="right"))
        return self._sets[which], int(place) - (int(self._ends[which - 1]) if which else 0)


@torch.no_grad()
def _counts(
    network: TomNet, pictures: _Pictures, places: NDArray[np.int64], device: torch.device
) -> dict[float, MaskCounts]:
    """All pictures' pixels together, by threshold."""
    training = network.training
    network.eval()
    bins = np.array([0.0, *THRESHOLDS, 1.0])
    inside, outside = np.zeros(len(bins) - 1, np.int64), np.zeros(len(bins) - 1, np.int64)
    for chunk in np.array_split(places, -(-len(places) // 16)):
        image, tom = pictures.load(chunk, TomNet.RUN_SIZE, device)
        probability, there = torch.sigmoid(network(image)).cpu().numpy(), tom.cpu().numpy() > 0
        inside += np.histogram(probability[there], bins)[0]
        outside += np.histogram(probability[~there], bins)[0]
    network.train(training)
    hits, false_alarms = (np.cumsum(counts[::-1])[::-1][1:] for counts in (inside, outside))
    return {
        float(threshold): MaskCounts(int(hit), int(false), int(inside.sum() - hit), int(outside.sum() - false))
        for threshold, hit, false in zip(THRESHOLDS, hits, false_alarms, strict=True)
    }


def _best(counts: dict[float, MaskCounts]) -> tuple[float, MaskCounts]:
    """Threshold and counts of the largest IoU."""
    threshold = max(counts, key=lambda each: counts[each].iou)
    return threshold, counts[threshold]
