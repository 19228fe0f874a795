"""Networks of the transformers library, small ones with random weights: names, shapes, gradients, what comes out."""

from __future__ import annotations

import dataclasses
import json
import math
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("onnxscript")

from safetensors.torch import load_file, save_file
from torch import nn
from traces import share_traces

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.graph.metric_fit import MetricFit
from depth_prompt_ros.networks import catalogue, store
from depth_prompt_ros.networks.depth.transformers_depth import (
    ENTRIES,
    NEVER_USED,
    DepthPro,
    TransformersDepth,
    transformers_entry,
)
from depth_prompt_ros.networks.entry import Source

ENCODER = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2}
DPT = {
    **ENCODER,
    "intermediate_size": 32,
    "image_size": 64,
    "backbone_out_indices": [0, 1, 2, 3],
    "neck_hidden_sizes": [8, 8, 16, 16],
    "fusion_hidden_size": 8,
}
HYBRID = {
    **DPT,
    "is_hybrid": True,
    "reassemble_factors": [1, 1, 1, 0.5],
    "neck_hidden_sizes": [16, 32, 16, 16],
    "backbone_featmap_shape": [1, 64, 4, 4],
    "backbone_config": {
        "model_type": "bit",
        "global_padding": "same",
        "layer_type": "bottleneck",
        "depths": [1, 1, 1],
        "hidden_sizes": [16, 32, 64],
        "embedding_size": 8,
        "num_groups": 4,
        "out_features": ["stage1", "stage2", "stage3"],
        "embedding_dynamic_padding": True,
    },
}
DEPTH_ANYTHING = {
    "backbone_config": {
        **ENCODER,
        "model_type": "dinov2",
        "patch_size": 14,
        "image_size": 56,
        "out_indices": [1, 2, 3, 4],
        "reshape_hidden_states": False,
    },
    "reassemble_hidden_size": 16,
    "fusion_hidden_size": 8,
    "neck_hidden_sizes": [8, 8, 16, 16],
    "head_hidden_size": 8,
    "depth_estimation_type": "metric",
    "max_depth": 20,
}
ZOEDEPTH = {
    "backbone_config": {
        **ENCODER,
        "model_type": "beit",
        "image_size": 64,
        "intermediate_size": 32,
        "use_relative_position_bias": True,
        "reshape_hidden_states": False,
        "out_features": ["stage1", "stage2", "stage3", "stage4"],
    },
    "neck_hidden_sizes": [8, 8, 16, 16],
    "fusion_hidden_size": 8,
    "bottleneck_features": 8,
    "num_relative_features": 8,
    "bin_embedding_dim": 8,
    "num_attractors": [4, 2, 2, 1],
    "bin_configurations": [{"name": "nyu", "n_bins": 8, "min_depth": 0.001, "max_depth": 10.0}],
}
PATCHES = {**ENCODER, "model_type": "dinov2", "num_hidden_layers": 2, "patch_size": 16, "image_size": 64}
DEPTH_PRO = {
    "patch_size": 64,
    "image_model_config": PATCHES,
    "patch_model_config": PATCHES,
    "fov_model_config": PATCHES,
    "use_fov_model": True,
    "fusion_hidden_size": 8,
    "intermediate_hook_ids": [1, 0],
    "intermediate_feature_dims": [8, 8],
    "scaled_images_feature_dims": [16, 16, 8],
    "merge_padding_value": 1,
}

# Architecture, settings, picture size, and a tensor that the published files of that family hold.
FAMILIES = {
    "dpt": (
        "DPTForDepthEstimation",
        DPT,
        64,
        "dpt.encoder.layer.0.attention.attention.query.weight",
    ),
    "dpt-hybrid": (
        "DPTForDepthEstimation",
        HYBRID,
        64,
        "dpt.embeddings.backbone.bit.encoder.stages.0.layers.0.conv1.weight",
    ),
    "depth-anything": (
        "DepthAnythingForDepthEstimation",
        DEPTH_ANYTHING,
        56,
        "backbone.encoder.layer.0.layer_scale1.lambda1",
    ),
    "prompt-depth-anything": (
        "PromptDepthAnythingForDepthEstimation",
        {**DEPTH_ANYTHING, "depth_estimation_type": "metric"},
        56,
        "neck.fusion_stage.layers.0.prompt_depth_layer.convolution1.weight",
    ),
    "zoedepth": (
        "ZoeDepthForDepthEstimation",
        ZOEDEPTH,
        64,
        "backbone.encoder.layer.0.attention.attention.relative_position_bias.relative_position_bias_table",
    ),
    "depth-pro": (
        "DepthProForDepthEstimation",
        DEPTH_PRO,
        256,
        "depth_pro.encoder.patch_encoder.model.encoder.layer.0.attention.attention.query.weight",
    ),
}


