"""The network that finds things, as an ONNX graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from depth_prompt_ros.runtime.export.prompted import write_checked
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.stages.things.inputs import CHANNELS, INPUT, OUTPUT


def export_things(module: nn.Module, out: Path, size: tuple[int, int], notes: dict[str, str]) -> float:
    """Write ``module``, from (1, 10, h, w) to (1, 7, h, w), to ``out``; returns its largest difference from PyTorch.

    Args:
        module: in eval mode.
        size: h and w.
        notes: metadata of the graph; its size is added.

    Raises:
        BadModel: a graph that disagrees with PyTorch, or a file that cannot be written.
    """
    program = torch.onnx.export(
        module, (torch.from_numpy(_example(size, 0)),), dynamo=True, verbose=False, input_names=[INPUT],
        output_names=[OUTPUT],
    )  # fmt: skip
    assert program is not None

    def difference(path: Path) -> float:
        graph, seen = OnnxRuntimeGraph(path), _example(size, 1)
        with torch.no_grad():
            expected = module(torch.from_numpy(seen)).numpy()
        return float(np.abs(graph(**{INPUT: seen})[OUTPUT] - expected).max() / np.abs(expected).max())

    size_note = {"size": f"{size[1]}x{size[0]}", "precision": "fp32"}
    return write_checked(program.model_proto, out, {**notes, **size_note}, "fp32", difference)


def _example(size: tuple[int, int], seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    seen = rng.uniform(-1, 1, (1, CHANNELS, *size))
    seen[:, :3] = np.abs(seen[:, :3])
    return seen.astype(np.float32)
