"""Engines, on a machine with TensorRT and a GPU; skipped elsewhere."""

from __future__ import annotations

import logging

import numpy as np
import pytest

trt = pytest.importorskip("tensorrt")

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.parameters import RuntimeParameters
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime.check import DRIFT, drift, stored_crops
from depth_prompt_ros.runtime.choose import open_graph
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.runtime.tensorrt import cuda

GPU = cuda.find_gpu()
if not isinstance(GPU, cuda.Gpu):
    pytest.skip(f"no GPU: {GPU}", allow_module_level=True)

GRAPH = resource_path("models/object_depth.onnx")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def parameters(folder) -> RuntimeParameters:
    return RuntimeParameters(runtime="tensorrt", engine_folder=str(folder), most_targets=4)


@pytest.fixture(scope="module")
def engine(parameters):
    return open_graph(GRAPH, parameters)


@pytest.mark.parametrize("targets", [1, 3, 4, 6])
def test_an_engine_agrees_with_onnx_runtime_and_keeps_agreeing(engine, targets) -> None:
    crops = stored_crops(160, targets)
    expected = OnnxRuntimeGraph(GRAPH)(**crops)["inverse_depth"]
    for _ in range(4):  # set up, recorded, launched, launched
        assert drift(engine(**crops)["inverse_depth"], expected) < DRIFT
    assert engine(**crops)["inverse_depth"].shape == expected.shape


def test_an_answer_belongs_to_the_caller(engine) -> None:
    first = engine(**stored_crops(160, 2))["inverse_depth"]
    kept = first.copy()
    engine(**{name: array[::-1].copy() for name, array in stored_crops(160, 2).items()})
    np.testing.assert_array_equal(first, kept)


def test_a_kept_engine_is_loaded_and_a_damaged_one_is_built_again(engine, parameters, folder, caplog) -> None:
    (file,) = folder.glob("*.engine")
    written = file.stat().st_mtime_ns
    open_graph(GRAPH, parameters)
    assert file.stat().st_mtime_ns == written
    file.write_bytes(file.read_bytes()[:-1000])
    with caplog.at_level(logging.INFO):
        open_graph(GRAPH, parameters)
    assert "truncated or damaged" in caplog.text
    assert file.stat().st_mtime_ns != written


def test_a_graph_that_tensorrt_cannot_read_is_an_error(tmp_path, parameters) -> None:
    from graphs import node, write_graph

    path = write_graph(tmp_path / "odd.onnx", [node("Sparkle", ["a"], ["b"])], {"a": [1, 3]}, {"b": [1, 3]})
    with pytest.raises(BadModel):
        open_graph(path, parameters)
