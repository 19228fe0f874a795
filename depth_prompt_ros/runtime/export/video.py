"""Export a network that was learned from video as an ONNX graph: picture, position grid and focal lengths in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from depth_prompt_ros.errors import BadInput, BadModel
from depth_prompt_ros.graph.weights import read_weights
from depth_prompt_ros.networks import catalogue
from depth_prompt_ros.networks.video.depth_net import VideoDepthNet
from depth_prompt_ros.resources import named_file
from depth_prompt_ros.runtime.export.pictures import example_pictures
from depth_prompt_ros.runtime.export.prompted import write_checked
from depth_prompt_ros.runtime.onnxruntime_graph import OnnxRuntimeGraph
from depth_prompt_ros.runtime.tensorrt.engine_file import file_sha256

INPUTS, OUTPUT = ("picture", "grid", "focal"), "disparity"
_MOST = 64


def export_video(out: Path, weights: Path, height: int, width: int, look: int | None = None) -> float:
    """Write a network learned by ``depth-prompt learn video`` to ``out``; returns the difference from PyTorch.

    Inputs, any number N of pictures or crops: ``picture`` (N, 3, h, w) RGB in [0, 1]; ``grid`` (N, 2, h, w), u and v in
    [-1, 1] of the whole picture that each is, or is cut of; ``focal`` (N, 2), fx and fy in pixels at this size. Output
    ``disparity`` (N, 1, h, w), 1 over the unit of the translations that were learned from.

    Args:
        height, width: of the camera's pictures, pixels.
        look: width at which the network looks at them; None: that at which it was learned.

    Raises:
        BadInput: a size that is none.
        BadModel: corrupt weights, a network that cannot be exported, or a graph that disagrees with PyTorch.
    """
    weights = named_file(weights)
    network = catalogue.load_video(weights)
    _, notes = read_weights(weights)
    look = look or int(notes.get("look", width))
    if min(height, width) < 1 or look < 8:
        raise BadInput(f"a picture of {width}x{height} looked at {look} pixels wide has no pixels")
    size = max(8, round(height * look / width / 4) * 4), look // 4 * 4
    free = {0: torch.export.Dim("pictures", min=1, max=_MOST)}
    try:
        program = torch.onnx.export(
            network, tuple(torch.from_numpy(each) for each in example_inputs(size, 2, 0).values()), dynamo=True,
            verbose=False, input_names=list(INPUTS), output_names=[OUTPUT], dynamic_shapes=(free, free, free),
        )  # fmt: skip
    except torch.onnx.OnnxExporterError as error:
        raise BadModel(f"{weights} cannot be exported: its code is not one graph") from error
    assert program is not None
    described = {
        "network": notes["network"],
        "network_sha256": file_sha256(weights),
        "size": f"{size[1]}x{size[0]}",
        "pictures": "any",
        "outputs": f"{OUTPUT}: 1 over the unit of the translations that were learned from",
    }
    return write_checked(program.model_proto, out, described, "fp32", lambda path: _disagreement(network, path, size))


def example_inputs(size: tuple[int, int], count: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """Pictures of ramps, grids of windows, and focal lengths about the width."""
    rng = np.random.default_rng(seed)
    height, width = size
    v, u = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    grid = np.stack([u, v])[None] * rng.uniform(0.5, 1, (count, 1, 1, 1))
    focal = width * rng.uniform(0.7, 1.5, (count, 2))
    arrays: dict[str, Any] = {"picture": example_pictures(size, count, seed), "grid": grid, "focal": focal}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def _disagreement(network: VideoDepthNet, path: Path, size: tuple[int, int]) -> float:
    """Largest relative difference of disparity between ONNX Runtime and PyTorch."""
    graph, worst = OnnxRuntimeGraph(path), 0.0
    for count in (1, 3):
        example = example_inputs(size, count, count)
        with torch.no_grad():
            expected = network(*(torch.from_numpy(each) for each in example.values())).numpy()
        found = graph(**example)[OUTPUT]
        worst = max(worst, float(np.nan_to_num(np.abs(found - expected) / expected, nan=np.inf).max()))
    return worst
