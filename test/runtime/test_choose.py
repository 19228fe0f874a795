"""Which runtime runs a graph, and what is said about it."""

from __future__ import annotations

import logging
import sys

import numpy as np
import pytest
from graphs import node, write_graph

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.parameters import Parameters, RuntimeParameters
from depth_prompt_ros.pipeline import ObjectDepthPipeline
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime import choose, onnxruntime_graph
from depth_prompt_ros.runtime.choose import open_graph
from depth_prompt_ros.runtime.tensorrt import cuda

GPU = cuda.Gpu("Imaginary GPU", "8.7", 8192, 16)


@pytest.fixture
def graph(tmp_path):
    return write_graph(tmp_path / "double.onnx", [node("Add", ["a", "a"], ["b"])], {"a": [2]}, {"b": [2]})


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(cuda, "find_gpu", lambda: "no NVIDIA GPU")


def test_this_machine_says_what_it_has() -> None:
    found = cuda.find_gpu()
    assert isinstance(found, cuda.Gpu) or "GPU" in found or "cuda-python" in found or "CUDA" in found


@pytest.mark.parametrize("runtime", ["auto", "onnxruntime"])
def test_without_a_gpu_the_cpu_runs_it_and_one_line_says_why(graph, no_gpu, caplog, runtime) -> None:
    with caplog.at_level(logging.INFO):
        opened = open_graph(graph, RuntimeParameters(runtime=runtime))
    assert opened(a=np.ones(2, np.float32))["b"].tolist() == [2, 2]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert said[0].startswith("double.onnx runs in ONNX Runtime")
    assert said[0].endswith("on the CPU (no NVIDIA GPU)")


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"runtime": "tensorrt"}, "runtime is tensorrt, which cannot be used: no NVIDIA GPU"),
        ({"device": "cuda"}, "device is cuda, which cannot be used: no NVIDIA GPU"),
        ({"runtime": "tensorrt", "device": "cpu"}, "runtime is tensorrt, which cannot be used: device is cpu"),
    ],
)
def test_what_was_asked_for_and_cannot_be_used_is_an_error_unless_a_fallback_is_allowed(
    graph, no_gpu, caplog, asked, problem
) -> None:
    with pytest.raises(BadModel, match=problem):
        open_graph(graph, RuntimeParameters(**asked))
    with caplog.at_level(logging.INFO):
        open_graph(graph, RuntimeParameters(**asked, allow_fallback=True))
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "falls back to the CPU, as allow_fallback says" in caplog.text


def test_a_gpu_that_onnx_runtime_cannot_use_is_warned_of(graph, monkeypatch, caplog) -> None:
    monkeypatch.setattr(cuda, "find_gpu", lambda: GPU)
    monkeypatch.setattr(choose, "_tensorrt_missing", lambda: "TensorRT is not installed")
    monkeypatch.setattr(onnxruntime_graph, "cuda_missing", lambda: "built without CUDA")
    with caplog.at_level(logging.INFO):
        open_graph(graph, RuntimeParameters())
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "Imaginary GPU is not used: built without CUDA" in caplog.text
    with pytest.raises(BadModel, match="TensorRT is not installed; choose another or allow_fallback"):
        open_graph(graph, RuntimeParameters(runtime="tensorrt"))


def test_an_old_tensorrt_is_not_there(monkeypatch) -> None:
    from types import SimpleNamespace

    monkeypatch.setitem(sys.modules, "tensorrt", SimpleNamespace(__version__="8.6.1", __spec__=object()))
    assert "TensorRT 8.6.1 is too old" in choose._tensorrt_missing()


def test_a_network_that_fails_while_it_runs_is_a_clear_error(tmp_path, no_gpu) -> None:
    from graphs import constant

    nodes = [node("Reshape", ["a", "shape"], ["b"])]
    path = write_graph(
        tmp_path / "r.onnx", nodes, {"a": ["n"]}, {"b": [2, "m"]}, [constant("shape", [2], [2, -1], True)]
    )
    opened = open_graph(path, RuntimeParameters())
    with pytest.raises(BadModel, match=r"r\.onnx fails in ONNX Runtime"):
        opened(a=np.ones(3, np.float32))


def test_a_missing_graph_has_no_fallback(tmp_path, no_gpu) -> None:
    with pytest.raises(BadModel, match="no graph at"):
        open_graph(tmp_path / "nowhere.onnx", RuntimeParameters(allow_fallback=True))


def test_a_prompt_and_a_graph_are_not_the_same(graph, tmp_path) -> None:
    with pytest.raises(BadInput, match=r"runtime torch takes a prompt \(\.safetensors\), not the graph"):
        open_graph(graph, RuntimeParameters(runtime="torch"))
    with pytest.raises(BadInput, match="`depth-prompt export prompted` makes one"):
        open_graph(tmp_path / "prompt.safetensors", RuntimeParameters(runtime="onnxruntime"))


def test_pytorch_runs_the_shipped_prompt_to_the_same_depth() -> None:
    pytest.importorskip("torch")
    from depth_prompt_ros.runtime.check import stored_crops

    crops = stored_crops(160, 3)
    in_torch = open_graph(resource_path("models/background.safetensors"), RuntimeParameters(device="cpu"))
    assert in_torch.runs_in.startswith("PyTorch")
    exported = open_graph(resource_path("models/object_depth.onnx"), RuntimeParameters(device="cpu"))
    assert in_torch.inputs == exported.inputs
    assert in_torch.metadata["focal"] == exported.metadata["focal"]
    found, expected = in_torch(**crops), exported(**crops)
    np.testing.assert_allclose(found["inverse_depth"], expected["inverse_depth"], rtol=1e-4)


def test_the_pipeline_imports_no_pytorch_unless_told() -> None:
    import subprocess

    code = (
        "import sys; from depth_prompt_ros.parameters import Parameters; "
        "from depth_prompt_ros.pipeline import ObjectDepthPipeline; "
        "ObjectDepthPipeline(Parameters(device='cpu')); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_whole_pipeline_runs_in_pytorch() -> None:
    pytest.importorskip("torch")
    pipeline = ObjectDepthPipeline(Parameters(runtime="torch", device="cpu"))
    assert pipeline.prompted_depth.graph.runtime == "torch"
    assert pipeline.prompted_depth.size == 160
