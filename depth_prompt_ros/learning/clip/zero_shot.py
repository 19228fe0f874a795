"""Which words a small CLIP tells of objects that it has not seen, and when that is enough to study mirrors with it."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from torch.nn import functional

from depth_prompt_ros.data.rendering.captioned import WORDS, caption
from depth_prompt_ros.data.sets.captioned_set import CaptionedSet
from depth_prompt_ros.learning.clip.captioned_pictures import load_captioned
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.clip_mirror.clip import Clip
from depth_prompt_ros.networks.clip_mirror.entries import SMALL_NAME
from depth_prompt_ros.stages.text.phrases import Tokeniser


@torch.no_grad()
def zero_shot(network: Clip, data: CaptionedSet, device: torch.device) -> dict[str, float]:
    """Share of pictures whose attribute is told right from the words for it, by attribute, and of all four together.

    Each picture is compared with all captions; an attribute's word is that of the likeliest captions, their
    probabilities added up over the other attributes.
    """
    network.eval()
    tokeniser, normalise = Tokeniser.of_pairs([]), catalogue.Normalise(catalogue.find_clip(SMALL_NAME)).to(device)
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
