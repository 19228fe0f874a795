"""Omnidata's depth network (2110.04994), version 2: DPT-Hybrid with the tensor names of timm and DPT's own code.

The architecture is the transformers library's; here its published names are turned into those of the library's first
published DPT-Hybrid, ``Intel/dpt-hybrid-midas``, which every version of the library knows.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from depth_prompt_ros.networks.depth.transformers_depth import HYBRID, transformers_entry
from depth_prompt_ros.networks.entry import NetworkEntry, Source

_LIGHTNING = "model."
_UNUSED = re.compile(r"pretrained\.model\.head\.")
"""The classifier that the encoder was first learned with."""

_RENAMED = [
    (r"^pretrained\.model\.(cls_token)$", r"dpt.embeddings.\1"),
    (r"^pretrained\.model\.pos_embed$", "dpt.embeddings.position_embeddings"),
    (r"^pretrained\.model\.patch_embed\.proj\.", "dpt.embeddings.projection."),
    (r"^pretrained\.model\.patch_embed\.backbone\.stem\.conv\.", "dpt.embeddings.backbone.bit.embedder.convolution."),
    (r"^pretrained\.model\.patch_embed\.backbone\.stem\.norm\.", "dpt.embeddings.backbone.bit.embedder.norm."),
    (
        r"^pretrained\.model\.patch_embed\.backbone\.stages\.(\d+)\.blocks\.(\d+)\.",
        r"dpt.embeddings.backbone.bit.encoder.stages.\1.layers.\2.",
    ),
    (r"^pretrained\.model\.norm\.", "dpt.layernorm."),
    (r"^pretrained\.model\.blocks\.(\d+)\.norm1\.", r"dpt.encoder.layer.\1.layernorm_before."),
    (r"^pretrained\.model\.blocks\.(\d+)\.norm2\.", r"dpt.encoder.layer.\1.layernorm_after."),
    (r"^pretrained\.model\.blocks\.(\d+)\.attn\.proj\.", r"dpt.encoder.layer.\1.attention.output.dense."),
    (r"^pretrained\.model\.blocks\.(\d+)\.mlp\.fc1\.", r"dpt.encoder.layer.\1.intermediate.dense."),
    (r"^pretrained\.model\.blocks\.(\d+)\.mlp\.fc2\.", r"dpt.encoder.layer.\1.output.dense."),
    (r"^scratch\.output_conv\.", "head.head."),
]
_PARTS = {
    "out_conv": "projection",
    "resConfUnit1.conv1": "residual_layer1.convolution1",
    "resConfUnit1.conv2": "residual_layer1.convolution2",
    "resConfUnit2.conv1": "residual_layer2.convolution1",
    "resConfUnit2.conv2": "residual_layer2.convolution2",
}


def library_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """From the published names, with or without Lightning's "model.", to the library's; queries, keys, values apart.

    Raises:
        KeyError: a tensor that the published network does not have.
    """
    renamed: dict[str, Tensor] = {}
    for key, value in tensors.items():
        name = key.removeprefix(_LIGHTNING)
        if _UNUSED.match(name):
            continue
        if match := re.match(r"pretrained\.model\.blocks\.(\d+)\.attn\.qkv\.(weight|bias)$", name):
            for part, piece in zip(("query", "key", "value"), torch.chunk(value, 3), strict=True):
                renamed[f"dpt.encoder.layer.{match[1]}.attention.attention.{part}.{match[2]}"] = piece
        else:
            renamed[_library_name(name)] = value
    return renamed


def _library_name(name: str) -> str:
    for pattern, replacement in _RENAMED:
        found, count = re.subn(pattern, replacement, name)
        if count:
            return found
    if match := re.match(r"pretrained\.act_postprocess([34])\.0\.project\.0\.(\w+)$", name):
        return f"neck.reassemble_stage.readout_projects.{int(match[1]) - 1}.0.{match[2]}"
    if match := re.match(r"pretrained\.act_postprocess([34])\.([34])\.(\w+)$", name):
        part = {"3": "projection", "4": "resize"}[match[2]]
        return f"neck.reassemble_stage.layers.{int(match[1]) - 1}.{part}.{match[3]}"
    if match := re.match(r"scratch\.layer([1-4])_rn\.(\w+)$", name):
        return f"neck.convs.{int(match[1]) - 1}.{match[2]}"
    if match := re.match(r"scratch\.refinenet([1-4])\.(\w+(?:\.conv[12])?)\.(\w+)$", name):
        return f"neck.fusion_stage.layers.{4 - int(match[1])}.{_PARTS[match[2]]}.{match[3]}"
    raise KeyError(f"{name} is no tensor of Omnidata's network")


ENTRIES: tuple[NetworkEntry, ...] = (
    transformers_entry(
        "omnidata-depth",
        "DPTForDepthEstimation",
        {**HYBRID, "layer_norm_eps": 1e-6},
        384,
        384,
        "depth",
        "non-commercial research (Omnidata)",
        Source(
            "https://github.com/EPFL-VILAB/omnidata",
            ("https://zenodo.org/records/10447888/files/omnidata_dpt_depth_v2.ckpt",),
        ),
        adapt=library_names,
    ),
)
