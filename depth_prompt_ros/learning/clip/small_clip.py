"""A small CLIP learned on rendered objects with captions, so that mirrors can be studied where no large one is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from depth_prompt_ros.data.rendering.captioned import WORDS
from depth_prompt_ros.data.sets.captioned_set import CaptionedSet
from depth_prompt_ros.learning.clip.captioned_pictures import Captioned, framed, load_captioned, patches_of
from depth_prompt_ros.learning.clip.contrast import attributes_said, contrastive_loss, each_word, several_words
from depth_prompt_ros.learning.clip.first_weights import begin_with_places_and_whitened_patches
from depth_prompt_ros.learning.clip.zero_shot import zero_shot
from depth_prompt_ros.learning.precision import in_bfloat16
from depth_prompt_ros.learning.run_state import Report
from depth_prompt_ros.learning.trainer import Losses, Schedule, fit, pick_device, write_weights
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.clip_mirror.clip import Clip
from depth_prompt_ros.networks.clip_mirror.entries import SMALL, SMALL_NAME
from depth_prompt_ros.networks.clip_mirror.learned_file import load_clip
from depth_prompt_ros.stages.text.phrases import Tokeniser

RATE, DECAY = 5e-4, 0.05
"""Of learning, the peak; weight decay."""
_PATCHES, _LARGEST = 12, 0.55
"""Of 49 that most steps look at; most of an object's longer side meanwhile, of the picture's."""
_WHOLE = 0.1
"""Share of the steps, the last ones, that look at whole pictures."""
_TOLD = 4
"""One picture in so many is also told from captions of several attributes."""
_LOOKED_AT = 512
"""Pictures that the first weights are made of."""


def learn_small_clip(
    train: CaptionedSet,
    test: CaptionedSet,
    out: Path,
    schedule: Schedule,
    start: Path | None = None,
    report: Report | None = None,
) -> dict[str, float]:
    """Learn ``clip-small``; writes weights, card and log to ``out`` and beside it; returns its zero-shot accuracies.

    Each picture is told from others five times in every step: by all captions that tell its size alone, its colour, its
    material, its shape ("a bowl" against "a mug"), and, in a quarter of the batch, by captions of several attributes or
    all, some of them wrong in one word. The loss is the mean of the five contrasts. Pictures are zoomed, moved,
    flipped and darkened or brightened; colours are words and stay. Most of the steps look at twelve patches, those
    that show the object first, the last at all, as 2212.00794 leaves out patches at first: a third of the cost.

    Args:
        train: to learn from.
        test: other objects, for the accuracies alone.
        start: what this function wrote, to go on from, in place of first weights.

    Raises:
        BadInput: what :func:`depth_prompt_ros.learning.trainer.fit` refuses.
    """
    torch.manual_seed(schedule.seed)
    device, entry = pick_device(), catalogue.find_clip(SMALL_NAME)
    network = Clip(SMALL) if start is None else load_clip(SMALL_NAME, start).requires_grad_(True)
    network.with_plain_attention().to(device).train()
    normalise, tokeniser = catalogue.Normalise(entry).to(device), Tokeniser.of_pairs([])
    if start is None:
        looked_at = np.unique(np.linspace(0, len(train) - 1, _LOOKED_AT).astype(int))
        begin_with_places_and_whitened_patches(network, normalise(load_captioned(train, looked_at, device).image))
    whole_from, now = schedule.steps - int(_WHOLE * schedule.steps), [1]

    def loss_of(batch: Captioned, generator: torch.Generator) -> Losses:
        part = now[0] <= whole_from
        image, words, mask = framed(batch, generator, _LARGEST if part else None)
        light = 0.8 + 0.4 * torch.rand((len(image), 1, 1, 1), generator=generator)
        image = (image * light.to(device)).clamp(0, 1)
        patches = patches_of(mask, network.sizes.patch, _PATCHES, generator) if part else None
        asked = {name: each_word(words, name) for name in WORDS}
        alone = [text for each in asked.values() for text in each.captions]
        some = words[: -(-len(words) // _TOLD)]
        asked["several"] = several_words(some, attributes_said(generator), generator)
        with in_bfloat16(device, schedule.bfloat16):
            pictures = network.picture_vector(normalise(image), patches)
            said = [
                network.phrase_vectors(torch.from_numpy(tokeniser(captions)).to(device))
                for captions in (alone, asked["several"].captions)
            ]
        pictures, told = (functional.normalize(each.float(), dim=1) for each in (pictures, torch.cat(said)))
        vectors = told.split([len(each.captions) for each in asked.values()])
        return {
            name: contrastive_loss(pictures[: len(each.of)], texts, network.model.logit_scale, each.of) / len(asked)
            for (name, each), texts in zip(asked.items(), vectors, strict=True)
        }

    seconds = fit(
        network,
        lambda places: load_captioned(train, places, device),
        loss_of,
        len(train),
        schedule,
        out,
        report,
        weight_decay=DECAY,
        settings={"network": SMALL_NAME, "start": start.name if start else ""},
        on_step=lambda step: now.__setitem__(0, step),
    )
    network.eval()
    figures = zero_shot(network, test, device)
    card = {
        "data": f"{len(train)} rendered objects with captions",
        "schedule": asdict(schedule),
        "start": start.name if start else "",
        "seconds": round(seconds),
        "test": {"pictures": len(test), **figures},
    }
    metadata = {"network": SMALL_NAME, "names": "published", "licence": entry.licence}
    write_weights(out, dict(network.model.state_dict()), metadata, card)
    return figures
