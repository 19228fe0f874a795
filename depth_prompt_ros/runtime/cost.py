"""What a graph costs on this machine, said when it is made."""

from __future__ import annotations

import time
from pathlib import Path

from depth_prompt_ros.runtime.check import check_inputs
from depth_prompt_ros.runtime.graph import Arrays, Graph
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph

_SLOW = 0.5


def describe_graph(path: Path) -> str:
    """How often a second ONNX Runtime runs it here on the CPU, in one line; a side that is free is 480 pixels.

    Raises:
        BadModel: a graph that cannot be run.
    """
    graph = OnnxRuntimeGraph(path)
    inputs = check_inputs(graph, targets=1)
    seconds = _seconds(graph, inputs)
    if seconds < _SLOW:  # the first run of a small one is mostly preparation
        seconds = min(_seconds(graph, inputs) for _ in range(3))
    height, width = max((array.shape for array in inputs.values()), key=len)[-2:]
    return f"{path.name}: {1 / seconds:.2g} runs a second on this machine ({graph.runs_in}, one of {width}x{height})"


def _seconds(graph: Graph, inputs: Arrays) -> float:
    began = time.perf_counter()
    graph.run(inputs)
    return time.perf_counter() - began
