"""Graphs in ONNX Runtime: batches, names and shapes, files that cannot be used."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from graphs import constant, node, write_graph

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.resources import resource_path
from depth_prompt_ros.runtime import onnxruntime_graph
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph


def row_sums(path: Path, targets: int | str) -> OnnxRuntimeGraph:
    """(N, 3) and (N,) to their product summed over 3: (N,)."""
    nodes = [node("ReduceSum", ["a", "axes"], ["row"], keepdims=0), node("Mul", ["row", "b"], ["sum"])]
    axes = constant("axes", [1], [1], integer=True)
    write_graph(path, nodes, {"a": [targets, 3], "b": [targets]}, {"sum": [targets]}, [axes])
    return OnnxRuntimeGraph(path)


@pytest.mark.parametrize("targets", [1, 3, "targets"])
@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_any_number_of_targets_runs_also_through_a_graph_for_some(tmp_path, targets, count) -> None:
    graph = row_sums(tmp_path / "graph.onnx", targets)
    rng = np.random.default_rng(0)
    a, b = rng.random((count, 3), np.float32), rng.random(count, np.float32)
    np.testing.assert_allclose(graph(a=a, b=b)["sum"], a.sum(1) * b, rtol=1e-6)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_largest_batch_is_never_passed(tmp_path, most) -> None:
    graph = row_sums(tmp_path / "graph.onnx", "targets")
    graph.most_targets = most
    batches = []
    run = graph.run
    graph.run = lambda inputs: batches.append(len(inputs["a"])) or run(inputs)
    a, b = np.arange(15, dtype=np.float32).reshape(5, 3), np.ones(5, np.float32)
    np.testing.assert_allclose(graph(a=a, b=b)["sum"], a.sum(1), rtol=1e-6)
    assert set(batches) == {most}


def test_an_answer_belongs_to_the_caller(tmp_path) -> None:
    graph = row_sums(tmp_path / "graph.onnx", "targets")
    first = graph(a=np.ones((2, 3), np.float32), b=np.ones(2, np.float32))["sum"]
    graph(a=np.full((2, 3), 5, np.float32), b=np.ones(2, np.float32))
    assert first.tolist() == [3, 3]


def test_other_names_and_shapes_are_named(tmp_path) -> None:
    graph = row_sums(tmp_path / "graph.onnx", "targets")
    with pytest.raises(BadModel, match=r"takes a, b, but was given a$"):
        graph(a=np.ones((2, 3), np.float32))
    with pytest.raises(BadModel, match=r"input a of graph .* is \(any, 3\), but was given \(2, 4\)"):
        graph(a=np.ones((2, 4), np.float32), b=np.ones(2, np.float32))
    with pytest.raises(BadModel, match=r"takes a, b, not image, mask: export it again"):
        graph.require_inputs(("image", "mask"))


def test_an_operator_that_onnx_runtime_lacks_is_not_called_a_corrupt_file(tmp_path) -> None:
    path = write_graph(tmp_path / "odd.onnx", [node("Sparkle", ["a"], ["b"])], {"a": [1, 3]}, {"b": [1, 3]})
    with pytest.raises(BadModel, match=r"lacks an operator of .*odd\.onnx: .*Sparkle"):
        OnnxRuntimeGraph(path)


def test_files_that_are_no_graphs(tmp_path) -> None:
    with pytest.raises(BadModel, match="no graph at"):
        OnnxRuntimeGraph(tmp_path / "nowhere.onnx")
    (tmp_path / "noise.onnx").write_bytes(b"\x00\x01noise")
    with pytest.raises(BadModel, match="it is no ONNX graph, or not all there"):
        OnnxRuntimeGraph(tmp_path / "noise.onnx")


def test_a_gpu_that_was_asked_for_is_never_replaced_in_silence(tmp_path) -> None:
    import onnxruntime

    path = row_sums(tmp_path / "graph.onnx", 1).path
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime is built with CUDA")
    with pytest.raises(BadModel, match="cannot use the GPU for graph"):
        OnnxRuntimeGraph(path, device="cuda")


def test_two_onnx_runtimes_in_one_folder_are_refused_with_what_to_type(tmp_path, monkeypatch) -> None:
    def install(name: str) -> None:
        (tmp_path / f"{name.replace('-', '_')}-1.0.dist-info").mkdir()
        (tmp_path / f"{name.replace('-', '_')}-1.0.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")

    monkeypatch.syspath_prepend(tmp_path)
    install("onnxruntime")
    onnxruntime_graph.require_one_installed()
    install("onnxruntime-gpu")
    line = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"
    with pytest.raises(BadModel, match=line):
        OnnxRuntimeGraph(tmp_path / "graph.onnx")
    with pytest.raises(BadModel, match=line):
        onnxruntime_graph.cuda_missing()


def double(path: Path, opset: int = 17, ir: int = 8, outside: bool = False) -> Path:
    """A graph of one weight, of any opset and IR version, with its weights inside or beside it."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weight = onnx.numpy_helper.from_array(np.full(1000, 2, np.float32), "w")
    sides = [helper.make_tensor_value_info(name, kind, [1000]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Mul", ["x", "w"], ["y"])], "g", sides[:1], sides[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    beside = {"save_as_external_data": True, "location": f"{path.name}.data", "size_threshold": 0} if outside else {}
    onnx.save_model(model, str(path), **beside)
    return path


@pytest.mark.parametrize("newer", [{"opset": 99}, {"ir": 99}])
def test_a_graph_newer_than_the_runtime_is_not_called_corrupt(tmp_path, newer) -> None:
    with pytest.raises(
        BadModel, match="is newer than ONNX Runtime .* knows .*: update ONNX Runtime, or export"
    ) as error:
        OnnxRuntimeGraph(double(tmp_path / "g.onnx", **newer))
    assert "corrupt" not in str(error.value)
    assert "onnxruntime_src" not in str(error.value)


@pytest.mark.parametrize("kept", [None, b"", b"half of it"])
def test_weights_beside_the_graph_that_are_gone_or_cut_are_named(tmp_path, kept) -> None:
    path = double(tmp_path / "g.onnx", outside=True)
    assert OnnxRuntimeGraph(path).run({"x": np.ones(1000, np.float32)})["y"][0] == 2
    data = tmp_path / "g.onnx.data"
    data.unlink()
    if kept is not None:
        data.write_bytes(kept)
    with pytest.raises(BadModel, match=r"keeps its weights in a file beside it, which is missing or another: .*"):
        OnnxRuntimeGraph(path)


def test_an_empty_file_and_a_cut_one(tmp_path) -> None:
    path = double(tmp_path / "g.onnx")
    content = path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(BadModel, match="the file is empty"):
        OnnxRuntimeGraph(path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadModel, match=r"no ONNX graph, or not all there; ONNX Runtime .* says: Load model"):
        OnnxRuntimeGraph(path)


def test_graphs_that_load_at_once_leave_standard_output_alone() -> None:
    before = sys.stdout
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(OnnxRuntimeGraph, [resource_path("models/object_depth.onnx")] * 12))
    assert sys.stdout is before
