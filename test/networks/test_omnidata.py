"""Omnidata's published tensor names become the library's, one to one."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from depth_prompt_ros.networks.catalogue import CATALOGUE
from depth_prompt_ros.networks.depth.omnidata import library_names


def published_names() -> list[str]:
    """As timm's vit_base_resnet50_384 and DPT's code name them, behind Lightning's prefix."""
    stem = "pretrained.model.patch_embed.backbone."
    names = ["pretrained.model.cls_token", "pretrained.model.pos_embed", f"{stem}stem.conv.weight"]
    both = [f"{stem}stem.norm", "pretrained.model.patch_embed.proj", "pretrained.model.norm"]
    for stage, count in enumerate((3, 4, 9)):
        for block in range(count):
            path = f"{stem}stages.{stage}.blocks.{block}"
            parts = ("downsample.", "1", "2", "3") if block == 0 else ("1", "2", "3")
            for part in parts:
                before, after = (part, "") if part.endswith(".") else ("", part)
                names.append(f"{path}.{before}conv{after}.weight")
                both.append(f"{path}.{before}norm{after}")
    for block in range(12):
        path = f"pretrained.model.blocks.{block}"
        both += [f"{path}.{part}" for part in ("norm1", "norm2", "attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")]
    for level in (3, 4):
        both += [f"pretrained.act_postprocess{level}.0.project.0", f"pretrained.act_postprocess{level}.3"]
    both += ["pretrained.act_postprocess4.4", *(f"scratch.output_conv.{part}" for part in (0, 2, 4))]
    for level in range(1, 5):
        names.append(f"scratch.layer{level}_rn.weight")
        units = [f"resConfUnit{unit}.conv{conv}" for unit in (1, 2) for conv in (1, 2)]
        both += [f"scratch.refinenet{level}.{part}" for part in ("out_conv", *units)]
    return names + [f"{name}.{part}" for name in both for part in ("weight", "bias")]


def test_every_name_has_its_place_in_the_library_and_none_is_left() -> None:
    tensors = {f"model.{name}": torch.zeros(3) for name in published_names()}
    tensors["model.pretrained.model.head.weight"] = torch.zeros(1)
    with torch.device("meta"):
        network = CATALOGUE["omnidata-depth"].build()
    expected = {key.removeprefix("model.") for key in network.state_dict()}
    assert set(library_names(tensors)) == expected


def test_queries_keys_and_values_come_in_this_order() -> None:
    found = library_names({"pretrained.model.blocks.5.attn.qkv.weight": torch.arange(6.0).view(6, 1)})
    start = "dpt.encoder.layer.5.attention.attention."
    assert {key.removeprefix(start): value.flatten().tolist() for key, value in found.items()} == {
        "query.weight": [0.0, 1.0],
        "key.weight": [2.0, 3.0],
        "value.weight": [4.0, 5.0],
    }
    names = ["scratch.refinenet4.out_conv.bias", "scratch.layer2_rn.weight", "pretrained.act_postprocess4.4.weight"]
    assert list(library_names({name: torch.zeros(1) for name in names})) == [
        "neck.fusion_stage.layers.0.projection.bias",
        "neck.convs.1.weight",
        "neck.reassemble_stage.layers.3.resize.weight",
    ]


def test_a_tensor_of_another_network_is_named() -> None:
    with pytest.raises(KeyError, match=r"backbone\.conv1\.weight is no tensor of Omnidata"):
        library_names({"backbone.conv1.weight": torch.zeros(1)})


@pytest.mark.parametrize("name", ["omnidata-depth", "dpt-hybrid", "dpt-large"])
def test_the_sizes_that_the_entry_promises_work(name: str) -> None:
    entry = CATALOGUE[name]
    side = max(entry.multiple, entry.size - 4 * entry.multiple)
    with torch.device("meta"):
        network, picture = entry.build(), torch.zeros(1, 3, side, side)
    assert network(picture).shape == (1, 1, side, side)
