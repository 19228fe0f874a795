"""The metric prompt: its unit, that it changes nothing before learning, and that its graph is what PyTorch computes."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.graph.metric_prompt import Metric, MetricPrompt, units
from depth_prompt_ros.graph.stated_interval import StatedInterval
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.learning.trainer import write_weights
from depth_prompt_ros.networks.prompted import INTERVAL, METRIC, load_prompted, new_metric_prompt
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime.export.prompted import TOLERANCE, example_inputs, export_graph
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph

PROMPT = resource_path("models/background.safetensors")
MIDDLE = (slice(None), slice(None), slice(60, 100), slice(60, 100))


def inputs(network, targets: int = 2, seed: int = 0) -> dict[str, torch.Tensor]:
    found = example_inputs(160, targets, seed, network.INPUTS)
    return {name: torch.from_numpy(np.array(array)) for name, array in found.items()}


def answers(network, given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        return dict(zip(network.OUTPUTS, network(*(given[name] for name in network.INPUTS)), strict=True))


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A metric prompt's file whose layers that start at zero are no longer zero."""
    network = new_metric_prompt(PROMPT, "scene-net")
    generator = torch.Generator().manual_seed(0)
    for layer in (*network.metric.add, network.metric.last):
        layer.weight.copy_(0.03 * torch.randn(layer.weight.shape, generator=generator))
    tensors, notes = read_weights(PROMPT)
    tensors |= {METRIC + key: value for key, value in network.metric.state_dict().items()}
    path = tmp_path_factory.mktemp("metric") / "metric.safetensors"
    write_weights(path, tensors, {**notes, INTERVAL: "2.5 2.0 1.5"}, {})
    return path


def test_before_learning_the_answer_is_the_frozen_networks_own() -> None:
    network, without = new_metric_prompt(PROMPT, "scene-net"), load_prompted(PROMPT, "scene-net")
    given = inputs(network)
    found, expected = answers(network, given), answers(without, given)
    inside = given["mask"] > 0
    assert torch.equal(found["inverse_depth"][inside], expected["inverse_depth"][inside])
    assert torch.equal(found["fit"], expected["fit"])
    assert (found["uncertainty"][inside] > 0).all()


def test_what_is_measured_changes_what_the_decoder_says(learned) -> None:
    network = load_prompted(learned, "scene-net")
    given = inputs(network, 1)
    nearer = {**given, "block": given["block"] * 1.05}
    beside = {**given, "measured": torch.full_like(given["measured"], 0.9)}
    whole = answers(network, given)["inverse_depth"][MIDDLE]
    for other in (nearer, beside):
        assert not torch.allclose(answers(network, other)["inverse_depth"][MIDDLE], whole, rtol=1e-5)


def test_the_frozen_weights_are_the_published_ones(learned) -> None:
    network, without = load_prompted(learned, "scene-net"), load_prompted(PROMPT, "scene-net")
    for name, value in without.network.state_dict().items():
        assert torch.equal(network.network.state_dict()[name], value), name


def test_the_unit_is_the_targets_middle_whatever_a_fifth_says() -> None:
    mask = torch.ones((1, 1, 40, 40))
    trusted = torch.full_like(mask, 1.25)
    trusted[..., :8] = 0.2  # a wall behind glass
    nothing = torch.zeros_like(mask)
    unit = units(mask, Metric(trusted, nothing, nothing, nothing), torch.tensor([0.4]))
    torch.testing.assert_close(float(unit.middle), 1.25, rtol=0.01, atol=0)
    moved = trusted[..., 20:] + unit.nearer(torch.tensor(0.5))
    torch.testing.assert_close(unit.of(moved), torch.full_like(moved, 0.5), rtol=0.05, atol=0)


