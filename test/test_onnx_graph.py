"""Graphs with a fixed number of targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from depth_prompt_ros.runtime.onnx_graph import OnnxGraph


def row_sums(path: Path, targets: int | str) -> OnnxGraph:
    """(N, 3) and (N,) to their product summed over 3: (N,)."""
    from onnx import TensorProto, helper

    values = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in {"a": [targets, 3], "b": [targets], "sum": [targets]}.items()
    }
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes = [
        helper.make_node("ReduceSum", ["a", "axes"], ["row"], keepdims=0),
        helper.make_node("Mul", ["row", "b"], ["sum"]),
    ]
    graph = helper.make_graph(nodes, "g", [values["a"], values["b"]], [values["sum"]], [axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, str(path))
    return OnnxGraph(path, ("a", "b"))


@pytest.mark.parametrize("targets", [1, "targets"])
@pytest.mark.parametrize("count", [1, 4])
def test_any_number_of_targets_runs_also_through_a_graph_for_one(tmp_path, targets, count) -> None:
    graph = row_sums(tmp_path / "graph.onnx", targets)
    rng = np.random.default_rng(0)
    a, b = rng.random((count, 3), np.float32), rng.random(count, np.float32)
    np.testing.assert_allclose(graph(a=a, b=b)["sum"], a.sum(1) * b, rtol=1e-6)
