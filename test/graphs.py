"""Tiny ONNX files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Shapes = dict[str, list[int | str]]


def write_graph(
    path: Path, nodes: Sequence[Any], inputs: Shapes, outputs: Shapes, constants: Sequence[Any] = ()
) -> Path:
    """Float inputs and outputs by name and shape."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    values = [
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in side.items()] for side in (inputs, outputs)
    ]
    graph = helper.make_graph(list(nodes), "g", *values, list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> Any:
    return pytest.importorskip("onnx").helper.make_node(kind, list(inputs), list(outputs), **attributes)


def constant(name: str, shape: Sequence[int], values: Sequence[float], integer: bool = False) -> Any:
    onnx = pytest.importorskip("onnx")
    array = np.array(values, np.int64 if integer else np.float32).reshape(shape)
    return onnx.numpy_helper.from_array(array, name)
