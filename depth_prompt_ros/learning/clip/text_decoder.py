"""Teach CLIPSeg's decoder of a small CLIP which pixels a caption is of, as 2112.10003 does for a large one."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.data.rendering.captioned import WORDS, caption
from depth_prompt_ros.data.sets.captioned_set import CaptionedSet
from depth_prompt_ros.learning.clip.small_clip import NAME, Captioned, attributes_said, load_captioned
from depth_prompt_ros.learning.trainer import Losses, Report, Schedule, fit, pick_device, write_weights
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.clip_mirror.clip import Clip, grid_of
from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.stages.text.phrases import Tokeniser


def learn_text_decoder(
    clip: Clip, train: CaptionedSet, out: Path, schedule: Schedule, report: Report | None = None
) -> Decoder:
    """Learn a decoder through a frozen small CLIP; writes its weights to ``out`` and returns it.

    Half of the pictures get another's caption, the rest their own; every other batch, on average, tells a part of the
    attributes alone. No pixel is of a caption that is wrong in what it tells. Loss: binary cross entropy.

    Raises:
        BadInput: what :func:`depth_prompt_ros.learning.trainer.fit` refuses.
    """
    torch.manual_seed(schedule.seed)
    device = pick_device()
    clip = clip.to(device).eval().requires_grad_(False)
    decoder = Decoder(clip.sizes).to(device)
    normalise, tokeniser = catalogue.Normalise(catalogue.find_clip(NAME)).to(device), Tokeniser.of_pairs([])

    def loss_of(batch: Captioned, generator: torch.Generator) -> Losses:
        count = len(batch.image)
        other = (torch.rand(count, generator=generator) < 0.5).to(device)
        asked = torch.where(other[:, None], batch.words.roll(1, 0), batch.words)
        said = attributes_said(generator)
        untold = torch.tensor([name not in said for name in WORDS], device=device)
        answered = ((asked == batch.words) | untold).all(1).view(-1, 1, 1, 1).float() * batch.mask
        flips = (torch.rand((count, 1, 1, 1), generator=generator) < 0.5).to(device)
        image, answered = (torch.where(flips, each.flip(3), each) for each in (batch.image, answered))
        logits = _answer(clip, decoder, normalise, tokeniser, image, asked, said)
        return {"mask": functional.binary_cross_entropy_with_logits(logits, answered)}

    fit(
        decoder,
        lambda places: load_captioned(train, places, device),
        loss_of,
        len(train),
        schedule,
        out,
        report,
        weight_decay=0.01,
        settings={"decoder": "text"},
    )
    write_weights(out, dict(decoder.state_dict()), {"network": f"{NAME} text decoder"}, {"steps": schedule.steps})
    return decoder.eval()


def _answer(
    clip: Clip,
    decoder: Decoder,
    normalise: torch.nn.Module,
    tokeniser: Tokeniser,
    image: Tensor,
    words: Tensor,
    said: Collection[str] = tuple(WORDS),
) -> Tensor:
    with torch.no_grad():
        ids = torch.from_numpy(tokeniser([caption(row, said) for row in words.cpu().numpy()])).to(image.device)
        vectors, seen = clip.phrase_vectors(ids), normalise(image)
        states = clip.states(seen)
    logits: Tensor = decoder(states, grid_of(image, clip.sizes.patch), vectors)
    return logits


@torch.no_grad()
def text_iou(clip: Clip, decoder: Decoder, data: CaptionedSet, threshold: float = 0.5) -> dict[str, float]:
    """IoU of what a picture's own caption finds, over all pixels of all pictures: by material, of all, and of others.

    ``another caption`` is the share of pictures in which another picture's caption, different in every word, finds
    anything: lower is better.
    """
    device = next(decoder.parameters()).device
    normalise, tokeniser = catalogue.Normalise(catalogue.find_clip(NAME)).to(device), Tokeniser.of_pairs([])
    materials = WORDS["material"]
    both, either = np.zeros(len(materials)), np.zeros(len(materials))
    wrong, asked_wrong = 0, 0
    for part in np.array_split(np.arange(len(data)), -(-len(data) // 32)):
        batch = load_captioned(data, part, device)
        found = torch.sigmoid(_answer(clip, decoder, normalise, tokeniser, batch.image, batch.words)) >= threshold
        true = batch.mask > 0
        for number in range(len(materials)):
            rows = batch.words[:, 2] == number
            both[number] += float((found[rows] & true[rows]).sum())
            either[number] += float((found[rows] | true[rows]).sum())
        others = (batch.words + 1) % torch.tensor([len(words) for words in WORDS.values()], device=device)
        false = torch.sigmoid(_answer(clip, decoder, normalise, tokeniser, batch.image, others)) >= threshold
        wrong += int(false.flatten(1).any(1).sum())
        asked_wrong += len(part)
    figures = {name: float(b / max(e, 1)) for name, b, e in zip(materials, both, either, strict=True)}
    return {**figures, "all": float(both.sum() / max(either.sum(), 1)), "another caption": wrong / max(asked_wrong, 1)}