def small_entry(family: str, **changes: object):
    architecture, settings, size, _ = FAMILIES[family]
    kind = "disparity" if family.startswith("dpt") else "metric depth"
    return transformers_entry(f"small-{family}", architecture, {**settings, **changes}, size, 1, kind, "none")


def published(entry, folder):
    """A network with random weights, and its files as the library writes them."""
    torch.manual_seed(0)
    network = entry.build().eval().requires_grad_(False)
    for parameter in network.parameters():  # the library starts near zero: outputs would be flat
        if parameter.ndim > 1:
            parameter.normal_(0, 1 / math.sqrt(parameter[0].numel()))
        elif parameter.numel() == 1:  # the last bias, before a ReLU
            parameter.fill_(2.0)
    network.model.save_pretrained(folder)
    return network, load_file(str(folder / "model.safetensors"))


def seen(network: nn.Module, size: int):
    picture = torch.randn((1, 3, size, size), generator=torch.Generator().manual_seed(1), requires_grad=True)
    return picture, network(picture)


@pytest.mark.parametrize("family", FAMILIES)
def test_published_tensors_make_the_same_network_and_the_picture_gets_a_gradient(family, tmp_path) -> None:
    entry = small_entry(family)
    original, tensors = published(entry, tmp_path)
    assert FAMILIES[family][3] in tensors
    network = entry.load({key: value for key, value in tensors.items() if NEVER_USED not in key})
    network.eval().requires_grad_(False)
    picture, output = seen(network, entry.size)
    assert output.shape == (1, 1, entry.size, entry.size)
    assert output.dtype == torch.float32
    assert float(output.detach().std()) > 0
    assert torch.equal(output, seen(original, entry.size)[1])
    output.mean().backward()
    assert bool(picture.grad.isfinite().all())
    assert float(picture.grad.abs().max()) > 0
    assert all(parameter.grad is None for parameter in network.parameters())
    assert entry.contradictions(json.loads((tmp_path / "config.json").read_text())) == []


@pytest.mark.parametrize("family", ["dpt", "depth-anything", "zoedepth"])
def test_pictures_need_not_be_square(family, tmp_path) -> None:
    """Turned by a quarter, patches and all, a picture of other sides has another answer of those sides."""
    entry = small_entry(family)
    network, _ = published(entry, tmp_path)
    patch = 14 if family == "depth-anything" else 32
    wide = torch.randn((2, 3, 2 * patch, 4 * patch), generator=torch.Generator().manual_seed(1))
    assert network(wide).shape == (2, 1, 2 * patch, 4 * patch)
    assert network(wide.transpose(2, 3)).shape == (2, 1, 4 * patch, 2 * patch)
    changed = wide.clone()
    changed[..., -patch:] += 1
    difference = (network(changed) - network(wide)).abs().mean((0, 1, 2))
    assert float(difference[-patch:].mean()) > 1.2 * float(difference[:patch].mean())  # a column stays where it is


@pytest.mark.parametrize("family", FAMILIES)
def test_missing_and_misshapen_tensors_are_named(family, tmp_path) -> None:
    entry = small_entry(family)
    _, tensors = published(entry, tmp_path)
    key = next(key for key in sorted(tensors) if key.endswith(".weight") and "head" in key and tensors[key].ndim == 4)
    others = {name: value for name, value in tensors.items() if name != key}
    with pytest.raises(RuntimeError, match="1 tensors are missing, .*head"):
        entry.load(others)
    with pytest.raises(RuntimeError, match=r"head.* has shape \(1, 1\), not"):
        entry.load(others | {key: torch.zeros(1, 1)})


