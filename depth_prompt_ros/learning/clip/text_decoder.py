"""Teach CLIPSeg's decoder of a small CLIP which pixels a caption is of, as 2112.10003 does for a large one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from depth_prompt_ros.data.rendering.captioned import ON_A_TABLE, WORDS, caption
from depth_prompt_ros.data.sets.captioned_set import CaptionedSet, NamedTableSet
from depth_prompt_ros.learning.clip.captioned_pictures import load_captioned
from depth_prompt_ros.learning.clip.contrast import attributes_said
from depth_prompt_ros.learning.losses import mask_losses
from depth_prompt_ros.learning.run_state import Report
from depth_prompt_ros.learning.trainer import Losses, Schedule, fit, pick_device, write_weights
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.clip_mirror.clip import Clip, grid_of
from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.networks.clip_mirror.entries import SMALL_NAME
from depth_prompt_ros.stages.text.phrases import Tokeniser


class Named(NamedTuple):
    """N pictures of up to K objects with names.

    Attributes:
        image: (N, 3, S, S) RGB in [0, 1].
        words: (N, K, 4) int64, -1 where there are fewer objects.
        masks: (N, K, S, S) in {0, 1}.
    """

    image: Tensor
    words: Tensor
    masks: Tensor

    def of(self, asked: Tensor, said: Collection[str]) -> Tensor:
        """(N, 1, S, S) in {0, 1}: the objects of which all that is ``said`` of ``asked`` (N, 4) is true."""
        untold = torch.tensor([name not in said for name in WORDS], device=asked.device)
        right = ((self.words == asked[:, None]) | untold).all(2)
        return (self.masks * right[:, :, None, None]).amax(1, keepdim=True)


def load_named(sets: Sequence[CaptionedSet | NamedTableSet], places: NDArray[np.int64], device: torch.device) -> Named:
    """Those pictures, counted through all sets."""
    ends = np.cumsum([len(each) for each in sets])
    most = max(ON_A_TABLE if isinstance(each, NamedTableSet) else 1 for each in sets)
    images = []
    words = np.full((len(places), most, len(WORDS)), -1, np.int64)
    masks = np.zeros((len(places), most, *sets[0].images.shape[1:3]), np.float32)
    for row, place in enumerate(places):
        which = int(np.searchsorted(ends, place, side="right"))
        data, index = sets[which], int(place - (ends[which - 1] if which else 0))
        images.append(np.asarray(data.images[index]))
        if isinstance(data, NamedTableSet):
            words[row] = data.attributes[index, :, :, 0]
            masks[row] = np.asarray(data.labels[index]) == 1 + np.arange(ON_A_TABLE)[:, None, None]
        else:
            words[row, 0], masks[row, 0] = data.words[index], data.masks[index]
    image = torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2).float() / 255
    return Named(image.contiguous(), torch.from_numpy(words).to(device), torch.from_numpy(masks).to(device))


def learn_text_decoder(
    clip: Clip, train: CaptionedSet, tables: NamedTableSet, out: Path, schedule: Schedule, report: Report | None = None
) -> Decoder:
    """Learn a decoder through a frozen small CLIP; writes its weights to ``out`` and returns it.

    About half of the pictures are tables. Half of the pictures get another's caption, the rest that of one of their
    own objects; every other batch, on average, tells a part of the attributes alone. Objects for which the caption is
    wrong in something are no part of what it means. Loss: :func:`depth_prompt_ros.learning.losses.mask_losses`: by
    cross entropy alone a thing of a fiftieth of the pixels is not found while it is less likely than not.

    Args:
        train: pictures of one object.
        tables: pictures of three.

    Raises:
        BadInput: what :func:`depth_prompt_ros.learning.trainer.fit` refuses.
    """
    torch.manual_seed(schedule.seed)
    device = pick_device()
    clip = clip.to(device).eval().requires_grad_(False)
    decoder = Decoder(clip.sizes).to(device)
    normalise, tokeniser = catalogue.Normalise(catalogue.find_clip(SMALL_NAME)).to(device), Tokeniser.of_pairs([])
    sets: list[CaptionedSet | NamedTableSet] = [train, *[tables] * max(len(train) // len(tables), 1)]

    def loss_of(batch: Named, generator: torch.Generator) -> Losses:
        count = len(batch.image)
        objects = (batch.words[:, :, 0] >= 0).sum(1)
        chosen = (torch.rand(count, generator=generator).to(device) * objects).long()
        own = batch.words[torch.arange(count, device=device), chosen]
        other = (torch.rand(count, generator=generator) < 0.5).to(device)
        asked = torch.where(other[:, None], own.roll(1, 0), own)
        said = attributes_said(generator)
        answered = batch.of(asked, said)
        flips = (torch.rand((count, 1, 1, 1), generator=generator) < 0.5).to(device)
        image, answered = (torch.where(flips, each.flip(3), each) for each in (batch.image, answered))
        logits = _answer(clip, decoder, tokeniser, Seen.of(clip, normalise, image), asked, said)
        return mask_losses(logits, answered)

    fit(
        decoder,
        lambda places: load_named(sets, places, device),
        loss_of,
        sum(len(each) for each in sets),
        schedule,
        out,
        report,
        weight_decay=0.01,
        settings={"decoder": "text"},
    )
    write_weights(out, dict(decoder.state_dict()), {"network": f"{SMALL_NAME} text decoder"}, {"steps": schedule.steps})
    return decoder.eval()


class Seen(NamedTuple):
    """What the frozen encoder says of pictures: states, and their rows and columns of patches."""

    states: list[Tensor]
    grid: tuple[int, int]

    @classmethod
    @torch.no_grad()
    def of(cls, clip: Clip, normalise: torch.nn.Module, image: Tensor) -> Seen:
        """Of pictures (N, 3, S, S) in [0, 1]."""
        return cls(clip.states(normalise(image)), grid_of(image, clip.sizes.patch))


def _answer(
    clip: Clip, decoder: Decoder, tokeniser: Tokeniser, seen: Seen, words: Tensor, said: Collection[str] = tuple(WORDS)
) -> Tensor:
    with torch.no_grad():
        ids = torch.from_numpy(tokeniser([caption(row, said) for row in words.cpu().numpy()])).to(words.device)
        vectors = clip.phrase_vectors(ids)
    logits: Tensor = decoder(*seen, vectors)
    return logits


@torch.no_grad()
def text_iou(clip: Clip, decoder: Decoder, data: CaptionedSet, threshold: float = 0.5) -> dict[str, float]:
    """IoU of what a picture's own caption finds, over all pixels of all pictures: by material, of all, and of others.

    ``another caption`` is the share of pictures in which another picture's caption, different in every word, finds
    anything: lower is better.
    """
    device = next(decoder.parameters()).device
    normalise, tokeniser = catalogue.Normalise(catalogue.find_clip(SMALL_NAME)).to(device), Tokeniser.of_pairs([])
    materials = WORDS["material"]
    both, either = np.zeros(len(materials)), np.zeros(len(materials))
    wrong, asked_wrong = 0, 0
    for part in np.array_split(np.arange(len(data)), -(-len(data) // 32)):
        batch = load_captioned(data, part, device)
        seen = Seen.of(clip, normalise, batch.image)
        found = torch.sigmoid(_answer(clip, decoder, tokeniser, seen, batch.words)) >= threshold
        true = batch.mask > 0
        for number in range(len(materials)):
            rows = batch.words[:, 2] == number
            both[number] += float((found[rows] & true[rows]).sum())
            either[number] += float((found[rows] | true[rows]).sum())
        others = (batch.words + 1) % torch.tensor([len(words) for words in WORDS.values()], device=device)
        false = torch.sigmoid(_answer(clip, decoder, tokeniser, seen, others)) >= threshold
        wrong += int(false.flatten(1).any(1).sum())
        asked_wrong += len(part)
    figures = {name: float(b / max(e, 1)) for name, b, e in zip(materials, both, either, strict=True)}
    return {**figures, "all": float(both.sum() / max(either.sum(), 1)), "another caption": wrong / max(asked_wrong, 1)}


class PhraseScores(NamedTuple):
    """What phrases of one kind find on tables of three objects.

    Attributes:
        iou: over all pixels and phrases together, of the object that is meant.
        all_objects: IoU of an answer that finds all three objects whatever is asked.
        picked: share of phrases whose mean probability is the highest on the object that is meant; chance is a third.
    """

    iou: float
    all_objects: float
    picked: float


PHRASES: dict[str, tuple[str, ...]] = {
    "a red thing": ("colour",),
    "a glass thing": ("material",),
    "a bowl": ("shape",),
    "a small red glass bowl": tuple(WORDS),
}
"""Kinds of phrases by an example, and the attributes that they tell."""


@torch.no_grad()
def phrase_scores(clip: Clip, decoder: Decoder, data: NamedTableSet, threshold: float = 0.5) -> dict[str, PhraseScores]:
    """Every object of every table asked for, by :data:`PHRASES`."""
    device = next(decoder.parameters()).device
    normalise, tokeniser = catalogue.Normalise(catalogue.find_clip(SMALL_NAME)).to(device), Tokeniser.of_pairs([])
    sums = {kind: np.zeros(4) for kind in PHRASES}  # pixels of both and of either, phrases right and asked
    meant = objects = 0.0
    for part in np.array_split(np.arange(len(data)), -(-len(data) // 32)):
        batch = load_named([data], part, device)
        pictures = Seen.of(clip, normalise, batch.image)
        meant += float(batch.masks.sum())
        objects += ON_A_TABLE * float(batch.masks.sum())
        for (kind, said), number in product(PHRASES.items(), range(ON_A_TABLE)):
            answer = torch.sigmoid(_answer(clip, decoder, tokeniser, pictures, batch.words[:, number], said))
            truth, found = batch.masks[:, number, None] > 0, answer >= threshold
            likely = (answer * batch.masks).sum((2, 3)) / batch.masks.sum((2, 3)).clamp(min=1)
            right = likely.argmax(1) == number
            sums[kind] += [float(each.sum()) for each in (found & truth, found | truth, right)] + [len(part)]
    return {
        kind: PhraseScores(both / max(either, 1), meant / max(objects, 1), right / max(asked, 1))
        for kind, (both, either, right, asked) in sums.items()
    }
