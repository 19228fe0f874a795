"""The modules of the exported graph against closed forms, and the graph against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from hypothesis import given, settings
from hypothesis import strategies as st
from traces import share_traces

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.graph.disparity import inverse_depth_up_to_scale, relative_inverse_depth, with_relief
from depth_prompt_ros.graph.metric_fit import MetricFit
from depth_prompt_ros.graph.prompt import PromptSettings, composite, load_prompt, make_prompt
from depth_prompt_ros.learning.background.learn import write_prompt
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime.check import drift, stored_crops
from depth_prompt_ros.runtime.export import prompted as exporter
from depth_prompt_ros.runtime.export.prompted import TOLERANCE, example_inputs, export_graph
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph

PROMPT = resource_path("models/background.safetensors")


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """Traces of the shipped network with its prompt, by number of targets."""
    return {}


def shape(seed: int, size: int = 48) -> torch.Tensor:
    return torch.rand((1, 1, size, size), generator=torch.Generator().manual_seed(seed)) * 0.3 + 0.8


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.2, 5), st.floats(-0.3, 0.3))
def test_fit_finds_scale_and_shift_among_a_third_of_outliers(seed: int, scale: float, shift: float) -> None:
    q = shape(seed)
    truth = scale * q + shift * scale
    outlier = torch.rand(q.shape, generator=torch.Generator().manual_seed(seed + 1)) < 0.3
    trusted = torch.where(outlier, truth * 0.6, truth)
    fit = MetricFit()(q, trusted, torch.ones(1))[0]
    torch.testing.assert_close(fit[:2], torch.tensor([scale, shift * scale]), rtol=0.02, atol=0.02 * scale)
    stride = q.shape[-1] // MetricFit.GRID or 1
    fitted = ~outlier[..., ::stride, ::stride]
    assert abs(float(fit[2]) - float(fitted.sum())) < 0.03 * fitted.numel()


@pytest.mark.parametrize("farther", [3.0, 5.0, 20.0, 200.0])
@pytest.mark.parametrize("free", [0.0, 1.0])
def test_fit_is_not_drawn_to_what_is_seen_far_behind(farther: float, free: float) -> None:
    """Background through glass: a fifth of the pixels, many times as far."""
    q, generator = shape(4), torch.Generator().manual_seed(4)
    truth = 2 * q * (1 + 0.01 * torch.randn(q.shape, generator=generator))
    behind = torch.rand(q.shape, generator=generator) < 0.2
    fit = MetricFit()(q, torch.where(behind, truth / farther, truth), torch.tensor([free]))[0]
    torch.testing.assert_close(fit[0] * q + fit[1], 2 * q, rtol=0.01, atol=0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.05, 20))
def test_fit_is_equivariant_to_scale(seed: int, factor: float) -> None:
    q, generator = shape(seed), torch.Generator().manual_seed(seed)
    trusted = (1.7 * q + 0.2) * (1 + 0.02 * torch.randn(q.shape, generator=generator))
    for free in (0.0, 1.0):
        once = MetricFit()(q, trusted, torch.tensor([free]))[0]
        scaled = MetricFit()(q, trusted * factor, torch.tensor([free]))[0]
        torch.testing.assert_close(scaled[:2], once[:2] * factor, rtol=2e-3, atol=2e-3 * factor)
        assert scaled[2] == pytest.approx(float(once[2]), abs=3)


def test_fit_without_trusted_pixels_says_so() -> None:
    fit = MetricFit()(shape(0), torch.zeros(1, 1, 48, 48), torch.ones(1))[0]
    assert fit[:3].tolist() == [1, 0, 0]


def test_fit_never_turns_a_shape_inside_out() -> None:
    q = shape(1)
    fit = MetricFit()(q, 3 - q, torch.ones(1))[0]
    assert fit[0] > 0
    assert fit[1] == 0


def test_disparity_to_depth_is_equation_2() -> None:
    disparity = torch.tensor([[-3.0, 1.0, 0.0, 2.0, 7.0]]).view(1, 1, 1, 5)
    expected = [0.05, 0.4, 0.3, 0.5, 1.0]
    assert relative_inverse_depth(disparity).flatten().tolist() == pytest.approx(expected)
    torch.testing.assert_close(relative_inverse_depth(5 * disparity - 8), relative_inverse_depth(disparity))


def test_relief_shrinks_with_the_field_of_view() -> None:
    """A shape far away through a long lens: its relative depth range halves with the angle."""
    near = torch.tensor([0.9, 1.0, 1.1]).view(1, 1, 1, 3)
    far = with_relief(1 / near, torch.ones_like(near), torch.tensor([0.5]))
    assert (1 / far).flatten().tolist() == pytest.approx([0.95, 1.0, 1.05])
    torch.testing.assert_close(1 / with_relief(1 / near, torch.ones_like(near), torch.ones(1)), near)


def test_composite_is_hard() -> None:
    image, background = torch.full((1, 3, 2, 2), 0.2), torch.full((1, 3, 2, 2), 0.9)
    mask = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
    assert composite(image, mask, background)[0, 0].tolist() == pytest.approx(np.array([[0.2, 0.9], [0.9, 0.2]]))


def test_exported_graph_agrees_with_pytorch_and_is_the_shipped_one(tmp_path, monkeypatch, kept) -> None:
    share_traces(monkeypatch, exporter, kept)
    out = tmp_path / "graph.onnx"
    written = export_graph(out, PROMPT, targets=None)
    assert written.difference <= TOLERANCE["fp32"]
    assert written.targets is None
    assert out.stat().st_size < 8e6
    example = example_inputs(160, 2, seed=5)
    shipped = OnnxRuntimeGraph(resource_path("models/object_depth.onnx"))
    exported = OnnxRuntimeGraph(out)
    found, expected = exported(**example), shipped(**example)
    np.testing.assert_allclose(found["inverse_depth"], expected["inverse_depth"], rtol=1e-3)
    assert exported.metadata["prompt_sha256"] == shipped.metadata["prompt_sha256"]
    batched = exported(**{key: np.repeat(value[:1], 3, 0) for key, value in example.items()})
    np.testing.assert_allclose(batched["inverse_depth"][2], found["inverse_depth"][0], rtol=1e-4)


def test_a_graph_for_one_target_gives_what_a_batch_gives(tmp_path, monkeypatch, kept) -> None:
    share_traces(monkeypatch, exporter, kept)
    export_graph(tmp_path / "one.onnx", PROMPT)
    one = OnnxRuntimeGraph(tmp_path / "one.onnx")
    assert {shape[0] for shape in one.inputs.values()} == {1}
    assert one.metadata["targets"] == "1"
    crops = stored_crops(160, 3)
    shipped = OnnxRuntimeGraph(resource_path("models/object_depth.onnx"))(**crops)
    for name, answer in one(**crops).items():
        np.testing.assert_allclose(answer, shipped[name], rtol=1e-3, atol=1e-4)


def test_half_precision_stays_close_and_keeps_what_is_sensitive(tmp_path, monkeypatch, kept) -> None:
    share_traces(monkeypatch, exporter, kept)
    onnx = pytest.importorskip("onnx")
    out = tmp_path / "half.onnx"
    written = export_graph(out, PROMPT, targets=None, precision="fp16")
    assert written.difference <= TOLERANCE["fp16"]
    shipped = resource_path("models/object_depth.onnx")
    assert out.stat().st_size < 0.6 * shipped.stat().st_size
    half, full = OnnxRuntimeGraph(out), OnnxRuntimeGraph(shipped)
    assert half.metadata["precision"] == "fp16"
    crops = stored_crops(160, 4)
    found, expected = half(**crops), full(**crops)
    inside = crops["mask"] > 0
    assert drift(found["inverse_depth"][inside], expected["inverse_depth"][inside]) < 2e-3
    assert not np.array_equal(found["inverse_depth"], expected["inverse_depth"])
    model = onnx.load(str(out))
    types = {weight.name: weight.data_type for weight in model.graph.initializer}
    assert all(types[node.input[1]] == onnx.TensorProto.FLOAT16 for node in model.graph.node if node.op_type == "Conv")
    onnx.checker.check_model(model, full_check=True)


def test_a_graph_that_disagrees_with_pytorch_is_not_written(tmp_path, monkeypatch, kept) -> None:
    share_traces(monkeypatch, exporter, kept)
    monkeypatch.setitem(TOLERANCE, "fp16", 1e-9)
    with pytest.raises(BadModel, match=r"differs from PyTorch by .*not written; export it with --precision fp32"):
        export_graph(tmp_path / "half.onnx", PROMPT, precision="fp16")
    assert not list(tmp_path.iterdir())


def test_a_prompting_network_becomes_part_of_the_graph(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(MetricFit, "WIDTHS", (1.5, 3.0))  # the fit takes longest to export; the picture is asked for
    settings = PromptSettings(kind="pnet", width=4, downs=3)
    prompt = make_prompt(settings, 160, torch.Generator().manual_seed(0))
    write_prompt(tmp_path / "pnet.safetensors", prompt, settings, "scene-net", 160, {})
    assert export_graph(tmp_path / "graph.onnx", tmp_path / "pnet.safetensors", targets=2).targets == 2
    example = example_inputs(160, 2, seed=5)
    example["mask"][1] = np.roll(example["mask"][1], 9, axis=1)
    picture = OnnxRuntimeGraph(tmp_path / "graph.onnx")(**example)["picture"]
    image, mask = (torch.from_numpy(example[name]) for name in ("image", "mask"))
    np.testing.assert_allclose(picture, composite(image, mask, prompt(image, mask)).detach().numpy(), atol=1e-4)


def test_a_prompt_for_another_network_is_refused_by_name(tmp_path) -> None:
    from safetensors.torch import save_file

    other = tmp_path / "other.safetensors"
    save_file({"picture": torch.zeros(1, 3, 160, 160)}, str(other), {"network": "dpt-large", "prompt": "single"})
    with pytest.raises(BadModel, match=r"other\.safetensors is a prompt for network 'dpt-large', not 'scene-net'"):
        export_graph(tmp_path / "out.onnx", other)
    assert not (tmp_path / "out.onnx").exists()


def test_corrupt_and_missing_weights_are_named(tmp_path) -> None:
    corrupt = tmp_path / "scene_net.safetensors"
    corrupt.write_bytes(resource_path("models/scene_net.safetensors").read_bytes()[:5000])
    with pytest.raises(BadModel, match="corrupt"):
        catalogue.load_frozen("scene-net", corrupt)
    with pytest.raises(BadModel, match="no weights at"):
        catalogue.load_frozen("scene-net", tmp_path / "nowhere.safetensors")
    with pytest.raises(BadModel, match=r"foreign\.safetensors does not fit scene-net: .*Missing key"):
        catalogue.load_frozen("scene-net", _foreign(tmp_path))
    with pytest.raises(BadModel, match="no network named 'dpt'"):
        catalogue.find("dpt")


def _foreign(folder):
    from safetensors.torch import save_file

    path = folder / "foreign.safetensors"
    save_file({"x": torch.zeros(1)}, str(path))
    return path


def test_frozen_means_eval_mode_without_gradients() -> None:
    network = catalogue.load_frozen("scene-net")
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert load_prompt(PROMPT, "scene-net")(None, None).shape == (1, 3, 160, 160)


@pytest.mark.parametrize("kind", ["depth", "metric depth"])
def test_depth_becomes_its_reciprocal_and_stays_finite(kind) -> None:
    depth = torch.tensor([[2.0, 4.0, 0.0, -1.0]]).view(1, 1, 1, 4)
    assert inverse_depth_up_to_scale(depth, kind).flatten().tolist() == pytest.approx([0.5, 0.25, 250, 250])
    nothing = inverse_depth_up_to_scale(torch.zeros(1, 1, 2, 2), kind)
    assert bool((nothing > 0).all()) and bool(nothing.isfinite().all())


def test_shifted_depth_starts_a_hundredth_above_its_nearest_pixel() -> None:
    shifted = torch.tensor([[-3.0, -2.0, 1.0]]).view(1, 1, 1, 3)
    inverse = inverse_depth_up_to_scale(shifted, "shifted depth")
    assert (1 / inverse).flatten().tolist() == pytest.approx([0.01, 1.01, 4.01])
    torch.testing.assert_close(inverse_depth_up_to_scale(shifted + 9, "shifted depth"), inverse)


def test_disparity_is_equation_2_and_other_kinds_are_refused() -> None:
    disparity = shape(3)
    assert torch.equal(inverse_depth_up_to_scale(disparity, "disparity"), relative_inverse_depth(disparity))
    with pytest.raises(ValueError, match="'inverse'"):
        inverse_depth_up_to_scale(disparity, "inverse")


@pytest.mark.parametrize("kind", ["disparity", "depth", "shifted depth", "metric depth"])
def test_every_output_kind_is_above_0_and_has_the_gradient_of_finite_differences(kind) -> None:
    output = shape(5, 6).double().requires_grad_()
    assert float(inverse_depth_up_to_scale(output, kind).min()) > 0
    assert torch.autograd.gradcheck(lambda value: inverse_depth_up_to_scale(value, kind), output)
