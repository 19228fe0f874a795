"""A small CLIP learned on rendered objects with captions, so that mirrors can be studied where no large one is."""

from __future__ import annotations

from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.data.rendering.captioned import WORDS, caption
from depth_prompt_ros.data.sets.captioned_set import CaptionedSet
from depth_prompt_ros.learning.run_state import Report
from depth_prompt_ros.learning.trainer import Losses, Schedule, fit, in_bfloat16, pick_device, write_weights
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.clip_mirror.clip import Clip
from depth_prompt_ros.stages.text.phrases import Tokeniser

NAME = "clip-small"

_WINDOW, _WHOLE = 4, 0.15
"""Side of what is looked at first, patches; share of the steps, the last ones, that look at whole pictures."""


class Captioned(NamedTuple):
    """N pictures with their attributes.

    Attributes:
        image: (N, 3, S, S) RGB in [0, 1].
        words: (N, 4) int64.
        mask: (N, 1, S, S) in {0, 1}, the object.
    """

    image: Tensor
    words: Tensor
    mask: Tensor


def load_captioned(data: CaptionedSet, places: NDArray[np.int64], device: torch.device) -> Captioned:
    """Those pictures."""
    image = torch.from_numpy(np.asarray(data.images[places])).to(device).permute(0, 3, 1, 2).float() / 255
    words = torch.from_numpy(data.words[places].astype(np.int64)).to(device)
    mask = torch.from_numpy(np.asarray(data.masks[places])).to(device)[:, None].float()
    return Captioned(image.contiguous(), words, mask)


def contrastive_loss(pictures: Tensor, texts: Tensor, scale: Tensor, same: Tensor) -> Tensor:
    """CLIP's symmetric cross entropy (2103.00020), pictures of one caption sharing their target (2204.03610), () float.

    Args:
        pictures, texts: (N, D), of length 1.
        scale: (), the logarithm of what similarities are multiplied by; at most 100 is used.
        same: (N, N) bool, captions that are the same.
    """
    logits = pictures @ texts.T * scale.exp().clamp(max=100)
    target = same.float() / same.sum(1, keepdim=True)
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2


def learn_small_clip(
    train: CaptionedSet, test: CaptionedSet, out: Path, schedule: Schedule, report: Report | None = None
) -> dict[str, float]:
    """Learn ``clip-small``; writes weights, card and log to ``out`` and beside it; returns its zero-shot accuracies.

    Pictures are flipped, and half of them darkened or brightened; colours are words and stay. Every other batch, on
    average, is told by a part of its attributes, drawn anew: "a glass thing". Most of the steps look at the
    patches around the object alone, the last at all, as 2212.00794 leaves out patches at first: a third of the cost.

    Args:
        train: to learn from.
        test: other objects, for the accuracies alone.

    Raises:
        BadInput: what :func:`depth_prompt_ros.learning.trainer.fit` refuses.
    """
    torch.manual_seed(schedule.seed)
    device, entry = pick_device(), catalogue.find_clip(NAME)
    network = entry.build()
    assert isinstance(network, Clip)
    network.with_plain_attention().to(device).train()
    normalise, tokeniser = catalogue.Normalise(entry).to(device), Tokeniser.of_pairs([])

    whole_from, now = schedule.steps - int(_WHOLE * schedule.steps), [1]

    def loss_of(batch: Captioned, generator: torch.Generator) -> Losses:
        flips = (torch.rand((len(batch.image), 1, 1, 1), generator=generator) < 0.5).to(device)
        light = (0.8 + 0.4 * torch.rand((len(batch.image), 1, 1, 1), generator=generator)).to(device)
        image, mask = (torch.where(flips, each.flip(3), each) for each in (batch.image, batch.mask))
        image = (image * light).clamp(0, 1)
        patches = None if now[0] > whole_from else patches_around(mask, network.sizes.patch, generator)
        said = attributes_said(generator)
        shown = batch.words * torch.tensor([name in said for name in WORDS], device=device)
        words, back = shown.unique(dim=0, return_inverse=True)
        ids = torch.from_numpy(tokeniser([caption(row, said) for row in words.cpu().numpy()])).to(device)
        with in_bfloat16(device, schedule.bfloat16):
            pictures, texts = network.picture_vector(normalise(image), patches), network.phrase_vectors(ids)
        pictures, texts = (functional.normalize(each.float(), dim=1) for each in (pictures, texts))
        same = back[:, None] == back[None]
        return {"contrast": contrastive_loss(pictures, texts[back], network.model.logit_scale, same)}

    seconds = fit(
        network,
        lambda places: load_captioned(train, places, device),
        loss_of,
        len(train),
        schedule,
        out,
        report,
        weight_decay=0.05,
        settings={"network": NAME},
        on_step=lambda step: now.__setitem__(0, step),
    )
    network.eval()
    figures = zero_shot(network, test, device)
    card = {
        "data": f"{len(train)} rendered objects with captions",
        "schedule": asdict(schedule),
        "seconds": round(seconds),
        "test": {"pictures": len(test), **figures},
    }
    metadata = {"network": NAME, "names": "published", "licence": entry.licence}
    write_weights(out, dict(network.model.state_dict()), metadata, card)
    return figures


