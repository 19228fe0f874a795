"""FastDepth from a quantised TFLite file: the pieces by hand, and the real file where it is."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.networks import store
from depth_prompt_ros.networks.catalogue import load_frozen
from depth_prompt_ros.networks.depth import fastdepth
from depth_prompt_ros.networks.depth.tflite_file import dequantise, read_tflite

_MOTORCYCLE = (
    (54, 52, 54, 56, 58, 56, 54, 49, 46, 43),
    (53, 50, 51, 55, 58, 52, 52, 51, 46, 46),
    (53, 48, 50, 54, 56, 52, 51, 49, 48, 44),
    (48, 47, 47, 51, 51, 44, 38, 46, 43, 41),
    (47, 42, 40, 49, 45, 36, 35, 33, 45, 42),
    (48, 41, 37, 34, 35, 34, 32, 30, 41, 42),
    (42, 42, 33, 33, 33, 31, 34, 26, 23, 34),
    (36, 36, 32, 33, 29, 32, 35, 31, 26, 33),
    (31, 31, 32, 32, 31, 32, 33, 32, 29, 29),
    (27, 26, 27, 28, 28, 28, 28, 29, 29, 28),
)


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


def test_bfloat16_and_float32_agree_in_depth_and_gradient() -> None:
    torch.manual_seed(0)
    block = fastdepth._Separable(8, 16, 3, 2, 6.0)
    features = torch.rand(2, 8, 12, 12)
    results = []
    for enabled in (False, True):
        given = features.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            output = block(given)
        output.float().sum().backward()
        results.append((output.detach().float(), given.grad))
    assert results[0][0].shape == (2, 16, 6, 6)
    for single, half in zip(*results, strict=True):
        assert float(single.abs().max()) > 0
        torch.testing.assert_close(half, single, rtol=0.05, atol=0.05 * float(single.abs().max()))


def test_padding_is_the_files_one_pixel_on_every_side() -> None:
    """A stride of 2 then centres on pixels 0, 2, ...; TensorFlow's own SAME padding would centre on 1, 3, ..."""
    block = fastdepth._Separable(1, 1, 3, 2, 6.0)
    with torch.no_grad():
        block.depthwise.weight.copy_(torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]).view(1, 1, 3, 3) / 100)
        block.depthwise.bias.zero_()
        block.pointwise.weight.fill_(1.0)
        block.pointwise.bias.zero_()
        picture = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])
        output = block(picture.view(1, 1, 4, 4))
    torch.testing.assert_close(output, torch.tensor([[[[0.05, 0.0], [0.0, 0.05]]]]))


def test_a_file_that_is_no_tflite_is_named(tmp_path) -> None:
    pytest.importorskip("tflite")
    for name, content in (("text.tflite", b"hello"), ("cut.tflite", b"\x1c\x00\x00\x00TFL3" + b"\x00" * 8)):
        (tmp_path / name).write_bytes(content)
        for read in (read_tflite, lambda path: load_frozen("fastdepth", path)):
            with pytest.raises(BadModel, match=rf"{name}: it is no TFLite file, or not all there"):
                read(tmp_path / name)
    with pytest.raises(BadModel, match="no weights at .*none.tflite"):
        load_frozen("fastdepth", tmp_path / "none.tflite")


@pytest.mark.skipif("DEPTH_PROMPT_DATA" not in os.environ, reason="needs the real network: set DEPTH_PROMPT_DATA")
def test_the_real_network_reads_metres(tmp_path, monkeypatch) -> None:
    pytest.importorskip("tflite")
    file = Path(os.environ["DEPTH_PROMPT_DATA"]) / "weights" / "fastdepth" / "fast_depth_224.tflite"
    monkeypatch.setenv("DEPTH_PROMPT_MODELS", str(tmp_path))
    store.add("fastdepth", file)
    store.check("fastdepth")
    picture = torch.full((1, 3, 224, 224), 0.5)
    depth = load_frozen("fastdepth")(picture)
    assert 0.5 < float(depth.median()) < 5
    assert torch.equal(load_frozen("fastdepth", file)(picture), depth)
    with pytest.raises(BadModel, match=r"fast_depth_224.tflite does not fit scene-net"):
        load_frozen("scene-net", file)


@pytest.mark.skipif("DEPTH_PROMPT_DATA" not in os.environ, reason="needs the real network: set DEPTH_PROMPT_DATA")
def test_the_real_network_reads_a_room_as_its_eight_bit_interpreter_does() -> None:
    """Ten by ten samples of the motorcycle's depth, in steps of 0.0717 m, made once with ai-edge-litert 2.3."""
    pytest.importorskip("tflite")
    data = pytest.importorskip("skimage.data")
    file = Path(os.environ["DEPTH_PROMPT_DATA"]) / "weights" / "fastdepth" / "fast_depth_224.tflite"
    small = cv2.resize(data.stereo_motorcycle()[0], (224, 224), interpolation=cv2.INTER_AREA)
    picture = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
    depth = load_frozen("fastdepth", file)(picture)[0, 0, 11::22, 11::22].numpy()
    difference = depth - 0.0717 * np.array(_MOTORCYCLE)
    assert np.abs(difference).mean() < 0.05
    assert np.abs(difference).max() < 0.25
