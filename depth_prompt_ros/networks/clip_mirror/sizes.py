"""Every size of a CLIP, and how they are read from its tensors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from depth_prompt_ros.errors import BadInput

HEAD_WIDTH = 64
"""Of every attention head of the published CLIPs (2103.00020); so heads need not be told."""


@dataclass(frozen=True)
class ClipSizes:
    """A CLIP's sizes; the defaults are those of ViT-B/16 (2103.00020).

    Attributes:
        image_width, image_layers: of the image encoder.
        patch: side of a patch, pixels.
        grid: patches along a side of the pictures that it was learned on.
        text_width, text_layers: of the text encoder.
        positions: most tokens of a text, start and end included.
        vocabulary: tokens that there are; the last is the end of a text.
        projection: width of the space that both are projected to.
    """

    image_width: int = 768
    image_layers: int = 12
    patch: int = 16
    grid: int = 14
    text_width: int = 512
    text_layers: int = 12
    positions: int = 77
    vocabulary: int = 49408
    projection: int = 512

    @property
    def taps(self) -> tuple[int, int, int]:
        """The blocks, counted from 0, whose outputs the decoder gets: 3, 6 and 9 of twelve (2112.10003)."""
        first, second, third = (self.image_layers * number // 12 - 1 for number in (4, 7, 10))
        return first, second, third

    def patches_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of patches of a height and width.

        Raises:
            BadInput: no whole number of patches.
        """
        if any(side % self.patch or not side for side in size):
            raise BadInput(f"{size[1]}x{size[0]} is no whole number of patches of {self.patch} pixels")
        return size[0] // self.patch, size[1] // self.patch

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> ClipSizes:
        """Those of the published tensors of a CLIP, named as transformers names them.

        Raises:
            KeyError: a tensor is missing that says a size.
        """
        patches = tensors["vision_model.embeddings.patch_embedding.weight"]
        words = tensors["text_model.embeddings.token_embedding.weight"]
        return cls(
            image_width=patches.shape[0],
            image_layers=count_layers(tensors, "vision_model.encoder.layers."),
            patch=patches.shape[2],
            grid=math.isqrt(len(tensors["vision_model.embeddings.position_embedding.weight"]) - 1),
            text_width=words.shape[1],
            text_layers=count_layers(tensors, "text_model.encoder.layers."),
            positions=len(tensors["text_model.embeddings.position_embedding.weight"]),
            vocabulary=len(words),
            projection=len(tensors["text_projection.weight"]),
        )

    def vision(self) -> dict[str, Any]:
        """Settings of the library's image encoder."""
        return {
            **_tower(self.image_width, self.image_layers),
            "patch_size": self.patch,
            "image_size": self.patch * self.grid,
        }

    def text(self) -> dict[str, Any]:
        """Settings of the library's text encoder."""
        return {
            **_tower(self.text_width, self.text_layers),
            "vocab_size": self.vocabulary,
            "max_position_embeddings": self.positions,
            "bos_token_id": self.vocabulary - 2,
            "eos_token_id": self.vocabulary - 1,
        }


def _tower(width: int, layers: int) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": max(width // HEAD_WIDTH, 1),
    }


def count_layers(names: Iterable[str], prefix: str) -> int:
    """How many numbers follow ``prefix`` in the names of tensors."""
    return len({name[len(prefix) :].partition(".")[0] for name in names if name.startswith(prefix)})
