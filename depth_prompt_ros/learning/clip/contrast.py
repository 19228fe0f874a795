"""What a small CLIP contrasts: pictures with captions that tell one attribute, several, or almost what is seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from depth_prompt_ros.data.rendering.captioned import WORDS, caption

_COUNTS = torch.tensor([len(words) for words in WORDS.values()])


class Asked(NamedTuple):
    """Captions that tell the same attributes, each once, to be told from each other.

    Attributes:
        captions: K texts.
        of: (N, K) bool, those that are true of each of the N pictures.
    """

    captions: list[str]
    of: Tensor


def each_word(words: Tensor, name: str) -> Asked:
    """All captions that tell one attribute alone: "a bowl", "a mug".

    Args:
        words: (N, 4) int64, of the pictures.
        name: of the attribute.
    """
    axis = list(WORDS).index(name)
    rows = torch.zeros((len(WORDS[name]), len(WORDS)), dtype=torch.int64)
    rows[:, axis] = torch.arange(len(rows))
    return Asked([caption(row, [name]) for row in rows.numpy()], words[:, axis, None] == rows[:, axis].to(words.device))


def several_words(words: Tensor, said: Sequence[str], generator: torch.Generator) -> Asked:
    """The pictures' own captions, and as many that are wrong in one word (hard negatives, 2210.01936).

    Args:
        words: (N, 4) int64, of the pictures.
        said: the attributes that all captions tell.
        generator: for what is changed.
    """
    shown = words.cpu() * torch.tensor([name in said for name in WORDS])
    told = torch.tensor([axis for axis, name in enumerate(WORDS) if name in said])
    axis = told[torch.randint(len(told), (len(words),), generator=generator)]
    most, every = _COUNTS[axis], torch.arange(len(words))
    further = 1 + (torch.rand(len(words), generator=generator) * (most - 1)).long()
    wrong = shown.clone()
    wrong[every, axis] = (shown[every, axis] + further) % most
    rows, back = torch.cat([shown, wrong]).unique(dim=0, return_inverse=True)
    of = back[: len(words), None] == torch.arange(len(rows))
    return Asked([caption(row, said) for row in rows.numpy()], of.to(words.device))


def attributes_said(generator: torch.Generator) -> list[str]:
    """All attributes in half of the cases, else a part of them, at least one."""
    chosen = torch.rand(len(WORDS) + 1, generator=generator) < 0.5
    return [name for name, told in zip(WORDS, chosen[1:].tolist(), strict=True) if told or chosen[0]] or list(WORDS)


def contrastive_loss(pictures: Tensor, texts: Tensor, scale: Tensor, of: Tensor) -> Tensor:
    """CLIP's symmetric cross entropy (2103.00020), a text's pictures sharing its target (2204.03610), () float.

    Texts that are true of no picture are what pictures are told from, and are asked nothing themselves.

    Args:
        pictures: (N, D), of length 1.
        texts: (K, D), of length 1.
        scale: (), the logarithm of what similarities are multiplied by; at most 100 is used.
        of: (N, K) bool, texts that are true of each picture, at least one.
    """
    logits = pictures @ texts.T * scale.exp().clamp(max=100)
    target = of.float()
    asked = of.any(0)
    return (
        functional.cross_entropy(logits, target / target.sum(1, keepdim=True))
        + functional.cross_entropy(logits.T[asked], target.T[asked] / target.T[asked].sum(1, keepdim=True))
    ) / 2
