"""Metric depth from a frozen CLIP: as it is learned, and as it runs once its condition is a constant."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_prompt_ros.networks.clip_mirror.clip import Clip, grid_of, tapped
from depth_prompt_ros.networks.clip_mirror.condition import Condition
from depth_prompt_ros.networks.clip_mirror.decoder import Decoder
from depth_prompt_ros.networks.clip_mirror.sizes import ClipSizes, count_layers

NEAREST = 1e-3
"""Metres: no depth is said to be less, for its logarithm is learned from."""


class ClipMirror(nn.Module):
    """A frozen CLIP, a condition and CLIPSeg's decoder (2402.03251).

    Attributes:
        clip: frozen, in eval mode whatever mode this is in.
        learned: the decoder and the condition; their parameters are all that is learned.
    """

    def __init__(self, clip: Clip, condition: Condition, decoder: Decoder) -> None:
        super().__init__()
        self.clip = clip.eval().requires_grad_(False)
        self.learned = nn.ModuleDict({"decoder": decoder, "condition": condition})

    def train(self, mode: bool = True) -> ClipMirror:
        """The learned part's mode; CLIP stays in eval mode."""
        super().train(mode)
        self.clip.eval()
        return self

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, H, W) metres, of at least :data:`NEAREST` and without an upper bound, of normalised pictures."""
        with torch.no_grad():
            states = self.clip.states(picture)
        condition = self.learned["condition"](self.clip, picture)
        return metres(self.learned["decoder"](states, grid_of(picture, self.clip.sizes.patch), condition), picture)


class MirrorDepth(nn.Module):
    """What is left once the condition is a constant: ten of twelve image blocks and a decoder without FiLM.

    Input (N, 3, H, W) normalised RGB, sides of whole patches; output (N, 1, H, W) metres in (0, cap].
    """

    cap: Tensor

    def __init__(self, sizes: ClipSizes) -> None:
        """Random weights and a cap of 10 m."""
        from transformers import CLIPVisionConfig
        from transformers.models.clip.modeling_clip import CLIPEncoderLayer, CLIPVisionEmbeddings

        super().__init__()
        config = CLIPVisionConfig(**sizes.vision(), attn_implementation="sdpa")
        self.sizes = sizes
        self.embeddings = CLIPVisionEmbeddings(config)
        self.norm = nn.LayerNorm(sizes.image_width, eps=config.layer_norm_eps)
        self.blocks = nn.ModuleList([CLIPEncoderLayer(config) for _ in range(sizes.taps[-1] + 1)])
        self.decoder = Decoder(sizes, film=False)
        self.register_buffer("cap", torch.tensor(10.0))

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 1, H, W) metres."""
        states = tapped(self.embeddings, self.norm, self.blocks, self.sizes.taps, picture)
        depth = metres(self.decoder(states, grid_of(picture, self.sizes.patch), None), picture)
        return torch.minimum(depth, self.cap)


def metres(answer: Tensor, picture: Tensor) -> Tensor:
    """The decoder's answer, (N, 1, h, w), as metres at the size of the picture: softplus, then bilinear [ours]."""
    depth = functional.softplus(answer) + NEAREST
    if depth.shape[2:] == picture.shape[2:]:
        return depth
    return functional.interpolate(depth, picture.shape[2:], mode="bilinear", align_corners=False)


@torch.no_grad()
def folded(network: ClipMirror, cap: float) -> MirrorDepth:
    """The same function with its condition evaluated once; neither a text encoder nor the last two blocks are left.

    Args:
        network: learned.
        cap: metres; more is never said.

    Raises:
        BadInput: a condition that is no constant.
    """
    clip, decoder = network.clip, network.learned["decoder"]
    made = network.learned["condition"]
    assert isinstance(decoder, Decoder) and isinstance(made, Condition)
    condition = made.constant(clip)
    small = MirrorDepth(clip.sizes)
    vision = clip.model.vision_model
    small.embeddings.load_state_dict(vision.embeddings.state_dict())
    small.norm.load_state_dict(vision.pre_layrnorm.state_dict())
    for mine, its in zip(small.blocks, vision.encoder.layers, strict=False):
        mine.load_state_dict(its.state_dict())
    small.decoder.load_state_dict(decoder.state_dict() if condition is None else decoder.folded(condition))
    small.cap.fill_(cap)
    return small.eval().requires_grad_(False)


def renormalised(
    network: MirrorDepth, mean: tuple[float, ...], std: tuple[float, ...], new_mean: tuple[float, ...],
    new_std: tuple[float, ...],
) -> MirrorDepth:  # fmt: skip
    """Change it to take pictures that are normalised by others, with the same answer.

    ``(x - m) / s = (y s' + m' - m) / s`` for ``y = (x - m') / s'``: the factor goes into the patch embedding, and what
    is left, the same for every patch, into the position embeddings of all patches.

    Args:
        network: takes ``(x - mean) / std``.
        mean, std: that it takes.
        new_mean, new_std: that it is to take.
    """
    old_m, old_s, new_m, new_s = (torch.tensor(each) for each in (mean, std, new_mean, new_std))
    kernel = network.embeddings.patch_embedding.weight
    with torch.no_grad():
        network.embeddings.position_embedding.weight[1:] += (
            kernel.sum((2, 3)) @ ((new_m - old_m) / old_s).to(kernel)
        )  # fmt: skip
        kernel *= (new_s / old_s).view(1, 3, 1, 1).to(kernel)
    return network


def sizes_of_folded(tensors: Mapping[str, Tensor]) -> ClipSizes:
    """What the tensors of a :class:`MirrorDepth` say of the CLIP that it was made of.

    Raises:
        KeyError: a tensor is missing that says a size.
    """
    patches = tensors["embeddings.patch_embedding.weight"]
    blocks = count_layers(tensors, "blocks.")
    layers = next((count for count in range(3, 100) if ClipSizes(image_layers=count).taps[-1] == blocks - 1), 0)
    if not layers:
        raise KeyError(f"{blocks} blocks are not those of a CLIP")
    return ClipSizes(
        image_width=patches.shape[0],
        image_layers=layers,
        patch=patches.shape[2],
        grid=int((len(tensors["embeddings.position_embedding.weight"]) - 1) ** 0.5 + 0.5),
    )
