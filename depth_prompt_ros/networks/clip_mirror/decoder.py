"""CLIPSeg's decoder: from the outputs of three blocks of an image encoder and a condition to one value a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from depth_prompt_ros.networks.clip_mirror.sizes import ClipSizes


class Decoder(nn.Module):
    """CLIPSeg's "rd64" decoder with its finer head (2112.10003), its tensors named as published; 1,127,009 parameters.

    The deepest block's output comes first: a linear layer to ``reduced`` channels, FiLM (1709.07871) by the condition,
    a post-norm transformer layer. The two others are added to the running state and get a transformer layer each.
    Without the class token the state is a picture of a pixel a patch, which a convolution and two transposed ones
    bring to the picture's size.
    """

    def __init__(
        self, sizes: ClipSizes, film: bool = True, reduced: int = 64, heads: int = 4, hidden: int = 2048
    ) -> None:
        """With random weights.

        Args:
            sizes: of the CLIP.
            film: False: no condition, for one that is folded or that there is none of.
            reduced: channels of the state.
            heads: of each transformer layer's attention.
            hidden: width of each transformer layer's perceptron.
        """
        super().__init__()
        layer = _library_layer(reduced, heads, hidden)
        if film:
            self.film_mul = nn.Linear(sizes.projection, reduced)
            self.film_add = nn.Linear(sizes.projection, reduced)
        self.film = film
        self.reduces = nn.ModuleList([nn.Linear(sizes.image_width, reduced) for _ in sizes.taps])
        self.layers = nn.ModuleList([layer() for _ in sizes.taps])
        quarter = sizes.patch // 4
        self.transposed_convolution = nn.Sequential(
            nn.Conv2d(reduced, reduced, 3, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(reduced, reduced // 2, 4, 4),
            nn.ReLU(),
            nn.ConvTranspose2d(reduced // 2, 1, quarter, quarter),
        )

    def forward(self, states: Sequence[Tensor], grid: tuple[int, int], condition: Tensor | None) -> Tensor:
        """One value a pixel.

        Args:
            states: three of (N, 1 + h * w, width), the shallowest first.
            grid: h and w.
            condition: (N, projection) or (1, projection), which all pictures share; None where there is no FiLM.

        Returns:
            (N, 1, h * patch, w * patch).

        Raises:
            ValueError: a condition without FiLM, or FiLM without a condition.
        """
        if self.film != (condition is not None):
            raise ValueError(f"the decoder {'needs a' if self.film else 'takes no'} condition")
        state: Tensor | None = None
        for number, (tokens, reduce, layer) in enumerate(zip(reversed(states), self.reduces, self.layers, strict=True)):
            reduced = reduce(tokens)
            state = reduced if state is None else reduced + state
            if number == 0 and condition is not None:
                state = self.film_mul(condition)[:, None] * state + self.film_add(condition)[:, None]
            state = layer(state, None)
        assert state is not None
        plane = state[:, 1:].transpose(1, 2)
        answer: Tensor = self.transposed_convolution(plane.reshape(*plane.shape[:2], *grid))
        return answer

    @torch.no_grad()
    def folded(self, condition: Tensor) -> dict[str, Tensor]:
        """Tensors of the same decoder without FiLM: a constant condition (1, projection) in the first linear layer.

        With ``m = film_mul(q)`` and ``a = film_add(q)``: ``m * (W x + b) + a = (m W) x + (m b + a)``.
        """
        scale, shift = self.film_mul(condition)[0], self.film_add(condition)[0]
        tensors = {key: value for key, value in self.state_dict().items() if not key.startswith("film_")}
        tensors["reduces.0.weight"] = scale[:, None] * tensors["reduces.0.weight"]
        tensors["reduces.0.bias"] = scale * tensors["reduces.0.bias"] + shift
        return tensors


def _library_layer(width: int, heads: int, hidden: int) -> Any:
    """What makes a post-norm transformer layer with ReLU, the library's."""
    from transformers import CLIPSegVisionConfig
    from transformers.models.clipseg.modeling_clipseg import CLIPSegDecoderLayer

    # Written out: PyTorch's fused attention takes many times as long backward on a CPU.
    config = CLIPSegVisionConfig(
        hidden_size=width, num_attention_heads=heads, intermediate_size=hidden, hidden_act="relu",
        attn_implementation="eager",
    )  # fmt: skip
    return lambda: CLIPSegDecoderLayer(config)
