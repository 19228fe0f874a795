"""A network learned from video as a graph: any number of pictures, grid and focal length seen."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from depth_prompt_ros.cli.main import app
from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.learning.trainer import write_weights
from depth_prompt_ros.networks.video.depth_net import VideoDepthNet, VideoSettings
from depth_prompt_ros.runtime.export.video import INPUTS, OUTPUT, example_inputs, export_video
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph

SETTINGS = VideoSettings("adaptive", 0.05, 5, 0.2, 4.0)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    network = VideoDepthNet(SETTINGS)
    torch.nn.init.normal_(network.head.weight, std=0.3)
    notes = {"network": "video-adaptive", "names": "module", "settings": json.dumps(asdict(SETTINGS)), "look": "96"}
    write_weights(tmp_path / "a.safetensors", network.state_dict(), notes, {})
    return tmp_path / "a.safetensors"


def test_the_graph_is_the_network_for_any_number_of_pictures(weights, tmp_path) -> None:
    out = tmp_path / "a.onnx"
    answer = CliRunner().invoke(
        app, ["export", "video", str(weights), "--out", str(out), "--height", "240", "--width", "320"]
    )
    assert answer.exit_code == 0, answer.output
    assert "largest relative difference from PyTorch" in answer.output
    graph = OnnxRuntimeGraph(out)
    assert tuple(graph.inputs) == INPUTS
    assert graph.inputs["picture"] == (None, 3, 72, 96) and graph.metadata["network"] == "video-adaptive"
    example = example_inputs((72, 96), 3, 5)
    found = graph(**example)[OUTPUT]
    assert found.shape == (3, 1, 72, 96)
    alone = graph(**{name: array[1:2] for name, array in example.items()})[OUTPUT]
    np.testing.assert_allclose(alone[0], found[1], rtol=1e-4)
    moved = graph(**(example | {"grid": example["grid"] + np.float32(0.5)}))[OUTPUT]
    assert np.abs(moved - found).max() > 1e-3
    longer = graph(**(example | {"focal": 2 * example["focal"]}))[OUTPUT]
    assert np.abs(longer - found).max() > 1e-4


def test_other_weights_are_refused_and_nothing_is_written(tmp_path) -> None:
    write_weights(tmp_path / "b.safetensors", {"x": torch.zeros(1)}, {"network": "scene-net"}, {})
    with pytest.raises(BadModel, match="no network for video named 'scene-net'"):
        export_video(tmp_path / "b.onnx", tmp_path / "b.safetensors", 240, 320)
    assert not (tmp_path / "b.onnx").exists()
