"""What conditions the decoder: the mirror, or what it is compared with."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from depth_prompt_ros.errors import BadInput
from depth_prompt_ros.networks.clip_mirror.clip import Clip
from depth_prompt_ros.networks.clip_mirror.sizes import ClipSizes

Kind = Literal["mirror", "vector", "sentence", "none", "image"]
"""mirror: rows in place of token embeddings, learned through the frozen text encoder (2402.03251); vector: the
condition itself, learned; sentence: the frozen text encoder's vector of a fixed one; none: no FiLM; image: the
picture's own vector, the only one that is no constant after learning."""

KINDS: tuple[Kind, ...] = get_args(Kind)
ROWS, DEVIATION = 64, 0.02
"""Of a mirror: how many rows, and of its first values around 0 [ours]."""


class Condition(nn.Module):
    """The condition of one kind; what of it is learned are its parameters.

    Attributes:
        kind: which.
    """

    def __init__(self, kind: Kind, sizes: ClipSizes, rows: int = ROWS, ids: Tensor | None = None) -> None:
        """New.

        Args:
            kind: which.
            sizes: of the CLIP.
            rows: of a mirror.
            ids: (1, n) int64 tokens of a sentence, start and end among them.

        Raises:
            BadInput: a kind that there is not, more rows than the text encoder has positions, a sentence without
                tokens.
        """
        super().__init__()
        if kind not in KINDS:
            raise BadInput(f"no condition {kind!r}; there are: {', '.join(KINDS)}")
        if kind == "mirror" and not 1 <= rows <= sizes.positions:
            raise BadInput(f"a mirror of {rows} rows does not fit the text encoder: it has 1 to {sizes.positions}")
        if kind == "sentence" and ids is None:
            raise BadInput("the condition is a sentence, but there is none: give one")
        self.kind = kind
        if kind == "mirror":
            self.mirror = nn.Parameter(DEVIATION * torch.randn(rows, sizes.text_width))
        elif kind == "vector":
            self.vector = nn.Parameter(DEVIATION * torch.randn(1, sizes.projection))
        elif kind == "sentence":
            self.register_buffer("ids", ids)

    def forward(self, clip: Clip, picture: Tensor) -> Tensor | None:
        """(1, projection) for all pictures, (N, projection) of kind image, None without FiLM.

        Args:
            clip: the frozen CLIP.
            picture: (N, 3, H, W), normalised.
        """
        if self.kind == "image":
            return clip.picture_vector(picture)
        return self.constant(clip)

    def constant(self, clip: Clip) -> Tensor | None:
        """The condition that does not depend on the picture, None without FiLM.

        Raises:
            BadInput: kind image, which does depend on it.
        """
        if self.kind == "mirror":
            return clip.rows_vector(self.mirror[None])
        if self.kind == "vector":
            return self.vector
        if self.kind == "sentence":
            ids = self.ids
            assert isinstance(ids, Tensor)
            return clip.phrase_vectors(ids)
        if self.kind == "image":
            raise BadInput("the condition is the picture itself: it is no constant and cannot be folded")
        return None