def test_half_precision_files_become_float32(tmp_path) -> None:
    entry = small_entry("depth-anything")
    _, tensors = published(entry, tmp_path)
    network = entry.load({key: value.half() for key, value in tensors.items()})
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_networks_of_the_same_shapes_are_told_apart_by_their_configuration(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DEPTH_PROMPT_MODELS", str(tmp_path / "models"))
    repository = tmp_path / "repository"
    published(small_entry("depth-anything"), repository)
    source = Source("https://example.org")
    indoor, outdoor = (
        dataclasses.replace(small_entry("depth-anything", max_depth=depth), source=source) for depth in (20, 80)
    )
    monkeypatch.setitem(catalogue.CATALOGUE, outdoor.name, outdoor)
    with pytest.raises(BadModel, match=r"config\.json is not of small-depth-anything: max_depth is 20, not 80"):
        store.add(outdoor.name, repository)
    monkeypatch.setitem(catalogue.CATALOGUE, indoor.name, indoor)
    assert store.add(indoor.name, repository).verified == "config.json, names and shapes"
    store.check(indoor.name)
    config = repository / "config.json"
    config.write_text(config.read_text().replace('"depth_anything"', '"dpt"'))
    with pytest.raises(BadModel, match="model_type is 'dpt', not 'depth_anything'"):
        store.add(indoor.name, repository)
    config.write_text("{")
    with pytest.raises(BadModel, match="cannot read .*config.json"):
        store.add(indoor.name, repository)


def test_depth_pro_turns_inverse_depth_and_field_of_view_into_metres() -> None:
    class Model(nn.Module):
        def forward(self, pixel_values):
            inverse = torch.tensor([0.5, 1e9]).view(2, 1, 1).expand(2, 4, 4)
            return SimpleNamespace(predicted_depth=inverse, field_of_view=torch.tensor([90.0, 60.0]))

    depth = DepthPro(Model())(torch.zeros(2, 3, 4, 4))
    assert depth.shape == (2, 1, 4, 4)
    assert float(depth[0, 0, 0, 0]) == pytest.approx(1.0)  # 90 degrees: width = 2 focal lengths
    assert float(depth[1, 0, 0, 0]) == pytest.approx(1e-4)


def test_smaller_outputs_are_enlarged_to_the_picture() -> None:
    class Model(nn.Module):
        def forward(self, pixel_values):
            return SimpleNamespace(predicted_depth=torch.arange(4.0).expand(1, 4, 4))

    output = TransformersDepth(Model())(torch.zeros(1, 3, 8, 8))
    assert output.shape == (1, 1, 8, 8)
    assert float(output[0, 0, 0, 4]) == pytest.approx(1.75, abs=0.1)


def test_pictures_of_a_batch_choose_their_head_each_for_itself(tmp_path) -> None:
    bins = ZOEDEPTH["bin_configurations"]
    heads = [*bins, {**bins[0], "name": "kitti", "max_depth": 80.0}]
    entry = small_entry(
        "zoedepth",
        bin_configurations=heads,
        num_patch_transformer_layers=4,
        patch_transformer_hidden_size=128,
        patch_transformer_intermediate_size=16,
        patch_transformer_num_attention_heads=2,
    )
    network, _ = published(entry, tmp_path)
    pictures = 3 * torch.randn((6, 3, entry.size, entry.size), generator=torch.Generator().manual_seed(2))
    votes = torch.cat([network.model(pixel_values=one).domain_logits for one in pictures.split(1)])
    network.model.metric_head.mlp_classifier.linear2.bias -= votes.mean(0)  # so that both heads are chosen
    assert set((votes - votes.mean(0)).argmax(1).tolist()) == {0, 1}
    alone = torch.cat([network.model(pixel_values=one).predicted_depth for one in pictures.split(1)])
    assert not torch.allclose(network.model(pixel_values=pictures).predicted_depth, alone, rtol=0.01)
    torch.testing.assert_close(network(pictures)[:, 0], alone)


@pytest.mark.parametrize(
    ("name", "million"),
    [
        ("depth-anything-v1-large", 335.3),
        ("depth-anything-v2-small", 24.8),
        ("depth-anything-v2-base", 97.5),
        ("prompt-depth-anything-vits", 25.1),
        ("prompt-depth-anything-vitl", 340.0),
        ("depth-pro", 952.0),
        ("dpt-large", 343.0),
        ("dpt-hybrid", 122.4),
        ("zoedepth-nyu-kitti", 345.1),
    ],
)
def test_published_networks_have_the_published_number_of_parameters(name, million) -> None:
    count = store.parameters_of(catalogue.find(name))
    assert count is not None
    assert round(count / 1e6, 1) == million


def test_entries_say_what_is_needed() -> None:
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES) == 21
    for entry in ENTRIES:
        assert entry.size % entry.multiple == 0
        assert entry.source is not None
        assert entry.source.files[0].startswith(f"{entry.source.page}/resolve/main/")
        assert len(entry.source.sha256) in (0, 64)
        assert entry.licence


