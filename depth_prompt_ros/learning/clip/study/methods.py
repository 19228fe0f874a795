"""The study's ways to depth, each from a picture's features: mirrors and what they are compared with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.learning.clip.study.features import FeatureBatch
from depth_prompt_ros.learning.clip.study.plan import DISTANCES, SENTENCE, Row
from depth_prompt_ros.networks.clip_mirror.clip import Clip, grid_of
from depth_prompt_ros.networks.clip_mirror.condition import DEVIATION, Condition
from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.networks.clip_mirror.network import metres
from depth_prompt_ros.stages.text.phrases import Tokeniser

_WORD_ROWS, _TEMPERATURE = 8, 0.1


class ConditionedDecoder(nn.Module):
    """CLIPSeg's decoder with one condition of :class:`Condition`; CLIP itself is no part of what is saved.

    Attributes:
        decoder, condition: what is learned.
        replaced: where it is set, (1, projection) in place of the condition: what comes of it after learning.
    """

    def __init__(self, row: Row, clip: Clip, normalise: nn.Module, pretrained: Decoder | None) -> None:
        """New, with PyTorch's random numbers; CLIP is learned on where the row says so."""
        super().__init__()
        assert row.kind != "words" and row.kind != "learned words"
        ids = torch.from_numpy(Tokeniser.of_pairs([])([SENTENCE]))
        self.decoder = Decoder(clip.sizes, film=row.kind != "none")
        if pretrained is not None:
            self.decoder.load_state_dict(pretrained.state_dict())
        self.condition = Condition(row.kind, clip.sizes, row.rows, ids)
        if row.film_frozen:
            self.decoder.film_mul.requires_grad_(False)
            self.decoder.film_add.requires_grad_(False)
        if row.encoder == "fine-tuned":
            self.clip = clip.requires_grad_(True)
        self._frozen, self._tuned = [clip], row.encoder == "fine-tuned"
        self._normalise = [normalise]
        self.replaced: Tensor | None = None

    def forward(self, batch: FeatureBatch) -> Tensor:
        """(N, 1, S, S) metres."""
        clip, image = self._frozen[0], batch.image
        states = list(batch.states.unbind(1))
        if self._tuned:
            states = clip.states(self._normalise[0](image))
        if self.replaced is not None:
            condition: Tensor | None = self.replaced
        elif self.condition.kind == "image":
            condition = batch.vectors
        else:
            condition = self.condition.constant(clip)
        return metres(self.decoder(states, grid_of(image, clip.sizes.patch), condition), image)


class SimilarityDepth(nn.Module):
    """Depth by how similar patches are to distance words: softmax over similarities, times each word's depth.

    With fixed words DepthCLIP (2207.01077), whose temperature of 0.1 it has; with learned ones after Auty and
    Mikolajczyk (2023): rows of tokens for every word and the temperature are learned, the depths are not. The depths
    are quantiles of what is learned from [ours]; the papers set them for NYU.
    """

    bins: Tensor

    def __init__(self, clip: Clip, depths: NDArray[np.float32], learned: bool) -> None:
        """New.

        Args:
            clip: frozen.
            depths: (7,) metres, rising.
            learned: the words' tokens and the temperature are.
        """
        super().__init__()
        self._frozen = [clip]
        self.register_buffer("bins", torch.from_numpy(depths))
        self.temperature = nn.Parameter(torch.tensor(np.log(_TEMPERATURE), dtype=torch.float32), learned)
        if learned:
            self.words = nn.Parameter(DEVIATION * torch.randn(len(DISTANCES), _WORD_ROWS, clip.sizes.text_width))
        else:
            ids = torch.from_numpy(Tokeniser.of_pairs([])([f"this object is {word}" for word in DISTANCES]))
            with torch.no_grad():
                self.register_buffer("vectors", clip.phrase_vectors(ids))
        self._learned = learned

    def forward(self, batch: FeatureBatch) -> Tensor:
        """(N, 1, S, S) metres."""
        clip = self._frozen[0]
        vectors = clip.rows_vector(self.words) if self._learned else self.vectors
        assert isinstance(vectors, Tensor)
        similar = functional.normalize(batch.patches, dim=2) @ functional.normalize(vectors, dim=1).T
        depth = (similar / self.temperature.exp()).softmax(2) @ self.bins
        plane = depth.view(-1, 1, *grid_of(batch.image, clip.sizes.patch))
        return functional.interpolate(plane, batch.image.shape[2:], mode="bilinear", align_corners=False)


def replacements(network: ConditionedDecoder, clip: Clip, seed: int) -> dict[str, Callable[[], Tensor]]:
    """What may take the place of a learned constant: by name, what makes a (1, projection) vector."""
    device = next(clip.parameters()).device
    generator = torch.Generator().manual_seed(seed)

    def learned() -> Tensor:
        found = network.condition.constant(clip)
        assert found is not None
        return found

    def noise() -> Tensor:
        vector = torch.randn((1, clip.sizes.projection), generator=generator).to(device)
        return vector * learned().norm() / vector.norm()

    def untrained() -> Tensor:
        rows = DEVIATION * torch.randn((1, 64, clip.sizes.text_width), generator=generator)
        return clip.rows_vector(rows.to(device))

    def sentence() -> Tensor:
        return clip.phrase_vectors(torch.from_numpy(Tokeniser.of_pairs([])([SENTENCE])).to(device))

    return {"random vector": noise, "untrained mirror": untrained, "sentence": sentence}
