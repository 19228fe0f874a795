"""Export a stereo network as an ONNX graph, and describe it for :mod:`.picture_graph`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.stereo.interface import PreparedStereo, load_stereo
from depth_prompt_ros.resources import named_file
from depth_prompt_ros.runtime.export.pictures import write_description
from depth_prompt_ros.runtime.export.prompted import write_checked
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.runtime.tensorrt.engine_file import file_sha256

TOLERANCE = 1e-3
"""Largest difference from PyTorch that is accepted, pixels of disparity."""

_INPUTS, _OUTPUT = ("left", "right"), "disparity"
_MOST = 4096


def export_stereo(
    out: Path,
    name: str = "raft-stereo-small",
    weights: Path | None = None,
    size: tuple[int, int] | None = None,
    iterations: int | None = None,
) -> float:
    """Write stereo network ``name`` to ``out``, and ``out`` with the suffix ``.yaml``, its description.

    Inputs ``left`` and ``right`` (1, 3, H, W) RGB in [0, 1]; output ``disparity`` (1, 1, H, W) pixels. H and W are any
    multiples of what the network takes, or fixed ones; the description has smaller pictures padded.

    Args:
        out: ONNX file.
        name: of the network in the catalogue.
        weights: of the network; None: those of the catalogue.
        size: height and width of the camera's pictures in pixels, for a graph of their size alone; any size if None.
        iterations: updates of the disparity, fixed in the graph; the network's own number if None.

    Returns:
        The largest difference from PyTorch in the checked pairs, pixels.

    Raises:
        BadInput: a picture size or a number of iterations that is none.
        BadModel: corrupt weights, a network that cannot be exported, or a graph that disagrees with PyTorch.
    """
    if size is not None and min(size) < 1:
        raise BadInput(f"a picture of {size[1]}x{size[0]} has no pixels: give those of the camera")
    if iterations is not None and iterations < 1:
        raise BadInput(f"{iterations} iterations find nothing: give 1 or more")
    entry = catalogue.find_stereo(name)
    weights = named_file(weights) if weights else catalogue.weights_path(entry)
    module = load_stereo(name, weights)
    if iterations is not None:
        module.network.iterations = iterations
    multiple = entry.multiple
    if size is not None:
        size = -(-size[0] // multiple) * multiple, -(-size[1] // multiple) * multiple
    model = _exported(module, name, multiple, size)
    notes = {
        "network": name,
        "network_sha256": file_sha256(weights),
        "size": f"{size[1]}x{size[0]}" if size else f"any multiples of {multiple}",
        "iterations": str(module.network.iterations),
        "outputs": f"{_OUTPUT} of the left picture, pixels",
    }
    sizes = [size, size] if size else [(5 * multiple, 6 * multiple), (4 * multiple, 8 * multiple)]
    difference = write_checked(model, out, notes, "fp32", lambda path: _disagreement(module, path, sizes), TOLERANCE)
    description = {
        "inputs": {name: name for name in _INPUTS},
        "white": 1,
        "fit": "pad",
        "multiple": multiple,
        "output": {"name": _OUTPUT, "meaning": "disparity"},
    }
    write_description(out, description)
    return difference


def _exported(module: PreparedStereo, name: str, multiple: int, size: tuple[int, int] | None) -> Any:
    rows, columns = (torch.export.Dim(side, min=3, max=_MOST // multiple) for side in ("rows", "columns"))
    free = {2: multiple * rows, 3: multiple * columns}
    pair = example_pair(size or (4 * multiple, 6 * multiple), seed=0)
    try:
        program = torch.onnx.export(
            module, tuple(torch.from_numpy(picture) for picture in pair), dynamo=True, verbose=False,
            input_names=list(_INPUTS), output_names=[_OUTPUT], dynamic_shapes=None if size else (free, free),
        )  # fmt: skip
    except torch.onnx.OnnxExporterError as error:
        advice = "" if size else "; one of a fixed size may do: give height and width"
        raise BadModel(f"{name} cannot be exported: its code is not one graph{advice}") from error
    assert program is not None
    return program.model_proto


def example_pair(size: tuple[int, int], seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A left and a right picture, (1, 3, H, W) float32 RGB in [0, 1]: texture of several scales on a slanted plane.

    The disparity grows from 2 to 10 per cent of the width from top to bottom.
    """
    rng = np.random.default_rng(seed)
    height, width = size
    wide = width + width // 8
    texture = np.zeros((3, height, wide), np.float32)
    for cell in (2, 8, 32):
        coarse = rng.random((3, -(-height // cell), -(-wide // cell)), np.float32)
        texture += coarse.repeat(cell, 1).repeat(cell, 2)[:, :height, :wide] / 3
    shifts = np.linspace(0.02 * width, 0.1 * width, height).astype(int)
    right = np.stack([texture[:, row, shift : shift + width] for row, shift in enumerate(shifts)], 1)
    return texture[None, :, :, :width].copy(), right[None]


def _disagreement(module: PreparedStereo, path: Path, sizes: list[tuple[int, int]]) -> float:
    """Largest difference between ONNX Runtime and PyTorch, pixels."""
    graph, worst = OnnxRuntimeGraph(path), 0.0
    for seed, size in enumerate(sizes, 1):
        pair = example_pair(size, seed)
        with torch.no_grad():
            expected = module(*(torch.from_numpy(picture) for picture in pair)).numpy()
        found = graph(**dict(zip(_INPUTS, pair, strict=True)))[_OUTPUT]
        worst = max(worst, float(np.nan_to_num(np.abs(found - expected), nan=np.inf).max()))
    return worst
