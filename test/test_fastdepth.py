"""FastDepth from a quantised TFLite file: the pieces by hand, and the real file where it is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.networks import fastdepth, store
from depth_prompt_ros.networks.catalogue import load_frozen
from depth_prompt_ros.networks.tflite_file import dequantise, read_tflite


def test_dequantising_per_channel_and_per_tensor_by_hand() -> None:
    values = np.array([[1, -2], [3, 4]], np.int8)
    scale, zero = np.array([0.5, 2.0], np.float32), np.array([0, 1])
    np.testing.assert_allclose(dequantise(values, scale, zero, axis=0), [[0.5, -1.0], [4.0, 6.0]])
    np.testing.assert_allclose(dequantise(values, scale, zero, axis=1), [[0.5, -6.0], [1.5, 6.0]])
    np.testing.assert_allclose(dequantise(values, scale[:1], zero[1:], axis=1), [[0.0, -1.5], [1.0, 1.5]])


def test_every_convolution_of_the_file_has_its_place() -> None:
    module = fastdepth.FastDepth()
    convolutions = [layer for layer in module.modules() if isinstance(layer, torch.nn.Conv2d)]
    tensors = {}
    for index, layer in enumerate(convolutions):
        tensors |= {f"{index}.weight": layer.weight.detach(), f"{index}.bias": layer.bias.detach()}
    named = fastdepth.convolutions_in_order(tensors)
    expected = module.state_dict()
    assert named.keys() == expected.keys()
    assert all(torch.equal(named[key], expected[key]) for key in expected)
    del tensors["37.bias"]
    with pytest.raises(KeyError, match="instead of 38"):
        fastdepth.convolutions_in_order(tensors)


def test_depth_is_positive_and_the_picture_gets_a_gradient() -> None:
    torch.manual_seed(0)
    module = fastdepth.FastDepth().eval()
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(layer.weight)
                layer.bias.fill_(0.1)
        module.head.bias.fill_(3.0)
    picture = torch.rand(1, 3, 64, 64, requires_grad=True)
    depth = module(picture)
    assert depth.shape == (1, 1, 64, 64)
    assert float(depth.detach().min()) >= 0
    depth.sum().backward()
    assert float(picture.grad.abs().sum()) > 0


def test_a_file_that_is_no_tflite_is_named(tmp_path) -> None:
    pytest.importorskip("tflite")
    for name, content in (("text.tflite", b"hello"), ("cut.tflite", b"\x1c\x00\x00\x00TFL3" + b"\x00" * 8)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadModel, match=rf"{name}: it is no TFLite file, or not all there"):
            read_tflite(tmp_path / name)


@pytest.mark.skipif("DEPTH_PROMPT_DATA" not in os.environ, reason="needs the real network: set DEPTH_PROMPT_DATA")
def test_the_real_network_reads_metres(tmp_path, monkeypatch) -> None:
    pytest.importorskip("tflite")
    file = Path(os.environ["DEPTH_PROMPT_DATA"]) / "weights" / "fastdepth" / "fast_depth_224.tflite"
    monkeypatch.setenv("DEPTH_PROMPT_MODELS", str(tmp_path))
    store.add("fastdepth", file)
    store.check("fastdepth")
    depth = load_frozen("fastdepth")(torch.full((1, 3, 224, 224), 0.5))
    assert 0.5 < float(depth.median()) < 5
