"""A stereo network as a graph with its description, run by the matcher of the pipeline as PyTorch runs it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from depth_prompt_ros.camera import CameraModel
from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.frame import Frame
from depth_prompt_ros.learning.trainer import write_weights
from depth_prompt_ros.networks.catalogue import OWN_NAMES, STEREO
from depth_prompt_ros.networks.entry import StereoEntry
from depth_prompt_ros.networks.stereo.interface import load_stereo
from depth_prompt_ros.networks.stereo.raft_stereo_small import RaftStereoSmall
from depth_prompt_ros.parameters import StereoParameters
from depth_prompt_ros.runtime.export import stereo as module
from depth_prompt_ros.runtime.export.stereo import example_pair, export_stereo
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.stages.stereo import make_stereo_matcher

TINY = partial(RaftStereoSmall, (8, 8, 16, 16, 16), hidden=16, candidates=8, iterations=1)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A tiny network of random weights under the name ``tiny``, its weights and its graph for any size."""
    folder = tmp_path_factory.mktemp("graphs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STEREO, "tiny", StereoEntry(name="tiny", build=TINY, multiple=32, licence="none"))
        torch.manual_seed(0)
        weights = folder / "tiny.safetensors"
        write_weights(weights, TINY().state_dict(), {"network": "tiny", "names": OWN_NAMES}, {})
        assert export_stereo(folder / "tiny.onnx", "tiny", weights) < 1e-3
        yield folder


def test_the_graph_takes_any_size_and_says_what_it_is(exported) -> None:
    graph = OnnxRuntimeGraph(exported / "tiny.onnx")
    assert graph.inputs == {"left": (1, 3, None, None), "right": (1, 3, None, None)}
    assert (graph.metadata["network"], graph.metadata["iterations"]) == ("tiny", "1")
    for size in ((96, 160), (128, 96)):
        assert graph(**dict(zip(("left", "right"), example_pair(size, 0), strict=True)))["disparity"].shape[2:] == size


def test_the_matcher_runs_it_as_pytorch_does(exported) -> None:
    left, right = ((255 * each[0].transpose(1, 2, 0)).astype(np.uint8) for each in example_pair((90, 150), 3))
    frame = Frame(0, "left", left, CameraModel(150, 90, 100.0, 100.0, 75.0, 45.0, baseline=0.1), right)
    parameters = StereoParameters(matcher="onnx", onnx=str(exported / "tiny.yaml"), left_right_check=False)
    measured = make_stereo_matcher(parameters)(frame)
    padded = [
        torch.from_numpy(np.pad(each, ((0, 6), (0, 10), (0, 0)), mode="edge")).permute(2, 0, 1)[None].float() / 255
        for each in (left, right)
    ]
    with torch.inference_mode():
        expected = load_stereo("tiny", exported / "tiny.safetensors")(*padded)[0, 0, :90, :150].numpy()
    inside = np.isfinite(measured.disparity)
    assert inside.mean() > 0.3
    assert np.abs(measured.disparity - expected)[inside].max() < 1e-3
    assert np.allclose(measured.depth[inside & (expected > 1)], 10 / expected[inside & (expected > 1)], rtol=1e-3)


def test_a_graph_that_differs_is_not_written(exported, monkeypatch) -> None:
    import onnx

    monkeypatch.setattr(module, "TOLERANCE", 1e-12)
    monkeypatch.setattr(module, "_exported", lambda *_: onnx.load(exported / "tiny.onnx"))
    out = exported / "differs.onnx"
    with pytest.raises(BadModel, match="differs from PyTorch"):
        export_stereo(out, "tiny", exported / "tiny.safetensors", size=(70, 90))
    assert not out.exists()
    with pytest.raises(BadInput, match="0x480 has no pixels"):
        export_stereo(out, "tiny", exported / "tiny.safetensors", size=(480, 0))
    with pytest.raises(BadInput, match="0 iterations find nothing"):
        export_stereo(out, "tiny", exported / "tiny.safetensors", iterations=0)