def test_a_vision_transformer_exports_and_agrees_with_pytorch(tmp_path, monkeypatch) -> None:
    from depth_prompt_ros.runtime.export import prompted as exporter
    from depth_prompt_ros.runtime.export.prompted import TOLERANCE, export_graph

    share_traces(monkeypatch, exporter, {})  # by both precisions
    monkeypatch.setattr(MetricFit, "WIDTHS", (1.5, 3.0))  # the fit takes longest to export, and is tested elsewhere
    entry = small_entry("depth-anything")
    monkeypatch.setitem(catalogue.CATALOGUE, entry.name, entry)
    _, tensors = published(entry, tmp_path)
    weights, prompt = tmp_path / "weights.safetensors", tmp_path / "prompt.safetensors"
    save_file(tensors, str(weights), {"network": entry.name})
    save_file(
        {"picture": torch.rand(1, 3, 56, 56)},
        str(prompt),
        {"network": entry.name, "size": "56", "prompt": "single background"},
    )
    for precision, tolerance in TOLERANCE.items():
        written = export_graph(tmp_path / "graph.onnx", prompt, entry.name, weights, precision=precision)
        assert written.difference <= tolerance


def test_what_is_measured_goes_into_prompt_depth_anything_as_metric_depth(tmp_path, monkeypatch) -> None:
    from depth_prompt_ros.graph.prompt import METRIC
    from depth_prompt_ros.learning.trainer import write_weights
    from depth_prompt_ros.networks.prompted import INTERVAL, new_metric_prompt
    from depth_prompt_ros.runtime.export.prompted import TOLERANCE, example_inputs, export_graph

    entry = small_entry("prompt-depth-anything")
    monkeypatch.setitem(catalogue.CATALOGUE, entry.name, entry)
    network, tensors = published(entry, tmp_path)
    picture = torch.randn((2, 3, 56, 56), generator=torch.Generator().manual_seed(1))
    depth = 1 + torch.rand((2, 1, 14, 14), generator=torch.Generator().manual_seed(2))
    depth[1] = 0.7
    found = network(picture, depth)
    expected = network.model(pixel_values=picture[:1], prompt_depth=depth[:1]).predicted_depth
    torch.testing.assert_close(found[:1, 0], expected)
    torch.testing.assert_close(found[1], torch.full_like(found[1], 0.7), rtol=0.01, atol=0)

    weights, prompt = tmp_path / "weights.safetensors", tmp_path / "prompt.safetensors"
    notes = {"network": entry.name, "size": "56", "prompt": "single background"}
    background = {"picture": torch.rand(1, 3, 56, 56)}
    save_file(tensors, str(weights), {"network": entry.name})
    save_file(background, str(prompt), notes)
    whole = new_metric_prompt(prompt, entry.name, weights)
    given = {name: torch.from_numpy(value) for name, value in example_inputs(56, 1, 0, whole.INPUTS).items()}
    farther = {**given, **{name: given[name] / 1.1 for name in ("trusted", "block", "measured", "support")}}
    near, far = (whole(*(each[name] for name in whole.INPUTS))[0][given["mask"] > 0] for each in (given, farther))
    torch.testing.assert_close(far, near / 1.1, rtol=0.02, atol=0)  # metres go in and come out

    metric = tmp_path / "metric.safetensors"
    learned = {METRIC + key: value for key, value in whole.metric.state_dict().items()}
    write_weights(metric, background | learned, {**notes, INTERVAL: "2 2 2"}, {})
    monkeypatch.setattr(MetricFit, "WIDTHS", (1.5, 3.0))
    assert export_graph(tmp_path / "graph.onnx", metric, entry.name, weights).difference <= TOLERANCE["fp32"]


def test_a_network_beyond_two_gibibytes_is_refused_before_it_is_exported(tmp_path, monkeypatch) -> None:
    from depth_prompt_ros.runtime.export import prompted as export

    monkeypatch.setattr(export, "LARGEST", 1e6)
    prompt = tmp_path / "prompt.safetensors"
    save_file(
        {"picture": torch.rand(1, 3, 160, 160)}, str(prompt), {"network": "scene-net", "prompt": "single background"}
    )
    with pytest.raises(BadModel, match="scene-net is too large for one ONNX file"):
        export.export_graph(tmp_path / "graph.onnx", prompt)