def test_the_interval_is_told_by_what_is_measured() -> None:
    mask, nothing = torch.zeros((3, 1, 40, 40)), torch.zeros((3, 1, 40, 40))
    mask[..., 8:32, 8:32] = 1
    measured = torch.ones_like(mask)
    measured[0, :, :, 8:32] = 0  # what is beside the target does not count
    measured[1, :, :, 14:] = 0
    share = units(mask, Metric(mask, nothing, measured, nothing), torch.full((3,), 0.4)).measured
    assert share.flatten().tolist() == pytest.approx([0, 1 / 3, 1])
    interval = StatedInterval.read(str(StatedInterval(3.0, 2.0, 1.0)))
    assert interval.at(torch.tensor([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])).tolist() == pytest.approx(
        [3, 2.5, 2, 1.5, 1, 1]
    )


def test_a_network_of_unknown_decoder_and_odd_size_is_corrected_at_its_answer() -> None:
    torch.manual_seed(0)
    metric = MetricPrompt(()).eval()
    mask = torch.zeros((2, 1, 70, 70))
    mask[..., 10:50, 20:66] = 1
    known = Metric(1.2 * mask, 1.25 * mask, torch.full_like(mask, 1.1), torch.full_like(mask, 1.0))
    unit = units(mask, known, torch.tensor([0.4, 0.5]))
    own = metric.features(mask, known, unit)
    assert metric.additions(own) == []
    shape = 1.2 * torch.ones_like(mask)
    found, error = metric.correct(own, [], shape, mask, unit)
    assert found.shape == error.shape == mask.shape
    assert torch.equal(found, shape)
    torch.nn.init.constant_(metric.last.bias, 0.5)
    assert metric.correct(own, [], shape, mask, unit)[0].gt(shape).all()
    torch.nn.init.constant_(metric.last.bias, 1e3)  # whatever it says, two widths of the target are the most
    farthest = metric.correct(own, [], shape, mask, unit)[0] - shape
    torch.testing.assert_close(farthest, unit.nearer(torch.full_like(shape, 2.0)))


def test_without_anything_measured_it_still_answers() -> None:
    network = new_metric_prompt(PROMPT, "scene-net")
    given = inputs(network, 1)
    given |= {name: torch.zeros_like(given[name]) for name in ("trusted", "block", "measured", "support")}
    found = answers(network, given)
    assert all(torch.isfinite(value).all() for value in found.values())
    assert float(found["fit"][0, 2]) == 0


def test_the_exported_graph_is_what_pytorch_computes(learned, tmp_path) -> None:
    out = tmp_path / "metric.onnx"
    assert export_graph(out, learned, targets=None).difference < TOLERANCE["fp32"]
    network, graph = load_prompted(learned, "scene-net"), OnnxRuntimeGraph(out)
    assert tuple(graph.inputs) == network.INPUTS
    assert graph.outputs == network.OUTPUTS
    given = inputs(network, 3, seed=5)
    expected, found = answers(network, given), graph(**{name: value.numpy() for name, value in given.items()})
    inside = given["mask"].numpy() > 0
    for name in ("inverse_depth", "uncertainty"):
        np.testing.assert_allclose(found[name][inside], expected[name].numpy()[inside], rtol=1e-3)
    np.testing.assert_allclose(found["fit"], expected["fit"], rtol=1e-3, atol=1e-4)


def test_a_file_of_another_shape_is_refused(learned, tmp_path) -> None:
    tensors, notes = read_weights(learned)
    del tensors[METRIC + "last.bias"]
    path = tmp_path / "old.safetensors"
    write_weights(path, tensors, notes, {})
    with pytest.raises(BadModel, match="another version"):
        load_prompted(path, "scene-net")


def test_the_shipped_graph_is_the_shipped_metric_prompt_on_the_shipped_background() -> None:
    shipped = resource_path("models/metric.safetensors")
    network, graph = load_prompted(shipped, "scene-net"), OnnxRuntimeGraph(resource_path("models/metric_depth.onnx"))
    given = inputs(network, 2, seed=7)
    expected, found = answers(network, given), graph(**{name: value.numpy() for name, value in given.items()})
    inside = given["mask"].numpy() > 0
    for name in ("inverse_depth", "uncertainty"):
        np.testing.assert_allclose(found[name][inside], expected[name].numpy()[inside], rtol=1e-3)
    tensors, _ = read_weights(PROMPT)
    assert torch.equal(read_weights(shipped)[0]["picture"], tensors["picture"])
