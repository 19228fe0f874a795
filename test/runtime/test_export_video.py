"""A network learned from video as a graph: any number of pictures, grid and focal length seen."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.cli.main import app
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.graph.metric_fit import MetricFit
from depth_prompt_ros.learning.trainer import write_weights
from depth_prompt_ros.networks.video.depth_net import VideoDepthNet, VideoSettings
from depth_prompt_ros.parameters import PromptedDepthParameters
from depth_prompt_ros.runtime.export.video import INPUTS, OUTPUT, example_inputs, export_targets, export_video
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.stages.anchor.choose import Anchor
from depth_prompt_ros.stages.prompted_depth import PromptedDepth

SETTINGS = VideoSettings("adaptive", 0.05, 5, 0.2, 4.0)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    network = VideoDepthNet(SETTINGS)
    torch.nn.init.normal_(network.head.weight, std=0.3)
    notes = {
        "network": "video-adaptive", "names": "module", "settings": json.dumps(asdict(SETTINGS)), "look": "96",
        "focal": "120",
    }  # fmt: skip
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


CAMERA = CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5)


def test_a_targets_crop_keeps_its_place_and_is_brought_to_metres(weights, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(MetricFit, "WIDTHS", (1.5, 3.0))  # the fit takes longest to export, and is tested elsewhere
    out = tmp_path / "crops.onnx"
    answer = CliRunner().invoke(app, ["export", "video", str(weights), "--out", str(out), "--crop", "64"])
    assert answer.exit_code == 0, answer.output
    stage = PromptedDepth(PromptedDepthParameters(graph=str(out)))
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    masks = [np.zeros((120, 160), np.bool_) for _ in range(2)]
    masks[0][20:70, 10:90], masks[1][80:92, 120:135] = True, True
    anchors = [Anchor("inside", np.where(mask, np.float32(2), np.float32(0)), False, "") for mask in masks]
    crops = stage.crop(image, CAMERA, masks, anchors)
    assert set(crops.inputs) == {"image", "trusted", "free_shift", "grid", "focal"}
    assert crops.views[0].focal < 120 and crops.views[1].focal == 120  # not nearer than was learned
    # The middle of the crop is the middle of the target, at its place in the whole picture.
    middle = crops.inputs["grid"][0, :, 31:33, 31:33].mean((1, 2))
    np.testing.assert_allclose(middle, [2 * 49.5 / 159 - 1, 2 * 44.5 / 119 - 1], atol=0.03)
    assert (np.diff(crops.inputs["grid"][0, 0], axis=1) > 0).all()
    shapes, pictures = stage(image, CAMERA, masks, anchors)
    assert pictures.shape == (2, 3, 64, 64)
    for shape, mask in zip(shapes, masks, strict=True):
        assert (shape.inverse_depth[mask] > 0).all() and not shape.inverse_depth[~mask].any()
    relative = stage.graph(**(crops.inputs | {"trusted": np.zeros_like(crops.inputs["trusted"])}))["inverse_depth"]
    fitted = stage.graph(**(crops.inputs | {"trusted": 3 * relative}))
    np.testing.assert_allclose(fitted["fit"][:, 0], 3, rtol=1e-3)
    np.testing.assert_allclose(fitted["inverse_depth"], 3 * relative, rtol=2e-3)
    elsewhere = crops.inputs | {"grid": crops.inputs["grid"] + np.float32(0.5)}
    found, moved = (stage.graph(**each)["inverse_depth"] for each in (crops.inputs, elsewhere))
    assert np.abs(found - moved).max() > 1e-3


def test_crops_need_a_side_and_a_focal_length(weights, tmp_path) -> None:
    with pytest.raises(BadInput, match="multiple of 4"):
        export_targets(tmp_path / "c.onnx", weights, 66)
    old = tmp_path / "old.safetensors"
    notes = {"network": "video-adaptive", "names": "module", "settings": json.dumps(asdict(SETTINGS))}
    write_weights(old, VideoDepthNet(SETTINGS).state_dict(), notes, {})
    with pytest.raises(BadInput, match="give --focal"):
        export_targets(tmp_path / "c.onnx", old, 64)


def test_other_weights_are_refused_and_nothing_is_written(tmp_path) -> None:
    write_weights(tmp_path / "b.safetensors", {"x": torch.zeros(1)}, {"network": "scene-net"}, {})
    with pytest.raises(BadModel, match="no network for video named 'scene-net'"):
        export_video(tmp_path / "b.onnx", tmp_path / "b.safetensors", 240, 320)
    assert not (tmp_path / "b.onnx").exists()
