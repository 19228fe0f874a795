"""A CLIP of the transformers library: what its image encoder's blocks give, and one vector for a text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.networks.clip_mirror.sizes import ClipSizes


class Clip(nn.Module):
    """CLIP (2103.00020), its two encoders called block by block.

    Attributes:
        sizes: of it.
        model: the library's, ``CLIPModel``.
    """

    def __init__(self, sizes: ClipSizes, model: Any = None) -> None:
        """With random weights where no ``model`` of these sizes is given."""
        super().__init__()
        self.sizes = sizes
        self.model = library_model(sizes) if model is None else model

    def with_plain_attention(self) -> Clip:
        """Itself, its attention written out: PyTorch's fused one takes twice as long backward on a CPU."""
        self.model.set_attn_implementation("eager")
        return self

    def states(self, picture: Tensor) -> list[Tensor]:
        """What the three tapped blocks give, the first one's first.

        Args:
            picture: (N, 3, H, W), normalised, sides of at least one patch; what is beyond whole patches is not seen.

        Returns:
            Three of (N, 1 + h * w, width), the first token is the class token, then the rows of patches.
        """
        vision: Any = self.model.vision_model
        last = self.sizes.taps[-1] + 1
        return tapped(
            vision.embeddings, vision.pre_layrnorm, list(vision.encoder.layers)[:last], self.sizes.taps, picture
        )

    def picture_vector(self, picture: Tensor, patches: Tensor | None = None) -> Tensor:
        """(N, projection) of normalised pictures (N, 3, H, W): the class token after all blocks, projected.

        Of these ``patches`` alone, (N, k) numbers row by row, where they are given.
        """
        return self.everything(picture, patches)[1][:, 0]

    def everything(self, picture: Tensor, patches: Tensor | None = None) -> tuple[list[Tensor], Tensor]:
        """What :meth:`states` gives, and (N, 1 + h * w, projection): every token after all blocks, projected."""
        vision: Any = self.model.vision_model
        blocks = list(vision.encoder.layers)
        taps = (*self.sizes.taps, len(blocks) - 1)
        *states, last = tapped(vision.embeddings, vision.pre_layrnorm, blocks, taps, picture, patches)
        return states, self.model.visual_projection(vision.post_layernorm(last))

    def text_states(self, rows: Tensor) -> Tensor:
        """(N, n, text width) after all blocks and the last LayerNorm, of rows in place of token embeddings.

        The first n position embeddings are added; each row sees itself and those before it.

        Args:
            rows: (N, n, text width), n of at most :attr:`ClipSizes.positions`.
        """
        text: Any = self.model.text_model
        count = rows.shape[1]
        tokens = rows + text.embeddings.position_embedding.weight[:count]
        later = torch.full((count, count), torch.finfo(rows.dtype).min, dtype=rows.dtype, device=rows.device).triu(1)
        for block in text.encoder.layers:
            tokens = block(tokens, later[None, None])
        states: Tensor = text.final_layer_norm(tokens)
        return states

    def rows_vector(self, rows: Tensor) -> Tensor:
        """(N, projection) of (N, n, text width) rows: the last one's state, which alone has seen all, projected."""
        vector: Tensor = self.model.text_projection(self.text_states(rows)[:, -1])
        return vector

    def phrase_vectors(self, ids: Tensor) -> Tensor:
        """(N, projection) of (N, n) token ids, int64: the state at the first end of text, the highest id, projected."""
        text: Any = self.model.text_model
        states = self.text_states(text.embeddings.token_embedding(ids))
        ends = ids.argmax(1)[:, None, None].expand(-1, 1, states.shape[2])
        vectors: Tensor = self.model.text_projection(states.gather(1, ends)[:, 0])
        return vectors


class ClipSeg(Clip):
    """CLIPSeg (2112.10003): a CLIP, and a decoder that says which pixels a text is of."""

    def __init__(self, sizes: ClipSizes, model: Any = None) -> None:
        super().__init__(sizes, model)
        self.decoder = Decoder(sizes)

    def forward(self, picture: Tensor, vectors: Tensor) -> Tensor:
        """Log-odds that a pixel is of the text.

        Args:
            picture: (N, 3, H, W), normalised.
            vectors: (N, projection), one a picture, or (1, projection) for all.

        Returns:
            (N, 1, H, W), sides down to whole patches.
        """
        logits: Tensor = self.decoder(self.states(picture), grid_of(picture, self.sizes.patch), vectors)
        return logits


def tapped(
    embeddings: nn.Module,
    norm: nn.Module,
    blocks: Iterable[nn.Module],
    taps: Iterable[int],
    picture: Tensor,
    patches: Tensor | None = None,
) -> list[Tensor]:
    """Outputs of the blocks that ``taps`` counts from 0, of a picture's tokens; see :meth:`Clip.states`.

    The position embeddings are interpolated bicubically to the picture's rows and columns of patches. With ``patches``,
    (N, k) numbers row by row, the others are not looked at.
    """
    wanted, found = set(taps), []
    tokens = norm(embeddings(picture, interpolate_pos_encoding=True))
    if patches is not None:
        seen = torch.cat([torch.zeros_like(patches[:, :1]), 1 + patches], 1)
        tokens = tokens.gather(1, seen[:, :, None].expand(-1, -1, tokens.shape[2]))
    for number, block in enumerate(blocks):
        tokens = block(tokens, None)
        if number in wanted:
            found.append(tokens)
    return found


def grid_of(picture: Tensor, patch: int) -> tuple[int, int]:
    """Rows and columns of whole patches in a picture (N, 3, H, W)."""
    return picture.shape[2] // patch, picture.shape[3] // patch


def clip_config(sizes: ClipSizes) -> Any:
    """The library's configuration of a CLIP of these sizes."""
    from transformers import CLIPConfig

    return CLIPConfig(
        text_config=sizes.text(), vision_config=sizes.vision(), projection_dim=sizes.projection,
    )  # fmt: skip


def library_model(sizes: ClipSizes) -> Any:
    """The library's CLIP of these sizes, with random weights."""
    from transformers import CLIPModel

    return CLIPModel(clip_config(sizes))