def patches_around(mask: Tensor, patch: int, generator: torch.Generator) -> Tensor:
    """(N, k) numbers of the patches of a square window that holds most of a mask; of several such, one at random.

    Args:
        mask: (N, 1, S, S) in {0, 1}.
        patch: side of a patch, pixels.
        generator: for the choice.
    """
    share = functional.avg_pool2d(mask, patch)
    rows, columns = share.shape[2:]
    side = min(_WINDOW, rows, columns)
    held = functional.avg_pool2d(share, side, 1).flatten(1)
    held = held + 1e-6 * torch.rand(held.shape, generator=generator).to(held.device)
    top, left = held.argmax(1) // (columns - side + 1), held.argmax(1) % (columns - side + 1)
    steps = torch.arange(side, device=mask.device)
    places = (top[:, None] + steps)[:, :, None] * columns + (left[:, None] + steps)[:, None]
    return places.flatten(1)


def attributes_said(generator: torch.Generator) -> list[str]:
    """All attributes in half of the cases, else a part of them, at least one."""
    chosen = torch.rand(len(WORDS) + 1, generator=generator) < 0.5
    return [name for name, told in zip(WORDS, chosen[1:].tolist(), strict=True) if told or chosen[0]] or list(WORDS)


@torch.no_grad()
def zero_shot(network: Clip, data: CaptionedSet, device: torch.device) -> dict[str, float]:
    """Share of pictures whose attribute is told right from the words for it, by attribute, and of all four together.

    Each picture is compared with all captions; an attribute's word is that of the likeliest captions, their
    probabilities added up over the other attributes.
    """
    network.eval()
    tokeniser, normalise = Tokeniser.of_pairs([]), catalogue.Normalise(catalogue.find_clip(NAME)).to(device)
    shape = [len(words) for words in WORDS.values()]
    captions = np.array(list(product(*(range(count) for count in shape))))
    texts = torch.cat(
        [
            network.phrase_vectors(torch.from_numpy(tokeniser([caption(row) for row in part])).to(device))
            for part in np.array_split(captions, -(-len(captions) // 64))
        ]
    )
    texts = functional.normalize(texts, dim=1)
    hits = np.zeros(len(shape) + 1)
    for part in np.array_split(np.arange(len(data)), -(-len(data) // 64)):
        batch = load_captioned(data, part, device)
        pictures = functional.normalize(network.picture_vector(normalise(batch.image)), dim=1)
        chances = (pictures @ texts.T * network.model.logit_scale.exp().clamp(max=100)).softmax(1)
        table, truth = chances.cpu().numpy().reshape(len(part), *shape), batch.words.cpu().numpy()
        right = [
            table.sum(tuple(other + 1 for other in range(len(shape)) if other != axis)).argmax(1) == truth[:, axis]
            for axis in range(len(shape))
        ]
        whole = (captions[chances.argmax(1).cpu().numpy()] == truth).all(1)
        hits += [*(each.sum() for each in right), whole.sum()]
    return {name: float(hit / len(data)) for name, hit in zip((*WORDS, "caption"), hits, strict=True)}


def chance_levels() -> dict[str, float]:
    """What guessing would get, by the names of :func:`zero_shot`."""
    levels = {name: 1 / len(words) for name, words in WORDS.items()}
    return {**levels, "caption": float(np.prod(list(levels.values())))}


def accepted(figures: dict[str, float]) -> bool:
    """Whether attributes of four words or more, and whole captions, are told three times as often as by chance."""
    return all(figures[name] >= 3 * level for name, level in chance_levels().items() if 3 * level < 0.8)
