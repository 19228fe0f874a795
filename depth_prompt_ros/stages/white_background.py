"""The prompted network on white in place of its learned background: what the background is worth, end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.runtime.graph import Graph
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph

BACKGROUND = "background.picture"
"""What an exported graph calls the constant that a single learned background is."""


def on_white(graph: Graph, threads: int) -> OnnxRuntimeGraph:
    """The same file in ONNX Runtime, its background replaced by white.

    Raises:
        BadModel: it holds no single background, so nothing can be replaced.
    """
    path: Path = graph.path
    size = int(graph.metadata["size"])
    problem = f"prompted_depth.background is white, but {path} holds no single learned background: choose learned"
    if path.suffix != ".onnx" or "mask" not in graph.inputs:
        raise BadModel(problem)
    white = OnnxRuntimeGraph(path, threads, constants={BACKGROUND: np.ones((1, 3, size, size), np.float32)})
    nothing = {name: np.zeros([side or 1 for side in shape], np.float32) for name, shape in white.inputs.items()}
    seen = white(**{**nothing, "relief": np.ones_like(nothing["relief"])})["picture"]
    if not np.all(seen == 1):
        raise BadModel(problem)
    return white
