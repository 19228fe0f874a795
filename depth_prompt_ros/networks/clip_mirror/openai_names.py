"""CLIP's tensors as OpenAI names them, by the names of the transformers library."""

from __future__ import annotations

from torch import Tensor

_OUTSIDE = {
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.conv1": "vision_model.embeddings.patch_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.ln_pre": "vision_model.pre_layrnorm",
    "visual.ln_post": "vision_model.post_layernorm",
    "visual.proj": "visual_projection.weight",
    "token_embedding": "text_model.embeddings.token_embedding",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final": "text_model.final_layer_norm",
    "text_projection": "text_projection.weight",
    "logit_scale": "logit_scale",
}
_BLOCKS = {
    "visual.transformer.resblocks.": "vision_model.encoder.layers.",
    "transformer.resblocks.": "text_model.encoder.layers.",
}
_INSIDE = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_JOINED = "attn.in_proj_"
_TURNED = ("visual.proj", "text_projection")
"""Multiplied from the right, where the library has linear layers."""


def from_openai(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by the library's names; those that are no weights left out, the library's own as they are.

    One tensor holds the weights of query, key and value, in this order, and is cut into three.
    """
    if "visual.conv1.weight" not in tensors:
        return tensors
    found = {}
    for name, tensor in tensors.items():
        block = next((prefix for prefix in _BLOCKS if name.startswith(prefix)), "")
        if not block:
            stem, _, kind = name.rpartition(".")
            if name in _OUTSIDE:
                found[_OUTSIDE[name]] = tensor.T if name in _TURNED else tensor
            elif stem in _OUTSIDE:
                found[f"{_OUTSIDE[stem]}.{kind}"] = tensor
            continue
        number, _, part = name.removeprefix(block).partition(".")
        before = f"{_BLOCKS[block]}{number}."
        stem, _, kind = part.rpartition(".")
        if part.startswith(_JOINED):
            kind = part.removeprefix(_JOINED)
            for letter, each in zip("qkv", tensor.chunk(3), strict=True):
                found[f"{before}self_attn.{letter}_proj.{kind}"] = each
        elif stem in _INSIDE:
            found[f"{before}{_INSIDE[stem]}.{kind}"] = tensor
    return found
