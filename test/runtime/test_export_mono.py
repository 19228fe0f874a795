"""A monocular network for whole pictures, exported, described and run as any other described network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

from hypothesis import given
from hypothesis import strategies as st
from traces import share_traces

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.graph.disparity import inverse_depth_up_to_scale
from depth_prompt_ros.graph.relative_disparity import RelativeDisparityNetwork
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.parameters import RUNTIME_DEFAULTS
from depth_prompt_ros.runtime.export import mono as export_mono
from depth_prompt_ros.runtime.export import pictures as exporter
from depth_prompt_ros.runtime.export import prompted as export
from depth_prompt_ros.runtime.picture_graph import Description, PictureGraph


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """The trace of the shipped network."""
    return {}


@pytest.fixture(scope="module")
def exported(tmp_path_factory, kept):
    out = tmp_path_factory.mktemp("mono") / "mono.onnx"
    with pytest.MonkeyPatch.context() as patch:
        share_traces(patch, exporter, kept)
        written = export_mono.export_mono(out, height=120, width=160)
    assert written.targets is None
    assert written.difference < 1e-4
    return out


def test_the_graph_runs_from_its_description_as_pytorch_does(exported) -> None:
    network = PictureGraph(exported.with_suffix(".yaml"), {"image"}, {"relative disparity"}, RUNTIME_DEFAULTS, most=3)
    size = catalogue.find("scene-net").size_for(120, 160)
    assert tuple(network.graph.inputs["picture"][2:]) == size == (160, 224)
    pictures = np.random.default_rng(0).integers(0, 255, (3, *size, 3), np.uint8)
    module = catalogue.load_frozen("scene-net")
    normalise = catalogue.Normalise(catalogue.find("scene-net"))
    with torch.no_grad():
        expected = module(normalise(torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255)).numpy()
    found = network.batch(image=list(pictures))
    assert found.shape == (3, 1, *size)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_allclose(network(image=pictures[1]), expected[1], atol=1e-3)


def test_the_description_is_read_and_metadata_tells_what_it_is(exported) -> None:
    description = Description.from_yaml(exported.with_suffix(".yaml"))
    assert (description.output.meaning, description.white) == ("relative disparity", 1)
    notes = {entry.key: entry.value for entry in onnx.load(str(exported)).metadata_props}
    assert (notes["network"], notes["size"], notes["pictures"]) == ("scene-net", "224x160", "any")
    assert not any(node.metadata_props or node.doc_string for node in onnx.load(str(exported)).graph.node)


def test_half_precision_is_halved_and_close(tmp_path, monkeypatch, kept) -> None:
    share_traces(monkeypatch, exporter, kept)
    written = export_mono.export_mono(tmp_path / "half.onnx", height=120, width=160, precision="fp16")
    assert written.halved > 20
    assert 0 < written.difference < 1e-2


def test_a_graph_that_disagrees_is_not_written(tmp_path, monkeypatch, kept) -> None:
    share_traces(monkeypatch, exporter, kept)
    monkeypatch.setitem(export.TOLERANCE, "fp32", 1e-12)
    with pytest.raises(BadModel, match="differs from PyTorch by"):
        export_mono.export_mono(tmp_path / "mono.onnx", height=120, width=160)
    assert not list(tmp_path.iterdir())
    with pytest.raises(BadInput, match="has no pixels"):
        export_mono.export_mono(tmp_path / "mono.onnx", height=0)


@pytest.mark.parametrize("kind", ["depth", "metric depth", "shifted depth"])
def test_a_network_of_depth_gives_inverse_depth(kind) -> None:
    depth = torch.rand((2, 1, 8, 9), generator=torch.Generator().manual_seed(0)) + 1
    network = RelativeDisparityNetwork(torch.nn.Identity(), torch.nn.Identity(), kind)
    found = network(depth)
    torch.testing.assert_close(found, inverse_depth_up_to_scale(depth, kind))
    assert bool(((found - found.roll(1, 3)) * (depth - depth.roll(1, 3)) <= 0).all())  # nearer is larger


@pytest.mark.parametrize(
    ("name", "picture", "size"),
    [
        ("dpt-large", (480, 640), (384, 512)),
        ("dpt-large", (1080, 1920), (384, 672)),
        ("dpt-large", (640, 480), (512, 384)),
        ("dpt-hybrid", (480, 640), (384, 384)),  # knows no other size
        ("midas-v21-large", (480, 640), (288, 384)),
        ("midas-v21-large", (1080, 1920), (224, 384)),
        ("depth-anything-v2-small", (480, 640), (518, 686)),
        ("scene-net", (256, 320), (160, 192)),
        ("scene-vit", (256, 320), (160, 160)),
    ],
)
def test_whole_pictures_come_at_the_networks_own_size(name, picture, size) -> None:
    assert catalogue.find(name).size_for(*picture) == size


@given(st.sampled_from(sorted(catalogue.CATALOGUE)), st.integers(16, 3000), st.integers(16, 3000))
def test_sizes_are_multiples_within_the_bound_and_near_the_pictures_shape(name, height, width) -> None:
    entry = catalogue.find(name)
    size = entry.size_for(height, width)
    assert all(side > 0 and side % entry.multiple == 0 for side in size)
    if entry.multiple == entry.size:
        assert size == (entry.size, entry.size)
        return
    bounded = min if entry.bounds == "short side" else max
    assert bounded(size) == entry.size
    scale = entry.size / bounded(height, width)
    for side, original in zip(size, (height, width), strict=True):
        assert abs(side - original * scale) <= entry.multiple / 2 + 1e-6 or side in (entry.multiple, entry.size)


def test_a_picture_is_resized_as_its_network_was_used() -> None:
    rng = np.random.default_rng(0)
    checks = (np.indices((320, 400)).sum(0) % 2).astype(np.float32)[..., None].repeat(3, 2)
    averaged = catalogue.find("scene-net").resized(checks)
    assert averaged.shape == (160, 192, 3)
    np.testing.assert_allclose(averaged, 0.5, atol=0.15)
    step = np.where(np.arange(500) < 250, 0.0, 1.0).astype(np.float32)[None, :, None].repeat(400, 0).repeat(3, 2)
    cubic = catalogue.find("midas-v21-large").resized(step)
    assert cubic.shape == (320, 384, 3)
    assert cubic.max() > 1.01
    fitting = rng.random((160, 160, 3), np.float32)
    assert catalogue.find("scene-net").resized(fitting) is fitting
